"""Kubernetes' value types: quantities, durations, timestamps. Imports nothing of this project."""
