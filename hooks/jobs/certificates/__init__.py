"""The Job that renews and distributes the hook server's certificates and its clients' tokens. An edge: does I/O."""
