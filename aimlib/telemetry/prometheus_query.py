"""The Prometheus query for the live metrics of all endpoints, and the parser of its response.

One instant query has every metric of every endpoint, so that all are of one moment and cost one timeout at most. A
metric is taken from the series of the recording rules, else from the series on which the rules are based.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic_core import from_json

from aimlib.errors import UnavailableError
from aimlib.telemetry.recording_rules import ENDPOINT, records

LARGEST_VALUE = 1e12
"""No metric exceeds this; a larger value comes from a wrong counter."""

Series = Mapping[tuple[str, str], Mapping[str, float]]
"""Metrics by namespace and label of an endpoint, by their names in status.metrics and in the units there."""


class LiveMetric(NamedTuple):
    """One metric of status.metrics."""

    name: str
    """As a field of `aimlib.api.endpoint_status.Metrics`."""
    recorded: str
    """The series of a recording rule."""
    template: str
    """Text with a placeholder for the value."""
    factor: int = 1
    """Factor from the unit of the series to that of the status."""
    step: float = 1
    """The smallest difference that the status shows; a half for counts, so that a difference of 1 is shown."""


STATUS_METRICS = (
    LiveMetric("throughput", "aim:requests:rate5m", "{} requests/s", step=0.001),
    LiveMetric("tokens_per_second", "aim:generation_tokens:rate5m", "{} tokens/s", step=0.1),
    LiveMetric("latency", "aim:e2e_request_latency_seconds:mean5m", "mean latency {} ms", factor=1000),
    LiveMetric(
        "time_to_first_token_p95",
        "aim:time_to_first_token_seconds:p95_5m",
        "95 % with a first token after {} ms",
        factor=1000,
    ),
    LiveMetric("requests_running", "aim:requests_running", "{} running", step=0.5),
    LiveMetric("requests_waiting", "aim:requests_waiting", "{} waiting", step=0.5),
    LiveMetric("kv_cache_utilization", "aim:kv_cache_usage:ratio", "KV cache {} % full", factor=100, step=0.1),
    LiveMetric("gpu_utilization", "aim:gpu_utilization:ratio", "GPUs {} % busy", factor=100, step=0.1),
)
METRICS_BY_NAME = {one.name: one for one in STATUS_METRICS}
RECORDED_ONLY = frozenset({"gpu_utilization"})
"""Its rule matches series of other exporters; unexpected labels in these would fail the whole query."""


class PrometheusError(UnavailableError):
    """Prometheus gave no response that can be used; the message names what it gave, equal for equal causes."""


@cache
def metrics_query() -> str:
    """The instant query, in PromQL; each of its series has the labels `namespace`, `aimendpoint` and `figure`."""
    return " or ".join(
        f'label_replace({_sources(status_metric)}, "figure", "{status_metric.name}", "", "")'
        for status_metric in STATUS_METRICS
    )


def _sources(metric: LiveMetric) -> str:
    # Without labels that a Prometheus adds to its own series, such as that of its replica.
    recorded = f"max by ({ENDPOINT}) ({metric.recorded})"
    raw = [rule.expr for rule in records() if rule.name == metric.recorded and metric.name not in RECORDED_ONLY]
    return " or ".join((recorded, *raw))


def parse_response(body: bytes) -> Series:
    """The metrics in a response to `metrics_query`; PrometheusError where it is not a response to an instant query.

    Values that are not valid (NaN of a mean over no requests, infinity, text, negative numbers) are ignored. Of several
    values of one metric, which Prometheus never returns, the largest counts.
    """
    found: dict[tuple[str, str], dict[str, float]] = {}
    for one in parse_vector(body):
        labels, value = _labels(one), sample_value(one)
        if labels and value is not None:
            namespace, endpoint, name = labels
            metrics = found.setdefault((namespace, endpoint), {})
            metrics[name] = max(value * METRICS_BY_NAME[name].factor, metrics.get(name, 0.0))
    return found


def parse_vector(body: bytes) -> list[Any]:
    """The series in a response to an instant query; PrometheusError where it is none."""
    return _series(body, "vector")


def parse_matrix(body: bytes) -> list[Any]:
    """The series in a response whose query is of a span of time; PrometheusError where it is none."""
    return _series(body, "matrix")


def _series(body: bytes, kind: str) -> list[Any]:
    try:
        response = from_json(body)
    except ValueError as error:
        raise PrometheusError("a response that is not JSON") from error
    data = response.get("data") if isinstance(response, dict) and response.get("status") == "success" else None
    listed = data.get("result") if isinstance(data, dict) and data.get("resultType") == kind else None
    if not isinstance(listed, list):
        raise PrometheusError("a response that is not that of an instant query")
    return listed


def texts_of(one: Any, *names: str) -> tuple[str, ...] | None:  # noqa: ANN401 - JSON
    """The values of these labels of a series; None where it lacks one."""
    metric = one.get("metric") if isinstance(one, dict) else None
    found = [metric.get(name) for name in names] if isinstance(metric, dict) else []
    texts = tuple(one for one in found if isinstance(one, str))
    return texts if len(texts) == len(names) else None


def _labels(one: Any) -> tuple[str, str, str] | None:  # noqa: ANN401 - JSON
    """Namespace, endpoint and metric of a series; None where the query did not request it."""
    texts = texts_of(one, "namespace", "aimendpoint", "figure")
    return (texts[0], texts[1], texts[2]) if texts and texts[2] in METRICS_BY_NAME else None


def sample_value(one: Any) -> float | None:  # noqa: ANN401 - JSON
    """The value of a sample, `[time, "text"]`; None where it is invalid."""
    sample = one.get("value") if isinstance(one, dict) else None
    if not isinstance(sample, list) or len(sample) != 2 or not isinstance(sample[1], str):
        return None
    try:
        value = float(sample[1])
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= LARGEST_VALUE else None
