"""The targets of scaling on load, each with the recorded series that it is a target of, and how to ask for it."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from aimlib.api.scaling import Scaling
from aimlib.kube.duration import parse_latency


class LoadTarget(NamedTuple):
    """One kind of target; a row of the table."""

    name: str
    """What is measured."""
    attribute: str
    """The field of `Scaling`."""
    spelled: str
    """The field as users spell it."""
    series: str
    """The recorded series: one value for each endpoint."""
    aggregation: str
    """How PromQL makes one value of what a query finds."""
    percent: bool = False
    """Whether the target is in percent of what is measured."""
    per_replica: bool = False
    """Whether the target is for each replica, of the sum over all of them."""
    none_is_zero: bool = False
    """Whether nothing measured means nothing, and not that nobody knows: no request was answered."""

    @property
    def metric_type(self) -> Literal["AverageValue", "Value"]:
        """The type of its target in a HorizontalPodAutoscaler."""
        return "AverageValue" if self.per_replica else "Value"

    def query(self, labels: dict[str, str], offset_seconds: int = 0) -> str:
        """The query for its value, in the unit of its target; that of a while ago with an offset."""
        ago = f" offset {offset_seconds}s" if offset_seconds else ""
        found = f"{self.aggregation}({self.series}{label_matchers(labels)}{ago})"
        return f"100 * {found}" if self.percent else found


LOAD_TARGETS = (
    LoadTarget("requests", "target_requests", "targetRequests", "aim:requests_in_flight", "sum", per_replica=True),
    LoadTarget(
        "kv-cache",
        "target_kv_cache_utilization",
        "targetKVCacheUtilization",
        "aim:kv_cache_usage:ratio",
        "max",
        percent=True,
    ),
    LoadTarget(
        "time-to-first-token",
        "target_time_to_first_token",
        "targetTimeToFirstToken",
        "aim:time_to_first_token_seconds:p95_5m",
        "max",
        none_is_zero=True,
    ),
)


def stated_targets(scaling: Scaling) -> Iterator[tuple[LoadTarget, float]]:
    """The targets on load that a spec states, each with its value: requests, percent, or seconds."""
    for target in LOAD_TARGETS:
        value = getattr(scaling, target.attribute)
        if value is not None:
            yield target, parse_latency(value) if isinstance(value, str) else float(value)


def label_matchers(labels: dict[str, str]) -> str:
    """Labels as PromQL selects them."""
    return f"{{{','.join(f'{key}={quoted(value)}' for key, value in labels.items())}}}"


def quoted(text: str) -> str:
    """A string of PromQL with that content, whatever it is."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
