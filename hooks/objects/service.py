"""A Service."""

from collections.abc import Mapping

from aimlib.api.meta import Raw


def service_object(metadata: Mapping[str, object], spec: Raw) -> Raw:
    """A Service with this spec."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": dict(metadata), "spec": spec}
