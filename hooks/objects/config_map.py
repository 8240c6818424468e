"""A ConfigMap."""

from collections.abc import Mapping

from aimlib.api.meta import Raw


def config_map(metadata: Mapping[str, object], data: Mapping[str, str] | None = None) -> Raw:
    """With data, or empty for others to fill."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(metadata), "data": dict(data or {})}
