"""Which observers are switched on: what the server asks others, beside what a request brings."""

from collections.abc import Callable
from typing import TypeVar

from aimlib.config import ConfigError
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import LIVE_METRICS, PODS, Topic
from hooks.endpoint.admission import Catalogue

T = TypeVar("T")
Observe = Callable[[Request], Request]
"""A request with what was found beside it."""
CATALOGUE = "catalogue"
"""The name of the one that no hook asks, but admission."""


def observers(names: str) -> dict[str, Observe]:
    """The observers that are switched on, by the path of the hook that they are for; ConfigError for unknown names."""
    wanted = _names(names)
    switched_on = [make() for name, make in OBSERVERS.items() if name in wanted]
    return {"/endpoint/sync": _one_after_another(switched_on)} if switched_on else {}


def catalogue(names: str) -> Callable[[], Catalogue | None]:
    """What admission asks for what is known of the cluster; nothing is, where it is not switched on."""
    if CATALOGUE not in _names(names):
        return lambda: None
    from hooks.server.observers.catalogue import CatalogueObserver  # noqa: PLC0415 - as below

    return CatalogueObserver()


def _names(names: str) -> set[str]:
    wanted = {name for name in names.split(",") if name}
    *known, last = (*OBSERVERS, CATALOGUE)
    if unknown := wanted - {*known, last}:
        words = f"asked for {', '.join(sorted(unknown))}, found that only {', '.join(known)} and {last} can be observed"
        raise ConfigError(f"AIM_OBSERVE: {words}")
    return wanted


def _one_after_another(each: list[Observe]) -> Observe:
    def observe(request: Request) -> Request:
        for one in each:
            request = one(request)
        return request

    return observe


def _pods() -> Observe:
    from hooks.server.observers.pods import Pods  # noqa: PLC0415 - without it, no client of the Kubernetes API is loaded

    pods = Pods()
    return _adding(PODS, pods)


def _prometheus() -> Observe:
    from hooks.server.observers.prometheus import figures  # noqa: PLC0415 - without it, no client of HTTP is loaded

    return _adding(LIVE_METRICS, figures())


def _adding(topic: Topic[T], observer: Callable[[Request], T | None]) -> Observe:
    """An observer's result as part of the request; the request as it is where the observer has none."""

    def observe(request: Request) -> Request:
        found = observer(request)
        return request if found is None else request.with_observation(topic, found)

    return observe


OBSERVERS = {"pods": _pods, "prometheus": _prometheus}
"""By the names that AIM_OBSERVE has for them."""
