"""A container of a pod as a process of this machine: its command, environment and folders, translated.

What a container runtime would isolate is not: the process sees this machine's files, runs as this user, and has no
limits. Read-only mounts and the security context are therefore tested on the manifests, not here.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.plane import ROOT

Raw = dict[str, Any]
Read = Callable[[str, str], Raw | None]
"""An object of the pod's namespace by kind (`secret`, `persistentvolumeclaim`) and name; None when there is none."""

PROGRAMS = {"aim": (sys.executable, "-m", "hooks.cli.main"), "python": (sys.executable,)}
"""What the image has on its PATH, as it is started from these sources."""

SERVICE = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
"""What every container is told of the API server; the kubeconfig says the rest."""

TERMINATION_LOG = "/dev/termination-log"


class WaitingError(Exception):
    """A container that cannot be started now, and why, as a kubelet says it in the container's status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Image:
    """What an image brings along."""

    programs: Mapping[str, Sequence[str]]
    """The words that start each program of its PATH here."""
    environment: Mapping[str, str]
    places: Mapping[str, Path | str] = field(default_factory=dict)
    """What stands in the place of more words of the container than the folders that it mounts."""
    restarts: str = "Never"
    """The restartPolicy of the pods that whoever runs this image can run."""


OPERATOR = Image(PROGRAMS, {"PATH": os.defpath, "PYTHONPATH": str(ROOT)})
"""The operator's own."""


@dataclass(frozen=True)
class Launch:
    """What to start in the place of a container."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    termination_log: Path


def launch(pod: Raw, folder: Path, volumes: Path, read: Read, image: Image = OPERATOR) -> Launch:
    """The one container of `pod`; `folder` is the pod's own, `volumes` has one folder for each PersistentVolume.

    Folders that the container mounts are there afterwards. WaitingError where something is missing, or unknown here.
    """
    spec = pod["spec"]
    if len(spec["containers"]) > 1 or spec.get("initContainers") or spec["restartPolicy"] != image.restarts:
        message = f"only pods with one container and restartPolicy {image.restarts} run here"
        raise WaitingError("CreateContainerError", message)
    [container] = spec["containers"]
    log = folder / "termination-log"
    mounts = _mounts(spec, folder, volumes, read)
    for place in mounts.values():
        place.mkdir(parents=True, exist_ok=True)
    places = {**image.places, container.get("terminationMessagePath", TERMINATION_LOG): log, **mounts}
    words = [*container.get("command", ()), *container.get("args", ())]
    if not words or words[0] not in image.programs:
        known = ", ".join(image.programs)
        raise WaitingError("RunContainerError", f"asked to run {words[:1]}, found that only {known} can be run here")
    values = _values(container.get("env", ()), pod, read)
    return Launch(
        (*image.programs[words[0]], *(placed(word, places) for word in words[1:])),
        # Nothing of this process's own environment: a proxy or a token of the developer's would be one of every Job.
        {**image.environment, **{name: placed(value, places) for name, value in values.items()}},
        log,
    )


def placed(text: str, places: Mapping[str, Path | str]) -> str:
    """`text` with the paths of a container exchanged for folders of this machine: whole parts of a path only."""
    known = sorted(places, key=len, reverse=True)  # what is mounted below another mount is not in that one's folder
    # In one go: the folders of this machine may themselves begin with a path of the container, such as /tmp.
    found = "|".join(map(re.escape, known))
    return re.sub(rf"(?<![\w./-])({found})(?![\w.-])", lambda match: str(places[match[1]]), text)


def _mounts(spec: Raw, folder: Path, volumes: Path, read: Read) -> dict[str, Path]:
    sources = {one["name"]: _folder(one, folder, volumes, read) for one in spec.get("volumes", ())}
    mounts = spec["containers"][0].get("volumeMounts", ())
    # The service account's token reaches the process by its kubeconfig instead.
    mounts = [one for one in mounts if not one["mountPath"].startswith("/var/run/secrets/kubernetes.io/")]
    for one in mounts:
        if sources[one["name"]] is None:
            raise WaitingError("CreateContainerConfigError", f"volume {one['name']} is of a kind that is not made here")
    return {one["mountPath"].rstrip("/"): sources[one["name"]] / one.get("subPath", "") for one in mounts}


def _folder(volume: Raw, folder: Path, volumes: Path, read: Read) -> Path | None:
    """The folder in the place of a volume; None for those that nothing here mounts."""
    if claimed := volume.get("persistentVolumeClaim"):
        claim = read("persistentvolumeclaim", claimed["claimName"])
        if not claim or claim.get("status", {}).get("phase") != "Bound":
            raise WaitingError("ContainerCreating", f"persistentvolumeclaim {claimed['claimName']} is not bound")
        return volumes / claim["spec"]["volumeName"]
    return folder / "volumes" / volume["name"] if "emptyDir" in volume else None


def _values(variables: Sequence[Raw], pod: Raw, read: Read) -> dict[str, str]:
    """The variables in their order; one may be built from those before it, as $(NAME)."""
    values = dict(SERVICE)
    for one in variables:
        value = _value(one, pod, read)
        if value is not None:
            values[one["name"]] = re.sub(r"\$\((\w+)\)", lambda match: values.get(match[1], match[0]), value)
    return values


def _value(variable: Raw, pod: Raw, read: Read) -> str | None:
    """One variable of the environment; None where it is optional and there is nothing."""
    source = variable.get("valueFrom")
    if not source:
        return variable.get("value", "")
    if path := source.get("fieldRef", {}).get("fieldPath"):
        known = {"metadata.namespace": pod["metadata"]["namespace"], "metadata.name": pod["metadata"]["name"]}
        if path in known:
            return known[path]
    if reference := source.get("secretKeyRef"):
        return _secret(reference, pod["metadata"]["namespace"], read)
    raise WaitingError("CreateContainerConfigError", f"{variable['name']} comes from {source}, which is not known here")


def _secret(reference: Raw, namespace: str, read: Read) -> str | None:
    name, key = reference["name"], reference["key"]
    secret = read("secret", name)
    if secret and key in secret.get("data", {}):
        return secret["data"][key]
    if reference.get("optional"):
        return None
    missing = f"couldn't find key {key} in Secret {namespace}/{name}" if secret else f'secret "{name}" not found'
    raise WaitingError("CreateContainerConfigError", missing)


MESSAGE_BYTES = 4096
"""What a kubelet keeps of a termination message."""
LOG_BYTES, LOG_LINES = 2048, 80
"""What it takes of the log instead, where a container that failed asks for FallbackToLogsOnError."""


def termination_message(container: Raw, written: Path, log: bytes, *, failed: bool) -> str | None:
    """What a kubelet reports of a container that ended: what it wrote for that, else, if it may, the end of its log."""
    message = written.read_bytes()[:MESSAGE_BYTES] if written.exists() else b""
    if not message and failed and container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
        message = b"".join(log.splitlines(keepends=True)[-LOG_LINES:])[-LOG_BYTES:]
    return message.decode(errors="replace") or None
