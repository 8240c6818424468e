"""The observers that the environment enables: clients that request what a hook's request does not bring."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from aimlib.config import ConfigError
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import (
    CATALOGUE_NAMES,
    ENGINE_LOG,
    LIVE_METRICS,
    NODE_USES,
    NOT_PREPARED,
    PODS,
    QUEUE_WORDS,
    SYNC_ERRORS,
    TRACK_FIGURES,
    TRAFFIC,
    Topic,
)
from hooks.cache import volume
from hooks.endpoint import pending_children
from hooks.endpoint.admission import Catalogue, Quotas, no_quotas
from hooks.gateway import status as gateway_status

Result = TypeVar("Result")
Observe = Callable[[Request], Request]
"""Adds observations to a request."""


class Switched(NamedTuple):
    """An observer that a variable of its own enables."""

    name: str
    make: Callable[[], Observe]
    of_pods: bool
    """Whether it goes by what the observer of Pods listed."""


OBSERVED_VARIABLE = "AIM_OBSERVE"
"""The variable with the names of the others."""
SYNC_ERROR_EVENTS = "events"
"""The observer of Events: of syncs that failed, which caches and gateways have, too, and of an endpoint's Pods."""
CATALOGUE = "catalogue"
"""The observer that admission uses, and whose names hooks do."""


def observers(environment: Mapping[str, str]) -> dict[str, Observe]:
    """The enabled observers by the path of their hook. ConfigError for unknown names and values.

    Those that a component enables have a variable each, so that it does not matter what else is observed.
    """
    enabled = _names(environment.get(OBSERVED_VARIABLE, "")) | _switched_on(environment)
    known = OBSERVERS | {one.name: one.make for one in SWITCHED.values()} | CATALOGUE_OBSERVERS
    enabled_observers = [make() for name, make in known.items() if name in enabled]
    others = (
        {path: _sync_errors(matters) for path, matters in PARENTS_WITH_EVENTS.items()}
        if SYNC_ERROR_EVENTS in enabled
        else {}
    )
    return {"/endpoint/sync": _in_order(enabled_observers), **others} if enabled_observers else {}


def catalogue(names: str) -> Callable[[], Catalogue | None]:
    """A function that returns the catalogue for admission; None where the observer is not enabled."""
    if CATALOGUE not in _names(names):
        return lambda: None
    from hooks.server.observers.catalogue import CatalogueObserver  # noqa: PLC0415 - as below

    return CatalogueObserver()


def quota_reader(environment: Mapping[str, str]) -> Quotas:
    """What reads the quotas of queues for admission; of none where queues are not observed."""
    if "queues" not in _switched_on(environment):
        return no_quotas
    from hooks.server.observers.quotas import QuotaReader  # noqa: PLC0415 - as below

    return QuotaReader()


def _names(names: str) -> set[str]:
    enabled = {name for name in names.split(",") if name}
    *others, last = (*OBSERVERS, CATALOGUE)
    if unknown := enabled - {*others, last}:
        message = f"{', '.join(sorted(unknown))} cannot be observed, only {', '.join(others)} and {last}"
        raise ConfigError(f"{OBSERVED_VARIABLE}: {message}")
    return enabled


def _switched_on(environment: Mapping[str, str]) -> set[str]:
    enabled = set()
    for variable, (name, _, of_pods) in SWITCHED.items():
        value = environment.get(variable, "")
        if value not in {"", "false", "true"}:
            raise ConfigError(f"{variable} must be true or false; it is {value}")
        if value == "true" and of_pods and "pods" not in _names(environment.get(OBSERVED_VARIABLE, "")):
            raise ConfigError(
                f"{variable}: {name} are read of the pods that are observed, and {OBSERVED_VARIABLE} has no pods"
            )
        enabled |= {name} if value == "true" else set()
    return enabled


def _in_order(observers_in_order: list[Observe]) -> Observe:
    def observe(request: Request) -> Request:
        for observe_topic in observers_in_order:
            request = observe_topic(request)
        return request

    return observe


def _pods() -> Observe:
    from hooks.server.observers.pods import PodObserver  # noqa: PLC0415 - imports the Kubernetes client

    return _adds_result(PODS, PodObserver())


def _logs() -> Observe:
    from hooks.server.observers.logs import LogObserver  # noqa: PLC0415 - imports the Kubernetes client

    return _adds_result(ENGINE_LOG, LogObserver())


def _queues() -> Observe:
    from hooks.server.observers.queues import QueueObserver  # noqa: PLC0415 - imports the Kubernetes client

    return _adds_result(QUEUE_WORDS, QueueObserver())


def _free_capacity() -> Observe:
    from hooks.server.observers.free_capacity import FreeCapacityObserver  # noqa: PLC0415 - as above

    return _adds_result(NODE_USES, FreeCapacityObserver())


def _sync_errors(matters: Callable[[Request], bool] = pending_children.answers_matter) -> Observe:
    from hooks.server.observers.sync_errors import SyncErrorObserver  # noqa: PLC0415 - imports the Kubernetes client

    return _adds_result(SYNC_ERRORS, SyncErrorObserver(matters))


def _endpoint_events() -> Observe:
    from hooks.server.observers.pod_events import PodEventObserver  # noqa: PLC0415 - imports the Kubernetes client

    return _in_order([_sync_errors(), _adds_result(NOT_PREPARED, PodEventObserver())])


def _names_of_catalogue() -> Observe:
    from hooks.server.observers.catalogue import NamesObserver  # noqa: PLC0415 - imports the Kubernetes client

    return _adds_result(CATALOGUE_NAMES, NamesObserver())


def _prometheus() -> Observe:
    from hooks.server.observers.prometheus import prometheus_observer, track_observer  # noqa: PLC0415 - imports urllib3
    from hooks.server.observers.traffic import traffic_observer  # noqa: PLC0415 - the same

    metrics, tracks, traffic = prometheus_observer(), track_observer(), traffic_observer()
    added = (_adds_result(LIVE_METRICS, metrics), _adds_result(TRACK_FIGURES, tracks), _adds_result(TRAFFIC, traffic))
    return _in_order([*added])


def _adds_result(topic: Topic[Result], observer: Callable[[Request], Result | None]) -> Observe:
    """Adds an observer's result to the request, where it has one."""

    def observe(request: Request) -> Request:
        result = observer(request)
        return request if result is None else request.with_observation(topic, result)

    return observe


OBSERVERS = {"pods": _pods, SYNC_ERROR_EVENTS: _endpoint_events, "prometheus": _prometheus}
"""Constructors by their names in AIM_OBSERVE, of what is observed of endpoints."""
PARENTS_WITH_EVENTS = {
    "/cache/sync": volume.claim_answer_matters,
    "/gateway/sync": gateway_status.gateway_answers_matter,
}
"""When Events of other kinds are read, by the path of their hook."""
CATALOGUE_OBSERVERS = {CATALOGUE: _names_of_catalogue}
"""The constructor of the observer that tells hooks what else there is."""
SWITCHED = {
    "AIM_OBSERVE_LOGS": Switched("logs", _logs, of_pods=True),
    "AIM_OBSERVE_QUEUES": Switched("queues", _queues, of_pods=True),
    "AIM_OBSERVE_FREE": Switched("free capacity", _free_capacity, of_pods=False),
}
"""The observers that a component enables, each by its variable."""
