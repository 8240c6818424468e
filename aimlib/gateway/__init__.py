"""One URL for many models: the table of a gateway, and Envoy's configuration rendered from it. No hook, no I/O."""
