"""How long replicas took to start, from the conditions of their Pods and when their engines began to run.

A Pod has no history: it shows when it became ready the last time. So a Pod counts once, by the first look at it, and
one that has been started again, or was longer not ready than its probe lets a model load, does not count. Neither does
one by a clock that is years off.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from aimlib.api.meta import Raw
from aimlib.api.startup import LONGEST_START, MOST_STARTS, StartedReplica, Startup, StartupParts
from aimlib.diagnosis.start_progress import LONGEST_SECONDS, PREPARED, allowed_seconds, condition_time
from aimlib.kube.timestamp import format_timestamp, parse_time
from aimlib.naming import short_digest

PARTS = tuple(StartupParts.model_fields)
SLACK_SECONDS = 60
"""Beyond what a probe allows: times are rounded, and readiness is asked for by another probe."""


def startup(before: Startup | None, pods: Iterable[Raw]) -> Startup | None:
    """The last starts: those that are known, and those of `pods`, all of one endpoint; None where there were none."""
    # The CRD bounds each part of what is known, and not how long they are together.
    known = {one.pod: one for one in before.last if one.seconds <= LONGEST_START} if before else {}
    node = before.node if before else None
    for pod in pods:
        if (one := _started(pod)) and one.pod not in known:
            known[one.pod] = one
            node = pod["spec"].get("nodeName", node)
    # By its creation, which does not change: a Pod that is ready again must not come back among the last.
    newest = sorted(known.values(), key=lambda one: (_created(one), one.pod))[-MOST_STARTS:]
    last = sorted(newest, key=lambda one: (one.ready_at, one.pod))
    if not last:
        return None
    seconds = [one.seconds for one in last]
    each = {part: [value for one in last if (value := getattr(one.parts, part)) is not None] for part in PARTS}
    medians = {part: percentile(values, 50) for part, values in each.items() if values}
    return Startup(
        p50_seconds=percentile(seconds, 50),
        p90_seconds=percentile(seconds, 90),
        count=len(last),
        parts=StartupParts.model_validate(medians),
        node=node,
        last=tuple(last),
    )


def is_ready(pod: Raw) -> bool:
    """Whether a Pod counts among the ready replicas of its Deployment."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _created(one: StartedReplica) -> datetime:
    return (parse_time(one.ready_at) or datetime.fromtimestamp(0, UTC)) - timedelta(seconds=one.seconds)


def percentile(values: Sequence[int], percent: int) -> int:
    """The least of the values that so many percent of them do not exceed."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def _started(pod: Raw) -> StartedReplica | None:
    """The start of a Pod that is ready; None where it is not, or does not show how it became so."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    container = _engine(pod.get("spec") or {}, status)
    running = (container.get("state") or {}).get("running") or {}
    moments = {
        "created": parse_time(metadata.get("creationTimestamp")),
        "scheduling": condition_time(status, "PodScheduled"),
        "volume": condition_time(status, PREPARED),
        "image": parse_time(running.get("startedAt")),
        "load": condition_time(status, "Ready"),
    }
    known = {name: moment for name, moment in moments.items() if moment}
    if container.get("restartCount") or not known.keys() >= {"created", "image", "load"} or "uid" not in metadata:
        return None
    parts = _parts(known)
    allowed = allowed_seconds(pod.get("spec") or {}, container)
    took = sum(parts.values())
    if min(parts.values()) < 0 or took > LONGEST_START or parts["load"] > (allowed or LONGEST_SECONDS) + SLACK_SECONDS:
        return None
    ready_at = format_timestamp(known["load"])
    return StartedReplica(
        pod=short_digest(str(metadata["uid"])), ready_at=ready_at, parts=StartupParts.model_validate(parts)
    )


def _engine(spec: Raw, status: Raw) -> Raw:
    """The status of the engine's container, which is the first of the Pod."""
    name = next((one.get("name") for one in spec.get("containers") or ()), None)
    found = (one for one in status.get("containerStatuses") or () if one.get("name") == name)
    return next(found, {})


def _parts(known: dict[str, datetime]) -> dict[str, int]:
    """Seconds from each moment that is known to the next."""
    return {name: round((known[name] - known[before]).total_seconds()) for before, name in pairwise(known)}
