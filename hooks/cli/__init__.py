"""The command line, `aim`: calls the hooks with files or with a cluster's objects. An edge: it may do I/O."""
