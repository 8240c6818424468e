"""What observers add to a request: a typed value for each topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar, cast

from aimlib.api.meta import Raw
from aimlib.diagnosis.container_ends import EngineLog
from aimlib.diagnosis.preparation import NotPrepared
from aimlib.diagnosis.refusals import SyncError
from aimlib.hardware.free import NodeUse
from aimlib.telemetry.live_metrics import Observation
from aimlib.telemetry.track_query import TrackFigures
from aimlib.telemetry.traffic_query import RecordedTraffic

_T = TypeVar("_T")


@dataclass(frozen=True)
class Topic(Generic[_T]):
    """What an observer observes, with the type of its result."""

    name: str


class CatalogueNames(NamedTuple):
    """The recipes and AIMModels of the cluster, at least with what they are called and what they are of."""

    recipes: Sequence[Raw] = ()
    models: Sequence[Raw] = ()


PODS: Topic[list[Raw]] = Topic("pods")
"""The Pods of the parent; an empty list where the API server did not answer."""
ENGINE_LOG: Topic[EngineLog] = Topic("engine log")
"""What was read of the log of the container that ended last."""
NOT_PREPARED: Topic[NotPrepared] = Topic("preparation")
"""Why the Pod that is prepared the longest gets no containers, by its Events."""
QUEUE_WORDS: Topic[str] = Topic("queue")
"""What Kueue tells of the pod that waits in a queue; empty where it tells nothing."""
SYNC_ERRORS: Topic[Sequence[SyncError]] = Topic("errors of syncs")
"""What Metacontroller told of syncs of the parent that failed, the newest first, where children are given up."""
NODE_USES: Topic[Sequence[NodeUse]] = Topic("uses of nodes")
"""The nodes with what pods request of them, where a configuration is to be selected for the parent."""
LIVE_METRICS: Topic[Observation] = Topic("live metrics")
"""The result of a Prometheus query for the parent."""
TRACK_FIGURES: Topic[TrackFigures] = Topic("figures of tracks")
"""What Prometheus has of the two versions of the parent while one is tried."""
TRAFFIC: Topic[RecordedTraffic] = Topic("traffic")
"""What Prometheus has of the parent's requests in the last days, where they are due to be replayed."""
CATALOGUE_NAMES: Topic[CatalogueNames] = Topic("catalogue names")
"""What the catalogue has, where it has nothing of what the parent requests."""


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
