"""The Job of `aim bench`: the load generator of the engine's image, beside a replica, and the figures in its log."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.data import load_data
from aimlib.naming import label_value
from aimlib.selection.roofline import Workload
from hooks.cli.errors import CommandError

BENCH_LABEL = f"{GROUP}/bench"
"""On the Job and its pod: the endpoint that is measured."""
BENCH_RESOURCES = {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "8Gi"}}
"""What a generator needs: it imports the engine, and keeps the answers."""
KEPT_SECONDS = 600
"""Seconds after which Kubernetes removes a Job that this program could not remove."""
ENGINES_MEMORY = "dshm"
"""The volume that the ranks of an engine share, which a generator has no use for."""
POD_FIELDS = (
    "securityContext",
    "imagePullSecrets",
    "tolerations",
    "nodeSelector",
    "runtimeClassName",
    "priorityClassName",
    "schedulerName",
)
"""What the generator's pod has as the engine's: it runs where that does, and by the same rules."""
CONTAINER_FIELDS = ("image", "imagePullPolicy", "securityContext", "env")


class Load(NamedTuple):
    """The load of one measurement."""

    workload: Workload
    requests: int
    seconds: int
    """After so many it is ended."""
    seed: int


def bench_job(endpoint: Raw, pod: Raw, load: Load) -> Raw:
    """The Job that measures one replica. CommandError where the pod tells too little to reach it."""
    metadata, spec, [engine, *_] = endpoint["metadata"], pod["spec"], pod["spec"]["containers"]
    resolved = Resolved.model_validate(endpoint["status"]["resolved"])
    labels = {BENCH_LABEL: label_value(metadata["name"])}
    mounts = [one for one in engine.get("volumeMounts") or () if not _is_private(one["name"], one["mountPath"])]
    used = {one["name"] for one in mounts}
    generator = load_data("load_generators")[resolved.backend]
    container = {
        "name": "bench",
        **_of(engine, CONTAINER_FIELDS),
        "command": generator["command"],
        "args": [*_arguments(generator, pod, resolved, load)],
        "workingDir": "/tmp",  # noqa: S108 - the container's own
        "resources": BENCH_RESOURCES,
        "volumeMounts": mounts,
    }
    pod_spec = {
        **_of(spec, POD_FIELDS),
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "affinity": {"nodeAffinity": _affinity(spec)},
        "containers": [container],
        "volumes": [one for one in spec.get("volumes") or () if one["name"] in used],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": f"{metadata['name'][:40]}-bench-", "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": load.seconds,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": pod_spec},
        },
    }


def _of(found: Raw, fields: tuple[str, ...]) -> Raw:
    return {field: found[field] for field in fields if found.get(field)}


def _is_private(name: str, path: str) -> bool:
    """Whether a mount is of no use to the generator: shared memory, and a token that Kubernetes mounts itself."""
    return name == ENGINES_MEMORY or path.startswith("/var/run/secrets/kubernetes.io/")


def _affinity(spec: Raw) -> Raw:
    """The node of the replica, which has the image; required where a volume may be on one node alone."""
    node = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [spec["nodeName"]]}]}
    if any("persistentVolumeClaim" in one for one in spec.get("volumes") or ()):
        return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [node]}}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": node}]}


def _arguments(generator: Mapping[str, Any], pod: Raw, resolved: Resolved, load: Load) -> Iterator[str]:
    [engine, *_] = pod["spec"]["containers"]
    workload = load.workload
    values = {
        "address": f"http://{_host(pod)}:{engine['ports'][0]['containerPort']}",
        "model": resolved.model_id,
        "tokenizer": engine["command"][-1],
        "input": workload.input_tokens,
        "output": workload.output_tokens,
        "concurrency": workload.concurrency,
        "requests": load.requests,
        "warmups": min(workload.concurrency, 8),
        "seed": load.seed,
    }
    for argument in generator["arguments"]:
        yield argument.format(**values)
    taken = iter([*(engine.get("args") or ()), ""])
    for word in taken:
        if word.partition("=")[0] in generator["taken"]:
            yield word
            value = next(taken) if "=" not in word and word != "--trust-remote-code" else ""
            yield from filter(None, (value,))


def _host(pod: Raw) -> str:
    address = str((pod.get("status") or {}).get("podIP") or "")
    if not address:
        raise CommandError(f"{pod['metadata']['name']} has no address")
    return f"[{address}]" if ":" in address else address


def read_figures(log: str) -> dict[str, float]:
    """The figures in the log of a generator, by the names of `results`; nothing where it did not come to its end."""
    found = {}
    for name, title in load_data("load_generators")["results"].items():
        if match := re.search(rf"^{re.escape(title)}\s+(\d+(?:\.\d+)?)\s*$", log, re.MULTILINE):
            found[name] = float(match[1])
    return found
