"""Kubernetes' value types: quantities, durations, timestamps. Imports aimlib.errors only."""
