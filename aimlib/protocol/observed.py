"""What is seen of an endpoint's children."""

import json
from datetime import datetime
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.kube.timestamp import written
from aimlib.protocol.metacontroller import Request

PATIENCE_SECONDS = 10
"""How long a child may be missing before that is news: a cache that lags is right again within a second."""
CLAIM_PATIENCE_SECONDS = 60
"""How long a claim may be unbound before that is news: provisioning a volume takes its time."""


DEPLOYMENT = "Deployment.apps/v1"
LAST_APPLIED = "metacontroller.k8s.io/last-applied-configuration"


class Rollout(NamedTuple):
    """A Deployment's own account of its replicas."""

    current: int
    updated: int
    ready: int
    available: int
    up_to_date: bool
    """Whether the account is about the present spec."""
    trouble: tuple[str, str] | None
    """Reason and message, where the Deployment says that it is stuck, or its Pods why."""


def kind_key(child: Raw) -> str:
    """The outer key under which a child is observed, such as `Deployment.apps/v1`."""
    return f"{child['kind']}.{child['apiVersion']}"


class Seen(NamedTuple):
    """A desired child, and how it is observed."""

    desired: Raw
    found: Raw | None
    applied: bool
    """Whether it is observed as it is wanted now."""


def child(request: Request, key: str, name: str) -> Raw | None:
    """The observed child of that kind and name."""
    return next((one for one in request.observed(key) if one["metadata"]["name"] == name), None)


def see(request: Request, desired: Raw) -> Seen:
    """One child as it is wanted and as it is found."""
    found = child(request, kind_key(desired), desired["metadata"]["name"])
    return Seen(desired, found, found is not None and applied(found, desired))


def phase_of(child: Raw | None) -> str:
    """The phase that an observed child reports; empty before it is there."""
    return str(((child or {}).get("status") or {}).get("phase") or "")


def long_ago(request: Request, moment: str | None, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether that moment lies so far back that what was asked for then should be there by now."""
    if moment is None:
        return False
    return (request.now - datetime.fromisoformat(moment)).total_seconds() >= seconds


def last_asked(parent: Raw) -> str | None:
    """When the parent was last changed by anyone but its status writer."""
    metadata = parent["metadata"]
    writes = [one.get("time") for one in metadata.get("managedFields") or () if not one.get("subresource")]
    return max((time for time in (*writes, metadata.get("creationTimestamp")) if time), default=None)


def condition(status: Raw, kind: str) -> Raw:
    """The condition of that type; empty where there is none."""
    return next((one for one in status.get("conditions") or () if one.get("type") == kind), {})


def since(request: Request, before: Raw, kind: str, status: str) -> str:
    """Since when a condition has that status, going by what the parent's status said of it: now where it had not."""
    said = condition(before, kind)
    moment = said.get("lastTransitionTime") if said.get("status") == status else None
    return str(moment or written(request.now))


def applied(found: Raw, desired: Raw) -> bool:
    """Whether an observed child is the one wanted now, going by what was last applied to it, metadata apart."""
    last = last_applied(found)
    return last is None or {**last, "metadata": None} == {**desired, "metadata": None}


def last_applied(found: Raw) -> Raw | None:
    """What was last applied to an observed child; None where nothing is recorded, as under server-side apply."""
    text = (found["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    return None if text is None else dict(json.loads(text))


def rollout(deployment: Seen | None) -> Rollout:
    """The replicas of an observed Deployment; all zero before it is there, and where there is to be none (None)."""
    if deployment is None:
        return Rollout(0, 0, 0, 0, up_to_date=True, trouble=None)
    found = deployment.found or {}
    status = found.get("status") or {}
    generation = found.get("metadata", {}).get("generation", 0)
    return Rollout(
        current=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        up_to_date=deployment.applied and status.get("observedGeneration", 0) >= generation,
        trouble=_trouble(status.get("conditions") or ()),
    )


def replicas_missing(request: Request) -> bool:
    """Whether an observed Deployment has not all the ready replicas of its present version, or some that are not ready.

    Only then is it worth asking why.
    """
    return any(_lacks(one["spec"].get("replicas", 0), one.get("status") or {}) for one in request.observed(DEPLOYMENT))


def _lacks(wanted: int, status: Raw) -> bool:
    ready = status.get("readyReplicas", 0)
    least = min(ready, status.get("updatedReplicas", 0))
    return wanted > 0 and (least < wanted or ready < status.get("replicas", 0))


def _trouble(conditions: list[Raw] | tuple[()]) -> tuple[str, str] | None:
    for one in conditions:
        stuck = (one.get("type"), one.get("status"), one.get("reason"))
        if stuck == ("Progressing", "False", "ProgressDeadlineExceeded"):
            return "RolloutStuck", one.get("message", "")
        if stuck[:2] == ("ReplicaFailure", "True"):
            return "ReplicaFailure", one.get("message", "")
    return None
