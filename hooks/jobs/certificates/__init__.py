"""What makes, renews and hands out the hook server's certificates and the tokens of its callers: an edge of its own."""
