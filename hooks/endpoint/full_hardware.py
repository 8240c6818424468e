"""Hardware that an endpoint found full: the scheduler's own words about its pods decide, and nobody counts other pods.

An endpoint that has never been ready takes the next candidate then. What was full is kept with the explanation of the
selection, so that it does not go back and forth.
"""

from collections.abc import Iterable
from functools import reduce
from itertools import chain
from typing import NamedTuple

from aimlib.api.endpoint_status import Selection
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.api.room import MOST_FULL, FullHardware
from aimlib.diagnosis.container_ends import is_live
from aimlib.diagnosis.scheduling import lacks, summarize
from aimlib.kube.server_kinds import pods_template
from aimlib.kube.timestamp import parse_time
from aimlib.protocol.observed import condition_of
from aimlib.schema.parsing import parse_as
from aimlib.selection.steps import decided_for, is_decided_for
from hooks.endpoint.children.device_claims import has_claim_of
from hooks.endpoint.children.placement import affinity, anywhere
from hooks.endpoint.full_record import read_full
from hooks.endpoint.world import World


class PodWait(NamedTuple):
    """The wait of a pod that the scheduler finds no node for."""

    since: str
    message: str


def recorded(before: Raw, key: str) -> tuple[FullHardware, ...]:
    """What was found full while the spec requested what it requests now."""
    found = before.get("selection")
    if not isinstance(found, dict) or not found.get("full") or not is_decided_for(str(found.get("decidedFor")), key):
        return ()
    return parse_as(Selection, found, "status.selection cannot be read").full


def left_before(world: World, pinned: Resolved | None) -> tuple[FullHardware, ...]:
    """What was full by the records of Deployments and LeaderWorkerSets that run another configuration than the pinned.

    A status from before their last change pins the one that was left.
    """
    key = decided_for(world.spec)
    records = ((read_full(one, key), one) for one in world.deployments)
    others = (full for full, one in records if full and (pinned is None or not _runs(one, pinned)))
    return joined((), chain.from_iterable(others))


def observed(world: World, pinned: Resolved | None) -> FullHardware | None:
    """The hardware of the pinned configuration, where none of its pods has found room for long enough."""
    asked = pinned and (pinned.device_claim.device_class if pinned.device_claim else pinned.resource)
    if pinned is None or not asked or not world.pods or was_ready(world.before):
        return None
    own = [pod for pod in world.pods if is_live(pod) and _is_of(pod, pinned)]
    waits = [_wait(pod, asked) for pod in own]
    enough = any if pinned.nodes else all  # a replica on several nodes waits while one of its pods does
    if not own or not enough(wait is not None and _is_long(wait, world) for wait in waits):
        return None
    first = min(wait for wait in waits if wait)
    return FullHardware(
        product=pinned.product,
        partition=pinned.partition,
        resource=asked,
        gpu_count=pinned.gpu_count,
        since=first.since,
        message=summarize(first.message, {asked: str(pinned.gpus_per_node)}),
    )


def is_new(one: FullHardware | None, known: tuple[FullHardware, ...]) -> bool:
    """Whether it is not known yet that there is no room for so many of these devices."""
    if one is None or len(known) >= MOST_FULL:
        return False
    return not any(_covers(old, one) and old.gpu_count <= one.gpu_count for old in known)


def added(one: FullHardware, known: tuple[FullHardware, ...]) -> tuple[FullHardware, ...]:
    """What is known to be full, with one more: of each kind of device the fewest, since more need more room."""
    return (*(old for old in known if not _covers(old, one)), one)


def joined(known: tuple[FullHardware, ...], more: Iterable[FullHardware]) -> tuple[FullHardware, ...]:
    """What is known to be full, with more that is."""
    return reduce(lambda so_far, one: added(one, so_far) if is_new(one, so_far) else so_far, more, known)


def _covers(old: FullHardware, one: FullHardware) -> bool:
    return old.covers(one.product, one.partition, one.resource or "")


def was_ready(before: Raw) -> bool:
    """Whether a replica has ever been ready, by a status: that is when it begins to count them."""
    return "current" in (before.get("replicas") or {})


def _is_of(pod: Raw, pinned: Resolved) -> bool:
    """Whether a pod is of that configuration: after it has changed, those of the former one are there for a moment."""
    if pinned.device_claim:
        return has_claim_of(pod["spec"], pinned)
    requests = (container.get("resources", {}).get("requests") or {} for container in pod["spec"]["containers"])
    counts = {str(one.get(pinned.resource)) for one in requests}
    wanted = (affinity(pinned) or {}).get("nodeAffinity")
    return str(pinned.gpus_per_node) in counts and (pod["spec"].get("affinity") or {}).get("nodeAffinity") == wanted


def _runs(server: Raw, pinned: Resolved) -> bool:
    """Whether a Deployment or LeaderWorkerSet is of that configuration, by the devices that its pods request."""
    nodes = (server["spec"].get("leaderWorkerTemplate") or {}).get("size")
    return bool(nodes == pinned.nodes) and _is_of(anywhere(pods_template(server)), pinned)


def _wait(pod: Raw, resource: str) -> PodWait | None:
    found = condition_of(pod.get("status") or {}, "PodScheduled")
    message = str(found.get("message") or "")
    if found.get("status") != "False" or not found.get("lastTransitionTime") or not lacks(message, resource):
        return None
    return PodWait(found["lastTransitionTime"], message)


def _is_long(wait: PodWait, world: World) -> bool:
    since = parse_time(wait.since)
    return since is not None and (world.now - since).total_seconds() >= world.config.full_after_seconds
