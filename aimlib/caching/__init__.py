"""Caches without I/O: the cache of an endpoint, capacity, usage, eviction, and the reports of its Jobs."""
