"""What Metacontroller last applied to a child, so that a child can be desired as it is."""

from aimlib.api.meta import Raw
from aimlib.protocol.metacontroller import BadRequestError, prune
from aimlib.protocol.observed import LAST_APPLIED, last_applied

WRITTEN = frozenset({"name", "namespace", "labels", "annotations"})
"""Metadata that a child is desired with."""


def kept_child(observed: Raw) -> Raw:
    """An observed child as it is desired so that it stays: as it was last applied, else as it is found.

    BadRequestError where the record cannot be read.
    """
    metadata = observed["metadata"]
    try:
        last = last_applied(observed)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadRequestError(f"what was last applied to {metadata.get('name')} cannot be read") from error
    if last is not None:
        return last
    stated = {key: value for key, value in metadata.items() if key in WRITTEN}
    notes = {key: text for key, text in (stated.get("annotations") or {}).items() if key != LAST_APPLIED}
    found = {key: value for key, value in observed.items() if key not in {"status", "metadata"}}
    return dict(prune({**found, "metadata": {**stated, "annotations": notes}}))
