"""Why a Pod that has a node gets no containers, by its Events: no volume, or no network.

The Pod's status has no more than since when; the kubelet and the controller of attachments tell the rest in Events.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.diagnosis.container_ends import PodFailure
from aimlib.diagnosis.engine_errors import READ_LENGTH, shortened
from aimlib.diagnosis.log_lines import one_line, stable
from aimlib.diagnosis.start_progress import pod_start

PREPARING_SECONDS = 20
"""Seconds that a Pod may be prepared before its Events are read: volumes are attached and mounted in as many."""
REPEATED_WITHIN = timedelta(minutes=10)
"""How old the last of a repeated Event may be: the kubelet and the controller try again every two minutes at least. The
clock of a node may be ahead by as much; whoever writes Events may date them as they like."""
VOLUME_NOT_MOUNTED, SANDBOX_FAILED = "VolumeNotMounted", "SandboxFailed"
EVENT_REASONS = {
    "FailedAttachVolume": VOLUME_NOT_MOUNTED,
    "FailedMount": VOLUME_NOT_MOUNTED,
    "FailedMapVolume": VOLUME_NOT_MOUNTED,
    "FailedCreatePodSandBox": SANDBOX_FAILED,
}
"""Our reason by that of an Event (pkg/kubelet/events/event.go)."""
EVENT_MEANS: tuple[tuple[str, str, str], ...] = (
    (
        VOLUME_NOT_MOUNTED,
        r"Multi-Attach error",
        "a volume is attached to another node, and one node mounts it at a time",
    ),
    (
        VOLUME_NOT_MOUNTED,
        r"not found in the list of registered CSI drivers",
        "the driver of a volume does not run on the node",
    ),
    (VOLUME_NOT_MOUNTED, "", "the node cannot mount a volume of the pod"),
    (SANDBOX_FAILED, "", "the node cannot set up the pod's network"),
)
"""What an Event means, by our reason and its words; the first that matches applies. Sources:
https://github.com/kserve/kserve/issues/3409, https://github.com/kubernetes-csi/csi-driver-nfs/issues/918,
https://github.com/kubernetes-csi/csi-driver-smb/issues/419, https://github.com/kubernetes/test-infra/issues/13039."""
TIMED_OUT = re.compile(r"timed out waiting for the condition|unmounted volumes=")
"""In what tells only that there was no end in time, beside which another Event has the cause."""
EVENT_DETAILS = (
    (r"^\(combined from similar events\): ", ""),
    (r"rpc error: code = \w+ desc = ", ""),
    (r"Mounting command: .{0,4000}Output: ", ""),
    (r", unattached volumes=\[[^\]]{0,1000}\](?:, failed to process volumes=\[[^\]]{0,1000}\])?", ""),
    (r"/var/lib/kubelet/pods/[0-9a-f-]{36}", "…"),
    (r"\"?\b[0-9a-f]{64}\b\"?:? ?", ""),
)
"""Parts that differ between attempts, or say nothing to people: commands, ids of pods and containers, lists."""


class PodEvent(NamedTuple):
    """One Event about a Pod."""

    reason: str
    message: str
    at: datetime
    """When it was last seen."""


class NotPrepared(NamedTuple):
    """Why one Pod gets no containers."""

    pod: str
    """Its uid."""
    failure: PodFailure


def preparing_pod(pods: Iterable[Raw], now: datetime) -> Raw | None:
    """The Pod that is prepared the longest, beyond the usual time, and so the one whose Events are worth reading."""
    starts = [(start.since, pod) for pod in pods if (start := pod_start(pod)) and start.stage == 0]
    late = [found for found in starts if (now - found[0]).total_seconds() >= PREPARING_SECONDS]
    return min(late, key=lambda found: (found[0], found[1]["metadata"]["name"]))[1] if late else None


def not_prepared(pod: Raw, events: Iterable[PodEvent], now: datetime) -> NotPrepared | None:
    """What the Events of a Pod tell that still keeps it from having containers; None where they tell nothing."""
    recent = [one for one in events if one.reason in EVENT_REASONS and abs(now - one.at) < REPEATED_WITHIN]
    if not recent:
        return None
    told = min(recent, key=lambda one: (TIMED_OUT.search(one.message) is not None, now - one.at, one[:2]))
    reason, metadata = EVENT_REASONS[told.reason], pod["metadata"]
    words = one_line(told.message[:READ_LENGTH]).replace(metadata["name"], "…")
    for pattern, kept in EVENT_DETAILS:
        words = re.sub(pattern, kept, words)
    means = next(means for of, pattern, means in EVENT_MEANS if of == reason and re.search(pattern, words))
    quoted = shortened(stable(words))
    return NotPrepared(str(metadata.get("uid")), PodFailure(reason, f"{means}: {quoted}" if quoted else means))
