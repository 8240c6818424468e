"""The live figures of an endpoint as its status says them: rounded, and left as they stand while they hardly move.

A status that is written wakes Metacontroller, which asks again, and perhaps another process with figures of another
moment. So what the status says stands for a while and is never replaced by what was measured before it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from aimlib.api.endpoint_status import Metrics
from aimlib.kube.timestamp import format_timestamp
from aimlib.telemetry.prometheus_query import METRICS_BY_NAME, LiveMetric

HOLD_TIME = timedelta(seconds=45)
"""How long what was said stands at least: no more than eighty writes an hour, however often a sync comes."""
RESYNC_SECONDS = 60
"""When to look again: no event says that a figure has changed."""
TOLERANCE = 0.1
"""The part of a figure by which it may differ from what is said of it: twice what rounding to two digits may take."""
NOT_CONFIGURED = "the hook server was given no Prometheus to ask (AIM_OBSERVE, AIM_PROMETHEUS_URL)"


class Observation(NamedTuple):
    """What Prometheus said of one endpoint."""

    at: datetime
    """When it was asked."""
    figures: Mapping[str, float]
    """By name, in the units of the status, as they were measured."""
    trouble: str = ""
    """What was found instead of an answer, in words that stay the same while the trouble does."""


def current_metrics(earlier: object, ready: int, seen: Observation | None, now: datetime) -> Metrics:
    """What the status says of figures now.

    `earlier` is what it said before, whoever wrote it; `ready` the number of ready replicas; `seen` is None where no
    Prometheus is asked; `now` the time of the sync.
    """
    if ready == 0:
        return Metrics(reason="NoReplicas", message="no replica is ready, so there is nothing to measure")
    before = _read(earlier)
    if before and _stands(*before, seen, now):
        return before[0]
    return _said(seen) if seen else Metrics(reason="NotConfigured", message=NOT_CONFIGURED)


def format_metrics(said: Metrics) -> str:
    """The figures of a status in a sentence, and why others are absent."""
    values = ((figure, getattr(said, name)) for name, figure in METRICS_BY_NAME.items())
    figures = ", ".join(figure.words.format(f"{value:.12g}") for figure, value in values if value is not None)
    return "; ".join(filter(None, (figures, said.message)))


def _read(earlier: object) -> tuple[Metrics, datetime] | None:
    """What was said, and when that was observed; None for anything else: figures are no reason to refuse a sync."""
    try:
        found = Metrics.model_validate(earlier)
        observed = datetime.fromisoformat(found.observed_at or "")
    except ValueError:
        return None
    return (found, observed) if observed.tzinfo else None


def _stands(before: Metrics, observed: datetime, seen: Observation | None, now: datetime) -> bool:
    """Whether the status stays as it is. A time that lies ahead was written by a clock that was wrong.

    It does for a while where nobody is asked, too: while servers are replaced, some may have a Prometheus and some not.
    """
    if observed - now < HOLD_TIME and (seen.at if seen else now) - observed < HOLD_TIME:
        return True
    return (
        seen is not None
        and (before.reason, before.message) == _why(seen)
        and all(
            _near(figure, getattr(before, name), seen.figures.get(name)) for name, figure in METRICS_BY_NAME.items()
        )
    )


def _near(figure: LiveMetric, said: float | None, measured: float | None) -> bool:
    if said is None or measured is None:
        return said is measured
    return abs(measured - said) <= max(TOLERANCE * said, figure.step)


def rounded(value: float, step: float) -> float:
    """`value` with two significant digits, and no finer than `step`."""
    return float(f"{round(value / step) * step:.2g}")


def _said(seen: Observation) -> Metrics:
    reason, message = _why(seen)
    figures = {name: rounded(value, METRICS_BY_NAME[name].step) for name, value in seen.figures.items()}
    return Metrics(**figures, reason=reason, message=message, observed_at=format_timestamp(seen.at))


def _why(seen: Observation) -> tuple[str | None, str | None]:
    """Why figures are absent, as reason and message; nothing where none is."""
    if seen.trouble:
        return "NotAnswering", f"asked Prometheus for figures, found {seen.trouble}"
    if not seen.figures.keys() - {"gpu_utilization"}:
        words = "Prometheus has scraped nothing of these Pods, or not with the labels namespace and aimendpoint"
        return "NotScraped", words
    if seen.figures.get("throughput") == 0:
        return "NoTraffic", "no request has ended within five minutes"
    return None, None
