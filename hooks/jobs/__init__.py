"""What runs in Jobs of the cluster: certificates and downloads. Edges: they may do I/O."""
