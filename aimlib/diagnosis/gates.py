"""Pods that the scheduler does not look at yet, because somebody holds them: Kueue, until their queue has room."""

from aimlib.api.meta import Raw
from aimlib.diagnosis.container_ends import PodFailure, is_live
from aimlib.diagnosis.engine_errors import READ_LENGTH, shortened
from aimlib.diagnosis.log_lines import one_line
from aimlib.kube.queue import QUEUE_GATE, QUEUE_LABEL

MOST_GATES = 3
"""Most gates that a message names."""


def is_queued(pod: Raw) -> bool:
    """Whether a pod waits for room in a queue of Kueue."""
    return QUEUE_GATE in _gates(pod)


def gated(pod: Raw, queue: str | None) -> PodFailure | None:
    """Who holds a pod; `queue` is what Kueue tells of it, None where nobody asked."""
    if is_queued(pod):
        name = (pod["metadata"].get("labels") or {}).get(QUEUE_LABEL)
        words = shortened(one_line(queue[:READ_LENGTH])) if queue else "kubectl describe workloads shows for what"
        return PodFailure("Queued", f"a pod waits in the queue {name}: {words}" if name else f"a pod waits: {words}")
    if gates := _gates(pod):
        names = ", ".join(sorted(gates)[:MOST_GATES])
        return PodFailure("SchedulingGated", f"a pod is held back until somebody removes its scheduling gate {names}")
    return None


def _gates(pod: Raw) -> set[str]:
    gates = (pod.get("spec") or {}).get("schedulingGates") or ()
    return {str(gate.get("name")) for gate in gates} if is_live(pod) else set()
