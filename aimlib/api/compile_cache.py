"""Where an endpoint keeps what its engine compiles, so that the next replica need not compile it again."""

from typing import Annotated, Literal

from aimlib.api import formats
from aimlib.api.base import Quantity, Ruled, above_zero


class CompileCache(Ruled):
    """A PersistentVolumeClaim of this endpoint for what the engine compiles while it starts.

    It holds programs that the engine runs, and so no other endpoint has it. Each image, GPU and set of arguments has
    its own folder; of those that are not used any more the last few are kept, while a quarter of the volume is free.
    """

    rules = (above_zero("size", "10Gi"),)

    size: Quantity = "10Gi"
    """Size of the PersistentVolumeClaim."""
    storage_class: Annotated[str, formats.OPTIONAL_NAME.field] | None = None
    """Storage class of the PersistentVolumeClaim; the cluster's default when left out."""
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = "ReadWriteOnce"
    """Access mode of the PersistentVolumeClaim. ReadWriteOnce keeps all replicas on one node."""
