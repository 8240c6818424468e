"""The agent of a gateway, without Envoy; with a real one: tests/dataplane."""
