"""Reads what is observed of a parent and its children: rollouts, conditions, and since when."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.kube.server_kinds import SERVER_KINDS
from aimlib.kube.timestamp import format_timestamp, is_time, is_written_time, parse_time
from aimlib.naming import ROUTED_LABEL, group_name, track_name
from aimlib.protocol.last_applied import is_applied

GRACE_SECONDS = 10
"""How long a child may be missing before it is reported: a cache that lags is right again within a second."""

DEPLOYMENT = "Deployment.apps/v1"
SERVICE = "Service.v1"
CLAIM = "PersistentVolumeClaim.v1"

Children = Mapping[str, Mapping[str, Raw]]
"""Observed children by `Kind.group/version`, and then by name."""


class Rollout(NamedTuple):
    """The replicas that a Deployment reports."""

    current: int
    updated: int
    ready: int
    available: int
    up_to_date: bool
    """Whether the report is about the present spec."""
    problem: tuple[str, str] | None
    """Reason and message, where the Deployment reports that it is stuck, or its Pods show why."""
    starting: str = ""
    """What the Pods that start wait for, as a clause of a message."""


class ChildState(NamedTuple):
    """A desired child, and how it is observed."""

    desired: Raw
    observed: Raw | None
    applied: bool
    """Whether it is observed as it is desired now."""

    @property
    def name(self) -> str:
        """Kind and name, as in `Service chat`."""
        return f"{self.desired['kind']} {self.desired['metadata']['name']}"


ChildStates = Mapping[tuple[str, str], ChildState]
"""Desired children beside the observed ones, by kind and name."""


def kind_key(child: Raw) -> str:
    """The outer key under which a child is observed, such as `Deployment.apps/v1`."""
    return f"{child['kind']}.{child['apiVersion']}"


def find_child(children: Children, key: str, name: str) -> Raw | None:
    """The observed child of that kind and name."""
    return next((child for child in children.get(key, {}).values() if child["metadata"]["name"] == name), None)


def child_state(children: Children, desired: Raw) -> ChildState:
    """One child as it is desired and as it is observed."""
    observed = find_child(children, kind_key(desired), desired["metadata"]["name"])
    return ChildState(desired, observed, observed is not None and is_applied(observed, desired))


def child_states(children: Children, desired: Iterable[Raw]) -> dict[tuple[str, str], ChildState]:
    """The children as they are desired and as they are observed, in the order of `desired`."""
    return {(child["kind"], child["metadata"]["name"]): child_state(children, child) for child in desired}


def servers(children: Children) -> list[Raw]:
    """The observed Deployments and LeaderWorkerSets."""
    return [one for kind in SERVER_KINDS for one in children.get(kind, {}).values()]


def find_server(children: Children, endpoint: str, track: str) -> Raw | None:
    """What runs the model servers of one track of an endpoint: its Deployment, or its LeaderWorkerSet."""
    names = zip(SERVER_KINDS, (track_name, group_name), strict=True)
    found = (find_child(children, kind, name_of(endpoint, track)) for kind, name_of in names if children.get(kind))
    return next(filter(None, found), None)


def phase_of(child: Raw | None) -> str:
    """The phase that an observed child reports; empty before it is there."""
    return str(((child or {}).get("status") or {}).get("phase") or "")


def overdue(now: datetime, since: str | None, seconds: float = GRACE_SECONDS) -> bool:
    """Whether at least so many seconds have passed since that moment; never where there is none, or it is no time."""
    moment = parse_time(since)
    return moment is not None and (now - moment).total_seconds() >= seconds


def last_changed(parent: Raw) -> str | None:
    """When the parent was last changed by anyone but its status writer."""
    metadata = parent["metadata"]
    writes = [entry.get("time") for entry in metadata.get("managedFields") or () if not entry.get("subresource")]
    return max(filter(is_time, (*writes, metadata.get("creationTimestamp"))), default=None)


def requested_since(parent: Raw, now: datetime, *, known: bool = True) -> str | None:
    """Since when the children of the parent's present spec are requested; now where no sync has told of that spec.

    `known` is whether any sync before knew what to request. A spec that is written among many others waits for its
    first sync longer than a child may be missing. When that was, the oldest condition tells; one of the future, as of
    a clock that was set back, tells nothing.
    """
    status = parent.get("status") or {}
    if not known or status.get("observedGeneration") != parent["metadata"].get("generation"):
        return format_timestamp(now)
    latest = format_timestamp(now + timedelta(seconds=GRACE_SECONDS))
    told = (one.get("lastTransitionTime") for one in status.get("conditions") or ())
    first = min((str(moment) for moment in told if is_written_time(moment) and moment <= latest), default="")
    return max(last_changed(parent) or "", first) or None


def condition_of(status: Raw, kind: str) -> Raw:
    """The condition of that type; empty where there is none."""
    return next((condition for condition in status.get("conditions") or () if condition.get("type") == kind), {})


def condition_since(now: datetime, before: Raw, kind: str, status: str) -> str:
    """Since when a condition has that status by the parent's status so far: now where it had another."""
    condition = condition_of(before, kind)
    moment = condition.get("lastTransitionTime") if condition.get("status") == status else None
    return str(moment) if is_written_time(moment) else format_timestamp(now)


def rollout(deployment: ChildState | None) -> Rollout:
    """The replicas of an observed Deployment; all zero before it is there, and where none is desired (None)."""
    if deployment is None:
        return Rollout(0, 0, 0, 0, up_to_date=True, problem=None)
    observed = deployment.observed or {}
    status = observed.get("status") or {}
    generation = observed.get("metadata", {}).get("generation", 0)
    is_group = deployment.desired.get("kind", "Deployment") != "Deployment"  # which counts no others
    return Rollout(
        current=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", status.get("readyReplicas", 0) if is_group else 0),
        up_to_date=deployment.applied and status.get("observedGeneration", 0) >= generation,
        problem=_problem(status.get("conditions") or ()),
    )


def serves(children: Children) -> bool:
    """Whether requests are answered: a Service, and a ready replica of whatever version."""
    ready = any((found.get("status") or {}).get("readyReplicas") for found in servers(children))
    named = (one["metadata"] for one in children.get(SERVICE, {}).values())
    return ready and any(ROUTED_LABEL not in (metadata.get("labels") or {}) for metadata in named)


def replicas_missing(deployments: Iterable[Raw]) -> bool:
    """Whether an observed Deployment lacks ready replicas of its present version, or has some that are not ready."""
    return any(_lacks(found["spec"].get("replicas", 0), found.get("status") or {}) for found in deployments)


def pods_matter(deployments: Sequence[Raw], before: Raw) -> bool:
    """Whether to look at the Pods: replicas are missing, or there are more than in the status so far.

    Those of new ones show how long they took to start.
    """
    ready = max(((found.get("status") or {}).get("readyReplicas", 0) for found in deployments), default=0)
    return replicas_missing(deployments) or ready > ((before.get("replicas") or {}).get("ready") or 0)


def _lacks(desired: int, status: Raw) -> bool:
    ready = status.get("readyReplicas", 0)
    least = min(ready, status.get("updatedReplicas", 0))
    return desired > 0 and (least < desired or ready < status.get("replicas", 0))


def _problem(conditions: list[Raw] | tuple[()]) -> tuple[str, str] | None:
    for condition in conditions:
        stuck = (condition.get("type"), condition.get("status"), condition.get("reason"))
        if stuck == ("Progressing", "False", "ProgressDeadlineExceeded"):
            return "RolloutStuck", condition.get("message", "")
        if stuck[:2] == ("ReplicaFailure", "True"):
            return "ReplicaFailure", condition.get("message", "")
    return None
