"""What starting replicas wait for, by their Pods: a volume, the image or the model; since when, and where.

A message stays equal while the state does: it has the time of the state's beginning, and no duration.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.kube.timestamp import parse_time
from aimlib.printable import printable

STARTING_SECONDS = 10
"""Seconds that a state lasts before it is reported: one that passes by itself needs no write of the status."""
LISTED_NODES = 3
"""Most nodes that a message names."""
NODE_LENGTH = 253
"""Characters of a node's name."""
LONGEST_SECONDS = 366 * 24 * 3600
"""Most seconds that a probe is taken to allow: its numbers are anybody's, and a sum must be a time."""
PREPARED = "PodReadyToStartContainers"
"""The condition of a Pod whose volumes and network are there, so that images are pulled (Kubernetes 1.29 and later)."""


class Start(NamedTuple):
    """What one Pod waits for; ordered by how far it is."""

    stage: int
    """0 while it is being prepared, 1 while its image is pulled, 2 while the server loads its model."""
    since: datetime
    until: datetime | None
    """When the kubelet restarts the server if it is not loaded by then; None where nobody does."""
    node: str


STAGES = ("mounting volumes and setting up the network", "pulling the image", "loading the model")


def start_progress(pods: Iterable[Raw], now: datetime) -> str:
    """The state of the Pod that is furthest behind, as a clause of a message; empty where none has started long ago.

    `pods` are all Pods of one endpoint as the API server has them, `now` is the time of the request.
    """
    starts = [
        start for pod in pods if (start := pod_start(pod)) and (now - start.since).total_seconds() >= STARTING_SECONDS
    ]
    if not starts:
        return ""
    first = min(starts, key=lambda start: (start.stage, start.since))
    alike = [start for start in starts if start.stage == first.stage]
    nodes = sorted({start.node for start in alike})
    more = f" and {len(nodes) - LISTED_NODES} more" if len(nodes) > LISTED_NODES else ""
    counted = f"{len(alike)} pods " if len(alike) > 1 else ""
    allowed = f", allowed until {_clock(first.until)}" if first.until else ""
    where = f" on node{'s' * (len(nodes) > 1)} {', '.join(nodes[:LISTED_NODES])}{more}"
    return f"{counted}{STAGES[first.stage]}{where} since {_clock(first.since)}{allowed}"


def pod_start(pod: Raw) -> Start | None:
    """What a Pod with a node waits for; None where it does not start, or does not report since when."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    node = printable(str(spec.get("nodeName") or ""), NODE_LENGTH)
    if not node or pod["metadata"].get("deletionTimestamp") or status.get("phase") == "Failed":
        return None
    containers = status.get("containerStatuses") or ()
    container = next((one for one in containers if not one.get("started")), None)
    if containers and container is None:
        return None
    if container and (running := (container.get("state") or {}).get("running")):
        since = parse_time(running.get("startedAt"))
        allowed = allowed_seconds(spec, container)
        return Start(2, since, since + timedelta(seconds=allowed) if allowed else None, node) if since else None
    prepared = condition_time(status, PREPARED)
    since = prepared or condition_time(status, "PodScheduled")
    return Start(1 if prepared else 0, since, None, node) if since else None


def condition_time(status: Raw, kind: str) -> datetime | None:
    """Since when a condition is True."""
    conditions = status.get("conditions") or ()
    found: Raw = next((one for one in conditions if one.get("type") == kind and one.get("status") == "True"), {})
    return parse_time(found.get("lastTransitionTime"))


def allowed_seconds(spec: Raw, container: Raw) -> int | None:
    """How long the startup probe of a container lets it start; None where it has none."""
    containers = spec.get("containers") or ()
    probe = next((one.get("startupProbe") for one in containers if one.get("name") == container.get("name")), None)
    if not probe:
        return None
    # The defaults are Kubernetes' (pkg/apis/core/v1/defaults.go).
    seconds = probe.get("initialDelaySeconds", 0) + probe.get("failureThreshold", 3) * probe.get("periodSeconds", 10)
    return int(min(seconds, LONGEST_SECONDS))


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S UTC")
