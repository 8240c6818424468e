"""Annotations that users state for children."""

from aimlib.api import GROUP

RESERVED = (GROUP, "metacontroller.k8s.io")
"""Domains whose annotations on a child the operator and Metacontroller read back, so that no spec may state them."""


def is_reserved(key: str) -> bool:
    """Whether an annotation is the operator's or Metacontroller's."""
    domain = f".{key.rpartition('/')[0]}"
    return any(domain.endswith(f".{one}") for one in RESERVED)
