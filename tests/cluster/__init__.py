"""The local control plane: real etcd, API server, controllers and scheduler, with simulated nodes and pods."""
