"""The command line, `aim`: the hooks on files or on live objects. An edge: it may do I/O."""
