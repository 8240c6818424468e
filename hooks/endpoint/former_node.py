"""The node on which an endpoint that has stopped by itself rather starts again.

It is in the pods' template, and a template that changes replaces pods: so it changes only while there are none.
"""

from aimlib.api.meta import Raw
from aimlib.api.startup import Startup
from aimlib.kube.server_kinds import pods_template
from aimlib.protocol.last_applied import last_applied
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.placement import preferred_node
from hooks.endpoint.world import World, may_reach_zero, remembered_part


def former_node(world: World, owner: Owner) -> str | None:
    """The node that the pods' template names: as it is, or that of the last start while there are no pods."""
    running = world.running
    if running is not None and (owner.replicas or _has_pods(running)):
        return preferred_node(pods_template(last_applied(running) or running))
    known = remembered_part(world.before, "startup", Startup) if may_reach_zero(world.spec) else None
    return known.node if known else None


def _has_pods(running: Raw) -> bool:
    """Whether a Deployment has pods, or is about to."""
    spec, status = running["spec"], running.get("status") or {}
    return bool(spec.get("replicas", 1) or status.get("replicas"))
