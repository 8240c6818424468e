"""What a cluster would do with objects that it does not have: the hooks are called as Metacontroller calls them.

The command line and the web page use it. It does no I/O.
"""
