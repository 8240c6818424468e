"""The hooks: pure functions from a Metacontroller request to its response, and the programs that call them."""
