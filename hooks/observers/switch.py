"""Which observers are switched on: what the server asks others, beside what a request brings."""

from collections.abc import Callable
from functools import partial

from aimlib.config import ConfigError
from aimlib.hook import Request

Observe = Callable[[Request], Request]
"""A request with what was found beside it."""


def observers(names: str) -> dict[str, Observe]:
    """The observers that are switched on, by the path of the hook that they are for; ConfigError for unknown names."""
    wanted = {name for name in names.split(",") if name}
    if unknown := wanted - {"pods"}:
        raise ConfigError(f"AIM_OBSERVE: asked for {', '.join(sorted(unknown))}, found that only pods can be observed")
    return {"/endpoint/sync": _pods()} if wanted else {}


def _pods() -> Observe:
    from hooks.observers.pods import Pods  # noqa: PLC0415 - without it, no client of the Kubernetes API is loaded

    return partial(_with_pods, Pods())


def _with_pods(pods: Callable[[Request], list[dict[str, object]] | None], request: Request) -> Request:
    return request._replace(pods=pods(request))
