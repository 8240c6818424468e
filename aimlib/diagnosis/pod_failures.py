"""Diagnoses missing replicas by their Pods: the first rule of a table that applies to any of them.

A message stays equal while the cause does, so it has no count of restarts, no time and no name of a pod. Times are only
compared, so that states that pass within seconds are not reported.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from aimlib.api.meta import Raw
from aimlib.diagnosis.container_ends import (
    EndedContainer,
    EngineLog,
    PodFailure,
    container_end,
    container_specs,
    containers,
    end_failure,
    is_live,
    start_failure,
)
from aimlib.diagnosis.engine_errors import READ_LENGTH, Diagnosis, shortened
from aimlib.diagnosis.gates import gated, is_queued
from aimlib.diagnosis.helpful_node import helpful_node
from aimlib.diagnosis.image_pulls import IMAGE_REASONS, pull_failure
from aimlib.diagnosis.preparation import NotPrepared
from aimlib.diagnosis.scheduling import CLAIM_GRACE_SECONDS, claim_pending, summarize
from aimlib.kube.server_kinds import WORKER_LABEL
from aimlib.kube.timestamp import parse_time
from aimlib.printable import printable

UNSCHEDULED_SECONDS = 3
"""Seconds that a pod may wait for a node before that is reported: one is often enough."""
UNREADY_SECONDS = 20
"""Seconds that a started container may not be ready at first: two periods of its probe."""
LOST_SECONDS = 3
"""The same for one that has been ready: its probe has failed three times by then. A kubelet that restarts reports
running containers as not ready until the first probe."""
REPLACED_SECONDS = 3600
"""Seconds for which a pod that failed explains something although another replaced it: an eviction may repeat, and
nobody deletes failed pods (kube-controller-manager does above 12,500 of them)."""
FAILURE_LENGTH = 2048
"""Characters of a message: names in it are those of others, too."""
CONFIG_REASONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError"}
"""The kubelet's reasons of containers that cannot be created (kuberuntime/kuberuntime_container.go)."""
EVICTION_REASONS = {"Evicted", "Preempting", "Preempted", "Terminated", "NodeShutdown"}
"""Reasons of pods that were evicted (pkg/kubelet/eviction, preemption, nodeshutdown)."""


def pod_failure(  # noqa: PLR0913 - what each observer has read
    pods: Iterable[Raw],
    now: datetime,
    log: EngineLog | None = None,
    former: Diagnosis | None = None,
    *,
    queue: str | None = None,
    unprepared: NotPrepared | None = None,
) -> PodFailure | None:
    """The first cause in the table, of the newest pod that has it; None where waiting may help.

    `pods` are all Pods of one endpoint as the API server has them, `now` is the time of the request. `log` is what was
    read of the log of the container that `ended_container` returns, `former` what was last reported of the same spec,
    `queue` what Kueue tells of the pod that `queued_pod` returns, `unprepared` what the Events of the pod that
    `preparing_pod` returns do.
    """
    listed = _newest_first(pods, now)
    former = former and former._replace(message=WORKER.sub("", former.message))
    pairs = ((rule, pod) for rule in _rules(log, former, queue, unprepared) for pod in listed)
    found = next(
        (found._replace(message=_which(pod) + found.message) for rule, pod in pairs if (found := rule(pod, now))), None
    )
    return found and found._replace(message=printable(found.message, FAILURE_LENGTH))


WORKER = re.compile(r"^worker \d+: ")
"""What is put before a message about a pod that has a part of a replica."""


def _which(pod: Raw) -> str:
    """Which pod of a replica on several nodes it is: nothing of the one that answers, or has all of it."""
    number = str((pod["metadata"].get("labels") or {}).get(WORKER_LABEL, "0"))
    return f"worker {number}: " if number.isdecimal() and len(number) < NUMBER_DIGITS and int(number) else ""


NUMBER_DIGITS = 4


def ended_container(pods: Iterable[Raw], now: datetime) -> EndedContainer | None:
    """The container whose end `pod_failure` reports, and so the one whose log is worth reading."""
    return next((end for pod in _newest_first(pods, now) if (end := container_end(pod))), None)


def queued_pod(pods: Iterable[Raw], now: datetime) -> Raw | None:
    """The pod that `pod_failure` reports as waiting in a queue, and so the one whose Workload is worth reading."""
    return next(filter(is_queued, _newest_first(pods, now)), None)


def _newest_first(pods: Iterable[Raw], now: datetime) -> list[Raw]:
    """The pods but for those that failed long ago and were replaced."""
    listed = sorted(pods, key=lambda pod: (_created(pod), pod["metadata"]["name"]), reverse=True)
    youngest_live = max(map(_created, filter(is_live, listed)), default="")
    return [pod for pod in listed if not (_created(pod) < youngest_live and _failed_long_ago(pod, now))]


def _created(pod: Raw) -> str:
    return str(pod["metadata"].get("creationTimestamp") or "")


def _failed_long_ago(pod: Raw, now: datetime) -> bool:
    """Whether a pod failed so long ago that it explains nothing once a younger one is there."""
    status = pod.get("status") or {}
    moments = [pod["metadata"].get("creationTimestamp")]
    moments += [condition.get("lastTransitionTime") for condition in status.get("conditions") or ()]
    last = max((moment for moment in map(parse_time, moments) if moment), default=now)
    return status.get("phase") == "Failed" and (now - last).total_seconds() >= REPLACED_SECONDS


def _claim_pending(pod: Raw, now: datetime) -> PodFailure | None:
    message = _unscheduled(pod, now)
    if message is None or not claim_pending(message):
        return None
    lost = re.search(r'persistentvolumeclaim "[^"]+" not found', message, re.IGNORECASE)
    if not lost and _since(_condition(pod, "PodScheduled"), now) < CLAIM_GRACE_SECONDS:
        return None
    volumes = pod.get("spec", {}).get("volumes") or ()
    claims = [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if volume.get("persistentVolumeClaim")]
    state = "does not exist" if lost else "is not bound to a volume"
    return PodFailure(
        "ClaimPending", f"no pod can start: PersistentVolumeClaim {', '.join(claims) or 'of the pod'} {state}"
    )


def _unschedulable(pod: Raw, now: datetime) -> PodFailure | None:
    message = _unscheduled(pod, now)
    if message is None or claim_pending(message):
        return None
    requests = _requests(pod)
    helps = helpful_node(pod.get("spec") or {}, requests, message)
    return PodFailure("Unschedulable", "; ".join(filter(None, (summarize(message, requests), helps))))


def _unscheduled(pod: Raw, now: datetime) -> str | None:
    """The scheduler's message about a pod that has had no node for long enough."""
    condition = _condition(pod, "PodScheduled")
    waits = is_live(pod) and condition.get("status") == "False" and _since(condition, now) >= UNSCHEDULED_SECONDS
    why = condition.get("message") or condition.get("reason") or "the scheduler gives no reason"
    return str(why)[:READ_LENGTH] if waits else None


def _requests(pod: Raw) -> dict[str, str]:
    """The requests of the pod, each by the first container that has it; the engine's container requests GPUs."""
    containers = pod.get("spec", {}).get("containers") or ()
    found = [((container.get("resources") or {}).get("requests") or {}).items() for container in reversed(containers)]
    return {name: str(amount) for items in found for name, amount in items}


def _image(pod: Raw, _now: datetime) -> PodFailure | None:
    for container in containers(pod):
        waiting = _waiting(container)
        if waiting.get("reason") in IMAGE_REASONS:
            image, message = container.get("image") or "", str(waiting.get("message") or "")
            mounted = next((one for one in _mounted_images(pod) if one in message), "")
            why = pull_failure(message, mounted or image)
            name = f"image {mounted}, which has the model," if mounted else f"image {image}"
            return PodFailure("ImagePullFailed", f"{name} cannot be pulled{f': {why}' if why else ''}")
    return None


def _mounted_images(pod: Raw) -> list[str]:
    """The images that a pod mounts as volumes."""
    images = (volume.get("image") or {} for volume in pod.get("spec", {}).get("volumes") or ())
    return [str(one["reference"]) for one in images if one.get("reference")]


NO_IMAGE_VOLUMES = (
    "; the pod mounts image {image}, which takes Kubernetes 1.35 and a container runtime that mounts images "
    "(containerd 2.1, CRI-O 1.31); leave out model.imageVolume to download it instead"
)
"""What may be wrong where the container of a pod with such a volume cannot be created. Versions: containerd's release
notes of 2.1.0 (pull request 10579), and Kubernetes' blog on image volumes in beta."""


def _config(pod: Raw, _now: datetime) -> PodFailure | None:
    for container in containers(pod):
        waiting = _waiting(container)
        if waiting.get("reason") in CONFIG_REASONS:
            failure = start_failure(container["name"], "created", str(waiting.get("message") or waiting["reason"]))
            mounted = next(iter(_mounted_images(pod)), "") if waiting["reason"] == "CreateContainerError" else ""
            advice = NO_IMAGE_VOLUMES.format(image=mounted) if mounted else ""
            return failure._replace(message=f"{failure.message}{advice}")
    return None


def _unready(pod: Raw, now: datetime) -> PodFailure | None:
    """A container that has started and whose readiness probe fails."""
    condition = _condition(pod, "Ready")
    for container in containers(pod) if condition.get("status") == "False" else ():
        running = (container.get("state") or {}).get("running")
        grace = LOST_SECONDS if _was_ready(condition, running or {}) else UNREADY_SECONDS
        if container.get("started") and not container.get("ready") and running and _since(condition, now) >= grace:
            name = container["name"]
            probe = next((spec.get("readinessProbe") for spec in container_specs(pod) if spec["name"] == name), None)
            shown = f" ({path})" if (path := ((probe or {}).get("httpGet") or {}).get("path")) else ""
            return PodFailure("ProbeFailing", f"container {name} runs, and its readiness probe{shown} keeps failing")
    return None


def _was_ready(condition: Raw, running: Raw) -> bool:
    """Whether a pod has been ready since its container started, by the time at which it became not ready."""
    moments = (condition.get("lastTransitionTime"), running.get("startedAt"))
    lost, began = map(parse_time, moments)
    return lost is not None and began is not None and lost > began


def _failed(pod: Raw, _now: datetime) -> PodFailure | None:
    status = pod.get("status") or {}
    if status.get("phase") != "Failed" or not (reason := status.get("reason")):
        return None
    message = shortened(str(status.get("message") or reason))
    if reason in EVICTION_REASONS:
        return PodFailure("Evicted", f"a pod was evicted from its node: {message}")
    return PodFailure("NodeRefused", f"a node refused its pod ({reason}): {message}")


def _node_lost(pod: Raw, _now: datetime) -> PodFailure | None:
    """The node controller marks pods of a node that stopped reporting as not ready, whatever the containers do."""
    status, node = pod.get("status") or {}, pod.get("spec", {}).get("nodeName")
    containers = status.get("containerStatuses") or ()
    condition = _condition(pod, "Ready")
    marked = condition.get("status") == "False" and condition.get("reason") != "ReadinessGatesNotReady"
    overruled = marked and bool(containers) and all(container.get("ready") for container in containers)
    if node and (status.get("reason") == "NodeLost" or overruled):
        return PodFailure("NodeLost", f"node {node} has stopped reporting")
    return None


def _rules(
    log: EngineLog | None, former: Diagnosis | None, queue: str | None, unprepared: NotPrepared | None
) -> tuple[Callable[[Raw, datetime], PodFailure | None], ...]:
    return (
        lambda pod, now: gated(pod, queue) if _unscheduled(pod, now) is not None else None,
        _claim_pending,
        _unschedulable,
        lambda pod, _now: unprepared.failure if unprepared and pod["metadata"].get("uid") == unprepared.pod else None,
        _image,
        _config,
        lambda pod, _now: end_failure(pod, log, former),
        _unready,
        _failed,
        _node_lost,
    )


def _waiting(container: Raw) -> Raw:
    return (container.get("state") or {}).get("waiting") or {}


def _condition(pod: Raw, kind: str) -> Raw:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _since(condition: Raw, now: datetime) -> float:
    """Seconds since a condition has its status; 0 where that is not recorded."""
    moment = parse_time(condition.get("lastTransitionTime"))
    return (now - moment).total_seconds() if moment else 0.0
