"""The hooks: pure functions from a Metacontroller request to its answer, and the two edges that call them."""
