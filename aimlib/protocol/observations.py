"""What observers add to a request: a typed value for each topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from aimlib.api.meta import Raw
from aimlib.diagnosis.container_ends import EngineLog
from aimlib.telemetry.live_metrics import Observation

_T = TypeVar("_T")


@dataclass(frozen=True)
class Topic(Generic[_T]):
    """What an observer observes, with the type of its result."""

    name: str


PODS: Topic[list[Raw]] = Topic("pods")
"""The Pods of the parent; an empty list where the API server did not answer."""
ENGINE_LOG: Topic[EngineLog] = Topic("engine log")
"""What was read of the log of the container that ended last."""
LIVE_METRICS: Topic[Observation] = Topic("live metrics")
"""The result of a Prometheus query for the parent."""


@dataclass(frozen=True)
class Observations:
    """Results by topic. A topic is absent where its observer is switched off or had nothing to observe."""

    values: Mapping[str, object]

    def get(self, topic: Topic[_T]) -> _T | None:
        """The result for a topic; None where it was not observed."""
        return cast("_T | None", self.values.get(topic.name))

    def adding(self, topic: Topic[_T], value: _T) -> "Observations":
        """These results and one more."""
        return Observations({**self.values, topic.name: value})


NOTHING_OBSERVED = Observations({})
