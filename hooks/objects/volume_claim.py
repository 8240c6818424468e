"""A PersistentVolumeClaim."""

from collections.abc import Mapping, Sequence

from aimlib.api.meta import Raw
from aimlib.kube.quantity import canonical_quantity


def volume_claim(
    metadata: Mapping[str, object], size: str, access_modes: Sequence[str], storage_class: str | None
) -> Raw:
    """A PersistentVolumeClaim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": dict(metadata),
        "spec": {
            "accessModes": list(access_modes),
            "resources": {"requests": {"storage": canonical_quantity(size)}},
            "storageClassName": storage_class,
        },
    }
