"""A data plane for the local control plane: pods that are processes, on addresses, Services and names that are real."""
