"""What observers add to a request: one value for each topic that they asked about, with its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from aimlib.api.meta import Raw
from aimlib.telemetry.live_metrics import Observation

_T = TypeVar("_T")


@dataclass(frozen=True)
class Topic(Generic[_T]):
    """What an observer asks about, and of which type the result is."""

    name: str


PODS: Topic[list[Raw]] = Topic("pods")
"""The Pods of the parent; an empty list where the API server did not answer."""
LIVE_METRICS: Topic[Observation] = Topic("live metrics")
"""The result of a Prometheus query for the parent."""


@dataclass(frozen=True)
class Observations:
    """Results by topic. A topic is absent where no observer asked about it: it is switched off, or had no reason to."""

    values: Mapping[str, object]

    def get(self, topic: Topic[_T]) -> _T | None:
        """The result for a topic; None where nobody asked."""
        return cast("_T | None", self.values.get(topic.name))

    def adding(self, topic: Topic[_T], value: _T) -> "Observations":
        """These results and one more."""
        return Observations({**self.values, topic.name: value})


NOTHING_OBSERVED = Observations({})
