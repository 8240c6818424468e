"""A ConfigMap."""

from collections.abc import Mapping

from aimlib.api.meta import Raw


def config_map(metadata: Mapping[str, object], data: Mapping[str, str] | None = None) -> Raw:
    """A ConfigMap with data, or an empty one that another program fills."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(metadata), "data": dict(data or {})}
