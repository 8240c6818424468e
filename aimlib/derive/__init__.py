"""Derives candidates that no recipe has: from the facts of a model and the GPUs of the cluster, by a table of rules."""
