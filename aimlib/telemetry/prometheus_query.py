"""What Prometheus is asked for the live figures of all endpoints at once, and what its answer says.

One instant query has every figure of every endpoint, so that they are of one moment and cost one time-out at most. A
figure is taken from the series that the recording rules make, and where there is none from what those are made of.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic_core import from_json

from aimlib.errors import UnavailableError
from aimlib.telemetry.recording_rules import ENDPOINT, records

LARGEST_VALUE = 1e12
"""What no figure exceeds: beyond it a counter was written wrongly."""

Series = Mapping[tuple[str, str], Mapping[str, float]]
"""By namespace and label of an endpoint its figures, by their names in status.metrics and in the units there."""


class LiveMetric(NamedTuple):
    """One figure of status.metrics."""

    name: str
    """As a field of `aimlib.api.endpoint_status.Metrics`."""
    recorded: str
    """The series that a recording rule makes."""
    words: str
    """What it says in a sentence, with its place."""
    factor: int = 1
    """The unit of the series, in units of the status."""
    step: float = 1
    """The finest difference that the status shows; half of one for what is counted, so that one more is told."""


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
"""Matches series of other exporters, which fails the whole query where their labels are not as they should be."""


class PrometheusError(UnavailableError):
    """Prometheus gave no response that can be used; the message names what it gave, equal for equal causes."""


@cache
def metrics_query() -> str:
    """The instant query, in PromQL; each of its series has the labels `namespace`, `aimendpoint` and `figure`."""
    return " or ".join(f'label_replace({_sources(one)}, "figure", "{one.name}", "", "")' for one in STATUS_METRICS)


def _sources(figure: LiveMetric) -> str:
    # Labels that a Prometheus adds to its own series, such as that of its replica, are taken off.
    recorded = f"max by ({ENDPOINT}) ({figure.recorded})"
    raw = [one.expr for one in records() if one.name == figure.recorded and figure.name not in RECORDED_ONLY]
    return " or ".join((recorded, *raw))


def parse_response(body: bytes) -> Series:
    """The figures in an answer to `metrics_query`; PrometheusError where it is no answer to an instant query.

    A value that is no figure (NaN of a mean over no requests, infinity, text, less than nothing) is as if it were not
    there. Where there are several of one figure, which no answer of Prometheus has, the largest counts.
    """
    try:
        answer = from_json(body)
    except ValueError as error:
        raise PrometheusError("an answer that is not JSON") from error
    data = answer.get("data") if isinstance(answer, dict) and answer.get("status") == "success" else None
    listed = data.get("result") if isinstance(data, dict) and data.get("resultType") == "vector" else None
    if not isinstance(listed, list):
        raise PrometheusError("an answer that is none to an instant query")
    found: dict[tuple[str, str], dict[str, float]] = {}
    for one in listed:
        labels, value = _labels(one), _value(one)
        if labels and value is not None:
            namespace, endpoint, name = labels
            figures = found.setdefault((namespace, endpoint), {})
            figures[name] = max(value * METRICS_BY_NAME[name].factor, figures.get(name, 0.0))
    return found


def _labels(one: Any) -> tuple[str, str, str] | None:  # noqa: ANN401 - JSON
    """Namespace, endpoint and figure of a series; None where it is none that was asked for."""
    metric = one.get("metric") if isinstance(one, dict) else None
    found = [metric.get(name) for name in ("namespace", "aimendpoint", "figure")] if isinstance(metric, dict) else []
    texts = [one for one in found if isinstance(one, str)]
    return (texts[0], texts[1], texts[2]) if len(texts) == 3 and texts[2] in METRICS_BY_NAME else None


def _value(one: Any) -> float | None:  # noqa: ANN401 - JSON
    """The value of a sample, `[time, "text"]`; None where it is no figure."""
    sample = one.get("value") if isinstance(one, dict) else None
    if not isinstance(sample, list) or len(sample) != 2 or not isinstance(sample[1], str):
        return None
    try:
        value = float(sample[1])
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= LARGEST_VALUE else None
