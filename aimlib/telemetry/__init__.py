"""The engines' metrics: recording rules, and the query for live metrics with its answer. Imports aimlib.engines."""
