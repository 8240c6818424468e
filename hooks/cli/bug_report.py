"""The command `aim bug-report`: one archive with what an installation is and does, without secrets and prompts."""

import io
import os
import tarfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from aimlib.diagnosis.shareable import shareable_log, shareable_object, shareable_records, shareable_text
from aimlib.naming import ENGINE_CONTAINER, OPERATOR_NAMESPACE
from aimlib.schema.kinds import API_KINDS
from hooks.cli import clock
from hooks.cli.cluster import LiveCluster
from hooks.cli.doctor import examine_installation
from hooks.cli.errors import CommandError
from hooks.cli.formats import as_list, json_text
from hooks.cli.printing import print_note, print_text

MOST_FILE_BYTES = 1 << 20
"""Bytes of one file; the rest is cut off, of a log the beginning."""
MOST_REPORT_BYTES = 32 << 20
"""Bytes of all files together, before they are compressed."""
MOST_READ_OBJECTS = 500
"""Objects that are read of one kind."""
MOST_PODS = 40
"""Pods whose logs are read, in one namespace."""
REPORT_LOG_LINES = 2000
"""Lines of each log, the last ones."""
CONTROLLER_NAMESPACE = "metacontroller"
"""Where manifests/metacontroller installs Metacontroller."""
LISTED = (
    "apps/v1/deployments",
    "apps/v1/statefulsets",
    "apps/v1/replicasets",
    "batch/v1/jobs",
    "autoscaling/v2/horizontalpodautoscalers",
    "v1/services",
    "v1/persistentvolumeclaims",
    "v1/pods",
    "v1/events",
)
"""Kinds that are read in each namespace, by API and plural; no Secrets, and of the ConfigMaps the settings alone."""
SETTINGS = ("aim-config", "aim-admission")
CONTENT = """What `aim bug-report` has read of a cluster: look through it before you send it.

Secrets are not read. Values of variables and annotations that are not known to be harmless are hidden, as is whatever
looks like a token or stands after a secret's name, in objects and logs alike. Lines of engines' logs about requests,
and lines that no engine has written, are left out. Names of namespaces, nodes, models and hosts are there.

missing.txt has what could not be read, or had no room.
"""


class Report:
    """Files of a report, within the limits, and what is not among them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.missing: list[str] = []

    def add(self, name: str, text: str, *, keep_end: bool = False) -> None:
        """Adds a file, cut to its limit; one that has no room is missing."""
        content = text.encode(errors="replace")
        if len(content) > MOST_FILE_BYTES:
            content = content[-MOST_FILE_BYTES:] if keep_end else content[:MOST_FILE_BYTES]
            self.missing.append(f"{name}: it is cut to {MOST_FILE_BYTES} bytes")
        if sum(map(len, self.files.values())) + len(content) > MOST_REPORT_BYTES:
            self.missing.append(f"{name}: there is no room for it")
        else:
            self.files[name] = content

    def read(self, name: str, read: Callable[[], str], *, keep_end: bool = False) -> None:
        """Adds what can be read; else the reason is among what is missing."""
        try:
            self.add(name, read(), keep_end=keep_end)
        except CommandError as error:
            self.missing.append(f"{name}: {shareable_text(str(error))}")


class ReportOptions(NamedTuple):
    """What a report has, and where it goes."""

    file: str | None = None
    logs: bool = True


def write_report(cluster: LiveCluster, options: ReportOptions) -> int:
    """Writes the archive, and prints its name. CommandError where the file is there already, or no cluster is."""
    path = Path(options.file or f"aim-bug-report-{clock.time_name()}.tar.gz")
    report = collect(cluster, logs=options.logs)
    archive = _archive(report, path.name.removesuffix(".tar.gz"))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(archive)
    except FileExistsError as error:
        raise CommandError(f"{path} is there already: name another file by --file") from error
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    print_text(f"{path}\n")
    print_note(f"{len(report.files)} files, {len(archive) // 1024 + 1} KiB: look through it before you send it")
    if report.missing:
        print_note(f"missing.txt names what could not be read, or is cut: {len(report.missing)}")
    return 0


def collect(cluster: LiveCluster, *, logs: bool) -> Report:
    """Reads everything. CommandError where the cluster cannot be reached at all."""
    report = Report()
    report.add("README.txt", CONTENT)
    report.add("versions.json", json_text({"aim": _own_version(), "kubernetes": cluster.read("/version")}))
    report.read("doctor.json", lambda: json_text([_checked(*one) for one in examine_installation(cluster)]))
    for kind in API_KINDS:
        place = f"namespaces/{cluster.namespace}/" if kind.scope == "Namespaced" else ""
        path = f"/apis/{GROUP}/{VERSION}/{place}{kind.plural}"
        shown = _summary if kind.plural in {"aimrecipes", "aimmodels"} else shareable_object
        report.read(f"{kind.plural}.json", partial(_objects, cluster, path, shown))
    for plural in ("compositecontrollers", "decoratorcontrollers"):
        path = f"/apis/metacontroller.k8s.io/v1alpha1/{plural}"
        report.read(f"metacontroller/{plural}.json", partial(_objects, cluster, path))
    for name in SETTINGS:
        path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps/{name}"
        report.read(f"{OPERATOR_NAMESPACE}/{name}.json", partial(_object, cluster, path))
    for namespace in dict.fromkeys((OPERATOR_NAMESPACE, CONTROLLER_NAMESPACE, cluster.namespace)):
        _read_namespace(report, cluster, namespace, logs=logs)
    report.add("missing.txt", "".join(f"{line}\n" for line in report.missing))
    return report


def _read_namespace(report: Report, cluster: LiveCluster, namespace: str, *, logs: bool) -> None:
    for listed in LISTED:
        api, _, plural = listed.rpartition("/")
        root = "api" if "/" not in api else "apis"
        path = f"/{root}/{api}/namespaces/{namespace}/{plural}"
        kept = None if plural == "events" else _is_ours
        report.read(f"{namespace}/{plural}.json", partial(_objects, cluster, path, kept=kept))
    pods: list[Raw] = []
    with suppress(CommandError):  # that they cannot be listed is recorded already
        pods = _listed(cluster, f"/api/v1/namespaces/{namespace}/pods").get("items") or [] if logs else []
    for pod in [one for one in pods if _is_ours(one)][:MOST_PODS]:
        _read_logs(report, cluster, namespace, pod)


def _read_logs(report: Report, cluster: LiveCluster, namespace: str, pod: Raw) -> None:
    """The logs of the containers of a Pod, and of the run before of those that have restarted."""
    name, restarted = pod["metadata"]["name"], _restarted(pod)
    for container in (one["name"] for one in (pod.get("spec") or {}).get("containers") or ()):
        clean = _engine_log if container == ENGINE_CONTAINER else shareable_records
        for previous in (False, True) if container in restarted else (False,):
            read = partial(
                cluster.log, name, REPORT_LOG_LINES, previous=previous, namespace=namespace, container=container
            )
            file = f"{namespace}/{name}-{container}{'-previous' * previous}.log"
            report.read(file, partial(_cleaned, read, clean), keep_end=True)


def _cleaned(read: Callable[[], str], clean: Callable[[str], str]) -> str:
    return clean(read())


def _engine_log(text: str) -> str:
    return shareable_log(text, MOST_FILE_BYTES)


def _is_ours(raw: Raw) -> bool:
    """Whether an object is the operator's, Metacontroller's, or of an AIM object: others are nobody's business."""
    metadata = raw["metadata"]
    owners = [str(one.get("kind")) for one in metadata.get("ownerReferences") or ()]
    return (
        metadata.get("namespace") in {OPERATOR_NAMESPACE, CONTROLLER_NAMESPACE}
        or any(str(key).startswith(GROUP) for key in metadata.get("labels") or ())
        or any(kind.startswith("AIM") for kind in owners)
    )


def _restarted(pod: Raw) -> set[str]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return {one["name"] for one in statuses if one.get("restartCount")}


def _listed(cluster: LiveCluster, path: str) -> Raw:
    return cluster.read(f"{path}?limit={MOST_READ_OBJECTS}")


def _objects(
    cluster: LiveCluster,
    path: str,
    shown: Callable[[Raw], Raw] = shareable_object,
    kept: Callable[[Raw], bool] | None = None,
) -> str:
    """What is listed at a path, as a report may have it."""
    found = _listed(cluster, path)
    items = as_list(shown(one) for one in found.get("items") or () if kept is None or kept(one))
    more = {"more": f"{MOST_READ_OBJECTS} were read"} if (found.get("metadata") or {}).get("continue") else {}
    return json_text({**items, **more})


def _object(cluster: LiveCluster, path: str) -> str:
    return json_text(shareable_object(cluster.read(path)))


def _summary(raw: Raw) -> Raw:
    """What a report has of an object of which a cluster has hundreds."""
    status = raw.get("status") or {}
    return {"name": raw["metadata"]["name"], "phase": status.get("phase")}


def _checked(check: str, result: str, details: str) -> Raw:
    return {"check": check, "result": result, "details": shareable_text(details)}


def _own_version() -> str:
    try:
        return version("aim-engine-operator")
    except PackageNotFoundError:
        return "not installed"


def _archive(report: Report, folder: str) -> bytes:
    """The files as a tar.gz, below a folder."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in sorted(report.files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(clock.unix_seconds())
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()
