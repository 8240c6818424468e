"""Logs, metrics and the audit record of decisions. Imports aimlib alone."""
