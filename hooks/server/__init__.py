"""The HTTP server that calls the hooks, for Metacontroller and for admission webhooks. An edge: it may do I/O."""
