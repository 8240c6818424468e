"""One endpoint: what it runs, why that was selected, how it does, and what happened to it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aimlib.api.canary import CanaryStatus
from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.history import HistoryEntry
from aimlib.api.meta import Condition, Raw
from aimlib.telemetry.prometheus_query import METRICS_BY_NAME
from hooks.planning.explanation import Explanation
from hooks.planning.stored import read_status
from hooks.web.fleet import UNREADABLE, phase_and_message
from hooks.web.reader import time_of_event

SHOWN_CANDIDATES = 200
EVENTS_OF_PAGE = 50


class CandidateRow(NamedTuple):
    """One candidate of a selection."""

    rank: int | None
    recipe: str
    gpus: int
    hardware: str
    precision: str
    engine: str
    verdict: str


class EventRow(NamedTuple):
    """One Event."""

    when: str
    kind: str
    reason: str
    message: str
    times: int


class EndpointView(NamedTuple):
    """What the page of an endpoint shows."""

    namespace: str
    name: str
    phase: str
    message: str
    facts: Sequence[tuple[str, str]]
    because: str
    candidates: Sequence[CandidateRow]
    considered: int
    figures: Sequence[str]
    without_figures: str
    conditions: Sequence[Condition]
    warnings: Sequence[str]
    canary: CanaryStatus | None
    history: Sequence[HistoryEntry]
    events: Sequence[EventRow]


def endpoint_view(endpoint: Raw, recipes: Iterable[Raw], events: Sequence[Raw]) -> EndpointView:
    """The page of an endpoint, whose candidates have facts of the recipes that are there now."""
    read = read_status(endpoint)
    status = read or EndpointStatus()
    phase, message = phase_and_message(endpoint, read)
    selection, metrics = status.selection, status.metrics
    return EndpointView(
        endpoint["metadata"]["namespace"],
        endpoint["metadata"]["name"],
        phase,
        message,
        tuple((name, text) for name, text in _facts(endpoint["spec"], status) if text),
        selection.message if selection else (UNREADABLE if read is None else "no decision has been made yet"),
        candidate_rows(Explanation(endpoint, status, {one["metadata"]["name"]: one for one in recipes})),
        selection.considered if selection else 0,
        tuple(_figures(status)),
        (metrics.message or "") if metrics else "spec.monitoring.enabled: true has live figures in the status",
        status.conditions,
        status.warnings,
        status.canary,
        tuple(reversed(status.history)),
        tuple(map(event_row, events[:EVENTS_OF_PAGE])),
    )


def candidate_rows(explained: Explanation) -> tuple[CandidateRow, ...]:
    """The candidates with their verdicts, those that fit first."""
    found = []
    for rank, recipe, gpus, hardware, precision, engine, verdict in explained.rows()[:SHOWN_CANDIDATES]:
        texts = (str(one or "") for one in (hardware, precision, engine, verdict))
        found.append(CandidateRow(int(rank) if rank else None, str(recipe), int(gpus or 0), *texts))
    return tuple(found)


def _facts(spec: Raw, status: EndpointStatus) -> Iterator[tuple[str, str | None]]:
    resolved, replicas, addresses = status.resolved, status.replicas, status.endpoints
    yield "model", status.model
    if resolved:
        yield "recipe", resolved.recipe
        yield "hardware", f"{resolved.gpu_count} {resolved.product} per replica"
        yield "engine", f"{resolved.backend}, {resolved.precision}"
        yield "image", resolved.image
    if replicas:
        yield "replicas", f"{replicas.ready or 0} of {replicas.desired} ready"
    yield "scaling", _scaling(spec)
    yield "cache", status.cache.name if status.cache else None
    if addresses:
        yield "address", addresses.internal
        yield "address outside", addresses.external or addresses.load_balancer
    if status.rollback:
        yield "rolled back", status.rollback.message


def _scaling(spec: Raw) -> str | None:
    limits = spec.get("scaling") or {}
    return f"{limits.get('minReplicas', 1)} to {limits.get('maxReplicas', 1)} replicas" if limits else None


def _figures(status: EndpointStatus) -> Iterator[str]:
    if status.metrics:
        for name, metric in METRICS_BY_NAME.items():
            if (value := getattr(status.metrics, name)) is not None:
                yield metric.template.format(f"{value:.12g}")


def event_row(event: Raw) -> EventRow:
    """An Event as a row."""
    kind, reason, message = (str(event.get(name) or "") for name in ("type", "reason", "message"))
    return EventRow(time_of_event(event), kind, reason, message, int(event.get("count") or 1))
