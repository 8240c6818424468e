"""A real vLLM that computes on CPUs, behind endpoints on the local control plane. `make engines`."""
