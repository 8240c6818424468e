"""The Helm charts, made from the kustomizations: what `make chart` writes, and that Helm renders the same objects."""
