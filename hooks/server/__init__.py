"""The HTTP server around the hooks, for Metacontroller and for admission webhooks. An edge: it may do I/O."""
