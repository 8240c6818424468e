"""The live metrics in an endpoint's status: rounded, and not updated while they hardly change.

Writing a status triggers another sync, perhaps in another process with metrics of another moment. So the metrics of a
status stay for a while and are never replaced by older ones.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from aimlib.api.endpoint_status import Metrics
from aimlib.kube.timestamp import format_timestamp
from aimlib.telemetry.prometheus_query import METRICS_BY_NAME, LiveMetric

HOLD_TIME = timedelta(seconds=45)
"""Minimum time between updates: at most eighty writes per hour, however often the hook is called."""
RESYNC_SECONDS = 60
"""Seconds until the next sync, since no event reports a change of metrics."""
TOLERANCE = 0.1
"""Relative change of a metric that causes no update: twice the largest effect of rounding to two digits."""
NOT_CONFIGURED = "the hook server has no Prometheus to query (AIM_OBSERVE, AIM_PROMETHEUS_URL)"


class Observation(NamedTuple):
    """The result of a Prometheus query for one endpoint."""

    at: datetime
    """Time of the query."""
    values: Mapping[str, float]
    """Measured values by name, in the units of the status."""
    error: str = ""
    """Why there is no result; equal for equal causes."""


def current_metrics(earlier: object, ready: int, seen: Observation | None, now: datetime) -> Metrics:
    """The metrics of the new status.

    `earlier` are the metrics of the present status; `ready` is the number of ready replicas; `seen` is None where no
    Prometheus is queried; `now` is the time of the sync.
    """
    if ready == 0:
        return Metrics(reason="NoReplicas", message="no replica is ready, so there is nothing to measure")
    before = _read(earlier)
    if before and _unchanged(*before, seen, now):
        return before[0]
    return _measured(seen) if seen else Metrics(reason="NotConfigured", message=NOT_CONFIGURED)


def format_metrics(metrics: Metrics) -> str:
    """The metrics of a status as text, and why others are absent."""
    values = ((metric, getattr(metrics, name)) for name, metric in METRICS_BY_NAME.items())
    texts = ", ".join(metric.template.format(f"{value:.12g}") for metric, value in values if value is not None)
    return "; ".join(filter(None, (texts, metrics.message)))


def _read(earlier: object) -> tuple[Metrics, datetime] | None:
    """The metrics of a status, and when they were observed; None where they are invalid, which must not fail a sync."""
    try:
        found = Metrics.model_validate(earlier)
        observed = datetime.fromisoformat(found.observed_at or "")
    except ValueError:
        return None
    return (found, observed) if observed.tzinfo else None


def _unchanged(before: Metrics, observed: datetime, seen: Observation | None, now: datetime) -> bool:
    """Whether the metrics of the status stay. A time in the future is from a clock that was wrong.

    They stay for a while without a Prometheus, too: during an update of the servers, some may have one and some not.
    """
    if observed - now < HOLD_TIME and (seen.at if seen else now) - observed < HOLD_TIME:
        return True
    return (
        seen is not None
        and (before.reason, before.message) == _why(seen)
        and all(_near(metric, getattr(before, name), seen.values.get(name)) for name, metric in METRICS_BY_NAME.items())
    )


def _near(metric: LiveMetric, earlier: float | None, measured: float | None) -> bool:
    if earlier is None or measured is None:
        return earlier is measured
    return abs(measured - earlier) <= max(TOLERANCE * earlier, metric.step)


def rounded(value: float, step: float) -> float:
    """`value` rounded to two significant digits, and to a multiple of `step`."""
    return float(f"{round(value / step) * step:.2g}")


def _measured(seen: Observation) -> Metrics:
    reason, message = _why(seen)
    values = {name: rounded(value, METRICS_BY_NAME[name].step) for name, value in seen.values.items()}
    return Metrics(**values, reason=reason, message=message, observed_at=format_timestamp(seen.at))


def _why(seen: Observation) -> tuple[str | None, str | None]:
    """Why metrics are absent, as reason and message; None where none is."""
    if seen.error:
        return "NotAnswering", f"the query of Prometheus failed: {seen.error}"
    if not seen.values.keys() - {"gpu_utilization"}:
        message = "Prometheus has no metrics of these Pods, or not with the labels namespace and aimendpoint"
        return "NotScraped", message
    if seen.values.get("throughput") == 0:
        return "NoTraffic", "no request has finished within 5 minutes"
    return None, None
