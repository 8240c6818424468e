"""The API types of `aim.engine.amd.com/v1alpha1`: the pydantic models that the CRDs are generated from."""

GROUP = "aim.engine.amd.com"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
