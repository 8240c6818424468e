"""What is free when a configuration is selected: it ranks the candidates, is kept, and never decides anew."""

from collections.abc import Sequence

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.api.node import NodePool, NodeSpec
from aimlib.api.room import FreeCapacity
from aimlib.config import Config
from aimlib.hardware.free import NodeUse, free_hardware
from aimlib.hardware.placement import keeps_away, lacking, node_selector
from aimlib.protocol.metacontroller import BadRequestError, Request
from aimlib.schema.parsing import parse_again
from aimlib.selection.candidates import NOTHING_KNOWN, Room
from aimlib.selection.steps import decided_for, is_decided_for
from hooks.endpoint.world import read_spec


def is_decided_anew(request: Request) -> bool:
    """Whether a configuration is to be selected for the parent, by what is free then."""
    try:
        spec = read_spec(request.parent)
    except BadRequestError:
        return False
    pinned = (request.parent.get("status") or {}).get("resolved")
    written = str(pinned.get("decidedFor")) if isinstance(pinned, dict) else ""
    return spec.recipe.when_full != "Wait" and not is_decided_for(written, decided_for(spec))


def known_room(spec: EndpointSpec, config: Config, before: Raw, uses: Sequence[NodeUse] | None) -> Room:
    """The room for an endpoint: by what pods request now, else as its status has it.

    `uses` is None where a configuration is pinned for what the spec requests: it is compared with others by what was
    free when it was selected, so that a device that becomes free is no reason to change.
    """
    if spec.recipe.when_full == "Wait":
        return NOTHING_KNOWN
    if uses is None:
        return Room(free=_recorded(before, decided_for(spec)))
    selector = node_selector(config.node_selector, spec.node_selector)

    def may_use(node: NodeSpec, pool: NodePool) -> bool:
        keys = config.tolerated_taints.get(pool.vendor, ())
        away = any(keeps_away(taint, keys, spec.tolerations) for taint in node.taints)
        return not away and not lacking(selector, node.labels)

    return Room(free=FreeCapacity(replicas=max(spec.replicas, 1), hardware=free_hardware(uses, may_use)))


def _recorded(before: Raw, key: str) -> FreeCapacity | None:
    """What was free when the explanation in the status was written, for what the spec requests now."""
    found = before.get("selection")
    if not isinstance(found, dict) or not found.get("free") or not is_decided_for(str(found.get("decidedFor")), key):
        return None
    return parse_again(FreeCapacity, found["free"], "status.selection cannot be read")
