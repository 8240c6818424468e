"""Caches, without I/O: an endpoint's cache, capacity, usage, eviction, and the reports of Jobs."""
