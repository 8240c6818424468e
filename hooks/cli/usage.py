"""The command `aim usage`: GPU hours and tokens by namespace and model."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from aimlib.kube.duration import format_duration
from aimlib.naming import ENDPOINT_LABEL, TRACKS, label_value, track_value
from aimlib.telemetry.usage_query import Used, parse_usage, usage_query
from hooks.cli import clock
from hooks.cli.cluster import LiveCluster
from hooks.cli.formats import as_list
from hooks.cli.printing import Table, print_note, print_table, printed_as_data
from hooks.cli.prometheus import query_prometheus
from hooks.cli.tables import Cell

USAGE_HEAD = ("NAMESPACE", "MODEL", "HARDWARE", "GPUS", "GPU HOURS", "TOKENS IN", "TOKENS OUT")
USAGE_OMISSIBLE = ("HARDWARE",)
SUMS = ("gpus", "gpuHours", "promptTokens", "generatedTokens")
"""What is added up over the endpoints of a row."""
SECONDS_PER_HOUR = 3600
PODS_SHOWN = 5000
BY_PODS = (
    "GPU hours are GPUs by the time for which the pods that are there now run, within the last {}: pods that ended are "
    "not counted, and tokens are not known; --prometheus has both"
)
WITHOUT_STATE = (
    "GPU hours are the hours of scraped replicas by the GPUs that each endpoint has now, since there is no "
    "kube-state-metrics with the state of endpoints"
)


class UsageOptions(NamedTuple):
    """Of which namespace and time; from where."""

    output: str = "table"
    namespace: str | None = None
    seconds: int = 86400
    prometheus: str | None = None


def print_usage(cluster: LiveCluster, options: UsageOptions) -> int:
    """Prints a row for each namespace and model; what is not known is absent."""
    place = f"/namespaces/{options.namespace}" if options.namespace else ""
    endpoints = cluster.read(f"/apis/{GROUP}/{VERSION}{place}/aimendpoints").get("items") or []
    if options.prometheus:
        query = usage_query(options.seconds, options.namespace)
        used = parse_usage(query_prometheus(cluster, options.prometheus, query))
        if not any("gpuHours" in figures for figures in used.values()):
            print_note(WITHOUT_STATE)
    else:
        path = f"/api/v1{place}/pods?labelSelector={ENDPOINT_LABEL.replace('/', '%2F')}&limit={PODS_SHOWN}"
        listed = cluster.read(path)
        used = used_by_pods(listed.get("items") or (), options.seconds, clock.unix_seconds())
        if (listed.get("metadata") or {}).get("continue"):
            print_note(f"there are more pods than the {PODS_SHOWN} that were counted: state a namespace by -n")
        print_note(BY_PODS.format(format_duration(options.seconds)))
    data = summarize_usage(endpoints, used)
    if not printed_as_data(options.output, lambda: as_list(data)):
        print_table(Table(USAGE_HEAD, map(_row, data), USAGE_OMISSIBLE))
    return 0


def used_by_pods(pods: Iterable[Raw], seconds: int, now: float) -> Used:
    """The replica hours of pods that run, by namespace and label of the endpoint."""
    hours: dict[tuple[str, str], float] = {}
    for pod in pods:
        status, metadata = pod.get("status") or {}, pod["metadata"]
        if status.get("phase") != "Running" or not status.get("startTime"):
            continue
        began = datetime.fromisoformat(status["startTime"]).timestamp()
        key = (metadata["namespace"], metadata["labels"][ENDPOINT_LABEL])
        hours[key] = hours.get(key, 0.0) + max(now - max(began, now - seconds), 0.0) / SECONDS_PER_HOUR
    return {key: {"replicaHours": value} for key, value in hours.items()}


def summarize_usage(endpoints: Iterable[Raw], used: Used) -> list[Raw]:
    """A row for each namespace, model and GPU product; endpoints that are gone stand for themselves."""
    rows: dict[tuple[str, str, str], Raw] = {}
    known: set[tuple[str, str]] = set()
    for endpoint in endpoints:
        metadata, status = endpoint["metadata"], endpoint.get("status") or {}
        resolved = status.get("resolved") or {}
        keys = _keys(metadata["namespace"], metadata["name"])
        known.update(keys)
        each = resolved.get("gpuCount", 0)
        figures = _added(used.get(key, {}) for key in keys)
        figures = {"gpuHours": figures.get("replicaHours", 0.0) * each, **figures}
        figures["gpus"] = each * ((status.get("replicas") or {}).get("ready") or 0)
        title = (metadata["namespace"], status.get("model") or "", resolved.get("product") or "")
        rows[title] = _added((rows.get(title, {}), figures))
    for key in used.keys() - known:
        rows[key[0], f"(AIMEndpoint {key[1]}, deleted)", ""] = dict(used[key])
    return [
        {"namespace": namespace, "model": model, "hardware": product, **_rounded(rows[namespace, model, product])}
        for namespace, model, product in sorted(rows)
    ]


def _keys(namespace: str, name: str) -> list[tuple[str, str]]:
    """What the series and pods of an endpoint name it, those of a version that is tried included."""
    labels = dict.fromkeys((label_value(name), *(track_value(name, track) for track in TRACKS)))
    return [(namespace, label) for label in labels]


def _added(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for one in found:
        for name, value in one.items():
            total[name] = total.get(name, 0.0) + value
    return total


def _rounded(figures: Raw) -> Raw:
    """GPU hours to hundredths, and whole numbers."""
    found = {name: figures[name] for name in SUMS if name in figures}
    return {name: round(value, 2) if name == "gpuHours" else round(value) for name, value in found.items()}


def _row(data: Raw) -> tuple[Cell, ...]:
    figures = (data.get(name) for name in SUMS)
    return (
        data["namespace"],
        data["model"],
        data["hardware"],
        *(None if one is None else f"{one:,}" for one in figures),
    )
