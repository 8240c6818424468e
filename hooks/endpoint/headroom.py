"""The headroom of an endpoint's target of requests, renewed once a day by its own traffic; a doubt leaves it."""

from aimlib.api.scaling import Headroom
from aimlib.api.startup import Startup
from aimlib.scaling.anticipation import USUAL_STARTUP_SECONDS
from aimlib.scaling.headroom import USUAL_HEADROOM, follows_past, headroom_of, kept, replay_is_due
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.triggers import stated_requests
from hooks.endpoint.world import World, remembered_part

NOT_ASKED = "the hook server has no Prometheus to ask for the traffic (AIM_OBSERVE, AIM_PROMETHEUS_URL)"


def headroom(world: World, owner: Owner) -> Headroom | None:
    """What the target of requests goes by; None where that is the spec alone."""
    if not (follows_past(world.spec.scaling) and world.spec.monitoring.scraped):
        return None
    former = remembered_part(world.before.get("scaling") or {}, "headroom", Headroom)
    if former and not replay_is_due(former.as_of, world.now):
        return former
    if world.traffic is None or world.traffic.error:
        return kept(former or USUAL_HEADROOM, world.traffic.error if world.traffic else NOT_ASKED)
    started = remembered_part(world.before, "startup", Startup)
    seconds = started.p90_seconds if started else USUAL_STARTUP_SECONDS
    return headroom_of(former, world.traffic.samples, stated_requests(owner), seconds, world.now)
