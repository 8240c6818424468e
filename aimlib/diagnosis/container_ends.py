"""Why a container ended: by its log where that was read, else by what the kubelet keeps of it; then by its exit code.

A server whose engine failed may end in order, with exit code 0, so an error of the engine outranks the code.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.diagnosis.engine_errors import READ_LENGTH, Diagnosis, Findings, examine, known_reasons, shortened
from aimlib.diagnosis.log_lines import one_line
from aimlib.naming import ENDPOINT_LABEL

STOPPED_EXIT_CODES = {0, 137, 143}
"""Exit codes of a stopped server: regular end, SIGKILL, SIGTERM (128 + the signal's number)."""
STATUS_UNKNOWN = "ContainerStatusUnknown"
"""The reason of a container that was not there any more when its kubelet looked."""
CRASHES = {
    "132": " (illegal instruction)",
    "134": " (aborted)",
    "135": " (bus error)",
    "136": " (arithmetic error)",
    "139": " (segmentation fault)",
}
"""Exit codes of a program that crashed (128 + the signal's number)."""
CAUSE_IN_LOG = r"grep -m1 -E '(^[A-Za-z_.]*|(Core|Worker).*)(Error|Exception): '"
"""Finds the first error in a log: of vLLM, whose processes put their names before each line, or of SGLang."""
AMOUNT = re.compile(r"(?<!exit code )\b\d[\d.,]*|\b[0-9a-f]{8,}\b")
"""What may differ between two messages about the same error: numbers, but for an exit code, and ids."""


class PodFailure(NamedTuple):
    """Why replicas are missing."""

    reason: str
    """One CamelCase word."""
    message: str
    """A sentence with the facts."""


class EndedContainer(NamedTuple):
    """A container that ended and has not started again."""

    pod: Raw
    name: str
    last: Raw
    """The state `terminated` of its last attempt."""
    previous: bool
    """Whether the kubelet keeps that attempt as the previous one."""
    attempt: tuple[str, ...]
    """Identifies the attempt: no two have the same log."""


class EngineLog(NamedTuple):
    """What was read of the log of one attempt."""

    attempt: tuple[str, ...]
    findings: Findings | None
    """None while it could not be read, but may be later."""


def container_end(pod: Raw) -> EndedContainer | None:
    """The first container of a pod that ended and has not started again."""
    metadata = pod["metadata"]
    for container in containers(pod):
        states = (container.get("state") or {}, container.get("lastState") or {})
        at = next((at for at, state in enumerate(states) if state.get("terminated")), None)
        if at is not None and not container.get("ready") and not container.get("started"):
            last, name = states[at]["terminated"], str(container["name"])
            which = last.get("containerID") or container.get("restartCount")
            place = (metadata.get("namespace"), metadata["name"], metadata.get("uid"))
            return EndedContainer(pod, name, last, at == 1, tuple(map(str, (*place, name, which))))
    return None


def is_killed_for_memory(end: EndedContainer) -> bool:
    """Whether the kernel killed it at a limit, of which its log has nothing."""
    return end.last.get("reason") == "OOMKilled"


def end_failure(pod: Raw, log: EngineLog | None, former: Diagnosis | None) -> PodFailure | None:
    """Why a container of the pod ended; None where none did.

    Of errors that several processes report at the same time, and of amounts that differ between attempts, the one that
    was reported before stays; so does everything while the log cannot be read.
    """
    end = container_end(pod)
    if end is None:
        return None
    if is_killed_for_memory(end):
        limit = next(filter(None, (_limit(spec) for spec in container_specs(pod) if spec["name"] == end.name)), None)
        where = f"at its memory limit of {limit}" if limit else "because its node had no memory left"
        return PodFailure("OutOfMemory", f"container {end.name} was killed {where}")
    if end.last.get("reason") in NEVER_STARTED:
        return start_failure(end.name, "started", str(end.last.get("message") or "the runtime gives no reason"))
    kept = examine(str(end.last.get("message") or ""))
    mine = log if log and log.attempt == end.attempt else None
    possible = _failures(end, kept, mine and mine.findings)
    unread = mine is not None and mine.findings is None
    if former and ((unread and former.reason in end_reasons()) or any(_same(failure, former) for failure in possible)):
        return possible[0]._replace(reason=former.reason, message=former.message)
    return possible[0]


NEVER_STARTED = {"StartError", "ContainerCannotRun"}
"""Reasons of containers that the runtime could not start: there is no log, and the message is the runtime's."""
RUNTIME_WORDS = re.compile(
    r"(?:failed to create (?:containerd|shim) task: |OCI runtime create failed: |runc create failed: "
    r"|unable to start container process: |error during container init: "
    r"|error running (?:prestart |createRuntime )?hook #\d+: |exit status \d+, stdout: ?, stderr: "
    r"|Auto-detected mode as '\w+' )+"
)
"""What runtimes put before the cause, each of those that pass it on."""
OF_GPU = re.compile(r"nvidia-container-(?:cli|runtime)|\bnvml\b|CDI devices?\b|/dev/(?:kfd|dri)\b")
"""Words about the driver of a node, or the devices that it gives to containers."""


def start_failure(name: str, what: str, message: str) -> PodFailure:
    """That a container cannot be created or started, by the words of the kubelet and the runtime."""
    text = one_line(message[:READ_LENGTH])
    cause = shortened(RUNTIME_WORDS.sub("", text))
    return PodFailure(
        "GPUUnusable" if OF_GPU.search(text) else "ConfigError", f"container {name} cannot be {what}: {cause}"
    )


def end_reasons() -> frozenset[str]:
    """The reasons of an end that a log explains."""
    return known_reasons() | {"CrashLoop"}


def _failures(end: EndedContainer, kept: Findings, read: Findings | None) -> list[PodFailure]:
    """What the end may be reported as, by the text that is kept and the log that was read; the first is it."""
    found = read if read and (read.causes or not kept.causes) else kept
    code = end.last.get("exitCode")
    ended = f"container {end.name} ended with exit code {code}{CRASHES.get(str(code), '')}"
    failed = kept.failed or found.failed or any(cause.reason for cause in found.causes)
    if code in STOPPED_EXIT_CODES and end.last.get("reason") != STATUS_UNKNOWN and not failed:
        probe = "as when its startup or liveness probe keeps failing"
        return [PodFailure("ProbeFailing", f"container {end.name} was stopped (exit code {code}), {probe}")]
    errors = [*found.causes, *(Diagnosis("", text) for text in (read.secondary if read else "",) if text)]
    if errors:
        return [PodFailure(reason or "CrashLoop", text if reason else f"{ended}: {text}") for reason, text in errors]
    if kept.secondary:
        where = f"the cause is earlier in its log: {_command(end)}"
        return [PodFailure("CrashLoop", f"{ended}: {kept.secondary.rstrip('.')}; {where}")]
    if end.last.get("reason") == STATUS_UNKNOWN:
        return [PodFailure("CrashLoop", f"{ended}, which its kubelet did not see, as when the node restarts")]
    line = found.last_line or kept.last_line
    nothing = "it logged no error" if end.last.get("message") else "it logged nothing"
    return [PodFailure("CrashLoop", f"{ended}; {f'its last log line is: {line}' if line else nothing}")]


def _command(end: EndedContainer) -> str:
    """Shows the cause, whatever the name of the pod, which is another one after each rollout."""
    metadata = end.pod["metadata"]
    namespace, endpoint = metadata.get("namespace"), (metadata.get("labels") or {}).get(ENDPOINT_LABEL)
    place = f" -n {namespace}" if namespace else ""
    pods = f"-l {ENDPOINT_LABEL}={endpoint} --tail=-1 --ignore-errors" if endpoint else "POD"
    return f"kubectl logs{place} {pods} -c {end.name} --previous | {CAUSE_IN_LOG}"


def _same(failure: PodFailure, former: Diagnosis) -> bool:
    """Whether two failures differ in amounts alone."""
    return failure.reason == former.reason and AMOUNT.sub("#", failure.message) == AMOUNT.sub("#", former.message)


def is_live(pod: Raw) -> bool:
    """Whether a pod is neither being deleted nor failed."""
    return not pod["metadata"].get("deletionTimestamp") and (pod.get("status") or {}).get("phase") != "Failed"


def containers(pod: Raw) -> Iterator[Raw]:
    """The status of each container of a live pod."""
    status = pod.get("status") or {}
    if is_live(pod):
        yield from (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))


def container_specs(pod: Raw) -> Iterator[Raw]:
    """The spec of each container of a pod."""
    spec = pod.get("spec") or {}
    yield from (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))


def _limit(container: Raw) -> str | None:
    return ((container.get("resources") or {}).get("limits") or {}).get("memory")
