// An OCI registry, pinned. Built by tests/cluster/binaries.py for `make sources`, imported by nothing.
module aim-engine.local/sources

go 1.25.0

tool github.com/google/go-containerregistry/cmd/registry

require github.com/google/go-containerregistry v0.20.6 // indirect
