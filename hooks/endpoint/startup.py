"""How long replicas take to start, and whether that is as short as the settings want it; Ready does not wait for it."""

from collections.abc import Iterator

from aimlib.api.startup import Startup
from aimlib.diagnosis.start_times import PARTS, is_ready, startup
from aimlib.kube.duration import format_duration
from aimlib.kube.server_kinds import is_worker
from aimlib.protocol.conditions import Verdict
from aimlib.scaling.anticipation import USUAL_STARTUP_SECONDS, rounded_startup
from hooks.endpoint.world import World, remembered_part

SHORTER = {
    "scheduling": ("waiting for a node", "a node kept warm, as by a pod of low priority that makes room"),
    "volume": ("mounting volumes", "a storage class whose volumes attach faster, or one that several nodes mount"),
    "image": ("pulling the image", "an image that is on the nodes before, or a registry nearby (imageRegistry)"),
    "load": ("loading the model", "a volume that reads faster, and what is compiled kept (engine.compileCache)"),
}
"""What each part is, and what shortens it."""
USE_CACHE = "an AIMCache, since each replica downloads the model"


def measured_startup(world: World) -> Startup | None:
    """The last starts, with those that the Pods show now.

    A Pod is ready before its Deployment says so, which is written to the status in any case: both are told at once.
    """
    pods = [pod for pod in world.pods or () if not is_worker(pod)]
    counted = sum((one.get("status") or {}).get("readyReplicas", 0) for one in world.deployments)
    told = pods if sum(map(is_ready, pods)) <= counted else ()
    return startup(remembered_part(world.before, "startup", Startup), told)


def counted_startup(world: World) -> int:
    """The start-up time that an autoscaler counts on, in seconds: the usual one where it does not look ahead."""
    if world.spec.scaling is None or world.spec.scaling.anticipate is None:
        return USUAL_STARTUP_SECONDS
    known = remembered_part(world.before, "startup", Startup)
    former = ((world.before.get("scaling") or {}).get("anticipated") or {}).get("startupSeconds")
    return rounded_startup(known.p90_seconds if known else None, former)


def starts_fast(found: Startup | None, target: int, *, cached: bool) -> Iterator[Verdict]:
    """StartsFast, once there was a start. `cached` is whether the model is on a volume before a replica starts."""
    if found is None:
        return
    many = f"nine in ten of the last {found.count} starts" if found.count > 1 else "the last start"
    took = f"{many} took at most {format_duration(found.p90_seconds)} of {format_duration(target)}"
    if found.p90_seconds <= target:
        yield Verdict("StartsFast", True, "Fast", took)
        return
    medians = found.parts.wire()
    largest = max(medians, key=lambda part: (medians[part], PARTS.index(part)))
    what, shorter = SHORTER[largest]
    shorter = USE_CACHE if largest == "load" and not cached else shorter
    most = f"{what} takes most of it, {format_duration(medians[largest])}; shorter with {shorter}"
    yield Verdict("StartsFast", False, "Slow", f"{took}: {most}")
