"""Replicas on several nodes by LeaderWorkerSet's own program: `make groups`."""
