"""What keeps Envoy's memory within its limit: bodies are kept until they are whole, and may be many, large and slow."""

from aimlib.api.meta import Raw

MOST_HEAP = 1792 * 2**20
"""Bytes: less than the limit of Envoy's container (MEMORY_LIMIT in hooks/gateway/children), by what is no heap."""
REFUSED_FROM = 0.95
"""The part of that from which on new requests are refused: those under way go on, where an end would end all."""
BODY_SECONDS = 300
"""How long a request may take to arrive, its body included: a slow one keeps memory as long."""
_HEAP = "envoy.resource_monitors.fixed_heap"
_HEAP_TYPE = "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"


def overload_manager(most_heap: int = MOST_HEAP) -> Raw:
    """The part of Envoy's bootstrap of that name."""
    heap = {"@type": _HEAP_TYPE, "max_heap_size_bytes": most_heap}
    refused = {"name": _HEAP, "threshold": {"value": REFUSED_FROM}}
    return {
        "resource_monitors": [{"name": _HEAP, "typed_config": heap}],
        "actions": [{"name": "envoy.overload_actions.stop_accepting_requests", "triggers": [refused]}],
    }
