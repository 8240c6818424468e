"""What is shown of the endpoints of a cluster: a list, one of them on one screen, their load, and their address."""

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.meta import Raw
from aimlib.canary.step import ENDED
from aimlib.telemetry.live_metrics import format_metrics
from hooks.cli.endpoint_progress import read_progress
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError
from hooks.cli.scaling_report import scaling_line
from hooks.cli.tables import Cell, table
from hooks.cli.versions import VERSION_HEAD, canary_text, version_row

ENDPOINT_HEAD = ("NAME", "MODEL", "HARDWARE", "GPUS", "READY", "PHASE", "MESSAGE")
ENDPOINT_OMISSIBLE = ("HARDWARE", "GPUS", "MODEL")
"""Columns that a narrow terminal does without."""
LOAD_HEAD = ("NAME", "REQUESTS/S", "TOKENS/S", "RUNNING", "WAITING", "KV CACHE %", "GPU %", "FIRST TOKEN MS")
LOAD_OMISSIBLE = ("GPU %", "KV CACHE %")
"""Columns that a narrow terminal does without."""
LOAD_FIELDS = (
    "throughput",
    "tokens_per_second",
    "requests_running",
    "requests_waiting",
    "kv_cache_utilization",
    "gpu_utilization",
    "time_to_first_token_p95",
)
"""The metric in each column of LOAD_HEAD."""
POD_HEAD = ("POD", "NODE", "READY", "RESTARTS", "STATE")
EVENT_HEAD = ("LAST SEEN", "EVENT", "MESSAGE")
SHOWN_EVENTS, SHOWN_VERSIONS = 5, 3
"""Events and versions that a screen shows, the last ones."""
LABEL_WIDTH = 10


def endpoint_row(endpoint: Raw) -> Sequence[Cell]:
    """An endpoint under ENDPOINT_HEAD."""
    status, progress = _status(endpoint), read_progress(endpoint)
    chosen, replicas = status.selected_recipe, status.replicas
    return (
        endpoint["metadata"]["name"],
        status.model,
        chosen.hardware if chosen else None,
        chosen.gpu_count if chosen else None,
        f"{replicas.ready or 0}/{replicas.desired}" if replicas else None,
        progress.phase,
        "" if progress.code == 0 else progress.message,
    )


def load_row(endpoint: Raw) -> Sequence[Cell]:
    """An endpoint under LOAD_HEAD."""
    metrics = _status(endpoint).metrics
    found: list[float | None] = [getattr(metrics, name, None) for name in LOAD_FIELDS]
    return (endpoint["metadata"]["name"], *(None if one is None else f"{one:g}" for one in found))


def screen(endpoint: Raw, pods: Iterable[Raw], events: Sequence[Raw], width: int | None = None) -> str:
    """One endpoint: its phase and why, its configuration, replicas, figures, last versions and last events.

    Lines fit into the `width` of a terminal, where one is stated.
    """
    blocks = ["\n".join(_labelled(label, text, width) for label, text in _lines(endpoint) if text)]
    if rows := [pod_row(pod) for pod in pods]:
        blocks.append(table(POD_HEAD, rows, width, ("NODE",)))
    if chosen := _status(endpoint).history[-SHOWN_VERSIONS:]:
        blocks.append(table(VERSION_HEAD, map(version_row, chosen), width, ("READY",)))
    if shown := events[-SHOWN_EVENTS:]:
        blocks.append(table(EVENT_HEAD, [_event_row(one) for one in shown], width, ("LAST SEEN",)))
    return "\n\n".join(blocks)


def _labelled(label: str, text: str, width: int | None) -> str:
    """A line of a screen; longer ones go on below their beginning."""
    before = f"{label:<{LABEL_WIDTH - 1}} "
    if width is None:
        return f"{before}{text}"
    indent = " " * LABEL_WIDTH
    return textwrap.fill(
        f"{before}{text}", width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _lines(endpoint: Raw) -> Iterator[tuple[str, str | None]]:
    metadata, status, progress = endpoint["metadata"], _status(endpoint), read_progress(endpoint)
    resolved, replicas, addresses = status.resolved, status.replicas, status.endpoints
    yield "endpoint", f"{metadata.get('namespace')}/{metadata['name']}"
    yield "phase", f"{progress.phase}: {progress.message}".rstrip(": ")
    remedy, command = progress.advice(metadata["name"])
    yield "to do", remedy
    yield "look at", command
    yield "model", status.model
    if resolved:
        yield "runs", f"{resolved.recipe}, {resolved.gpu_count} {resolved.product}, {resolved.backend}"
    yield "because", status.selection.message if status.selection else None
    if replicas:
        yield "replicas", f"{replicas.ready or 0} of {replicas.desired} ready"
    tried = status.canary if status.canary and status.canary.phase not in ENDED else None
    yield "canary", canary_text(tried) if tried else None
    yield "scaling", scaling_line(endpoint, status)
    yield "cache", status.cache.name if status.cache else None
    for one in status.adapters:
        at = f"{one.repository}@{one.revision}"
        yield "adapter", f"{one.name}: {at} in cache {one.cache}, {one.state}"
    if loaded := status.source:
        version = f" ({loaded.resolved})" if loaded.resolved else ""
        yield "source", f"{loaded.source}{version}"
    yield "figures", format_metrics(status.metrics) if status.metrics else None
    yield "address", addresses.external or addresses.internal if addresses else None
    for condition in status.conditions:
        shown = {progress.message, "", tried.message if tried else ""}
        if condition.status != "True" and condition.message not in shown:
            yield condition.type, f"{condition.reason}: {condition.message}"
    for warning in status.warnings:
        yield "warning", warning


def pod_row(pod: Raw) -> Sequence[Cell]:
    """A Pod under POD_HEAD, with what its container waits for or ended with."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    container: Raw = next(iter(status.get("containerStatuses") or ()), {})
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    states: Raw = container.get("state") or {}
    state = next(iter(states), "")
    unscheduled = conditions.get("PodScheduled", {})
    why = (states.get(state) or {}).get("reason") or (
        "" if unscheduled.get("status") == "True" else unscheduled.get("reason")
    )
    return (
        pod["metadata"]["name"],
        spec.get("nodeName"),
        "yes" if conditions.get("Ready", {}).get("status") == "True" else "no",
        container.get("restartCount", 0),
        " ".join(filter(None, (state or status.get("phase"), why))),
    )


def address(endpoint: Raw) -> str:
    """The base URL of an endpoint: outside of the cluster where it has one. CommandError where there is none."""
    found = _status(endpoint).endpoints
    url = found.external or found.load_balancer or found.internal if found else None
    if not url:
        name, progress = endpoint["metadata"]["name"], read_progress(endpoint)
        raise CommandError(f"{name} has no address yet: {progress.phase}: {progress.message}", CLUSTER_ERROR_CODE)
    return url


def client_variables(endpoint: Raw) -> dict[str, str]:
    """The variables by which clients of OpenAI find an endpoint."""
    model = _status(endpoint).model or ""
    return {"OPENAI_BASE_URL": address(endpoint), "OPENAI_API_KEY": "none", "OPENAI_MODEL": model}


def shell_exports(variables: Mapping[str, str]) -> str:
    """Variables for `eval` in a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _status(endpoint: Raw) -> EndpointStatus:
    return EndpointStatus.model_validate(endpoint.get("status") or {})


def _event_row(event: Raw) -> Sequence[Cell]:
    return event.get("lastTimestamp") or event.get("eventTime"), event.get("reason"), event.get("message")
