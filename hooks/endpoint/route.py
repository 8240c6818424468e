"""Whether the HTTPRoute of an endpoint is accepted by its Gateways, and the URL that it gives."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.api.route import HTTP_ROUTE, ParentReference, Route
from aimlib.config import Config
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import ChildState, condition_of
from hooks.endpoint.children import OptionalChild
from hooks.endpoint.world import World

PENDING = "RoutePending"
REQUIRED = {"Accepted": "NotAccepted", "ResolvedRefs": "RefsNotResolved"}
"""Conditions of a parent that must be True for it to route, and the reason where one is not."""
LONGEST_REASON = 512
"""Characters of what a Gateway's controller reports, which is anybody's text."""


class RouteUse(NamedTuple):
    """How an endpoint is exposed by a route."""

    conditions: tuple[Verdict, ...] = ()
    """RouteReady; none where no route is requested."""
    objections: tuple[Verdict, ...] = ()
    """The same while Ready has to wait for it."""
    url: str | None = None
    """The URL of the first host name, once any Gateway has accepted the route."""


def use_route(world: World, state: ChildState | None, missing: Iterable[OptionalChild]) -> RouteUse:
    """The route of an endpoint: the first row that applies.

    `state` is the child, `missing` are the optional kinds that are not offered.

    A field without effect keeps nothing from being Ready.
    """
    route = world.spec.service.route
    if route is None:
        return RouteUse()
    if lacking := next((child for child in missing if child.kind == HTTP_ROUTE), None):
        return RouteUse((Verdict("RouteReady", False, "ComponentMissing", lacking.message),))
    found = [_objections(state, parent, world.namespace) for parent in route.parent_refs]
    url = None if all(found) else _url(route, world.config)
    objections = [objection for each in found for objection in each]
    if objections:
        reason = next((reason for reason, _ in objections if reason != PENDING), PENDING)
        verdict = Verdict("RouteReady", False, reason, "; ".join(message for _, message in objections))
        return RouteUse((verdict,), (verdict,), url)
    accepted = f"accepted by {', '.join(map(_name, route.parent_refs))}"
    if url is None:
        accepted += "; its URL is not known here, since spec.service.route names no host"
    return RouteUse((Verdict("RouteReady", True, "Accepted", accepted),), url=url)


def _url(route: Route, config: Config) -> str | None:
    """The URL of the first host name; a wildcard is none."""
    host = next((name for name in route.hostnames if not name.startswith("*")), None)
    return f"{config.route_scheme}://{host}{route.path.rstrip('/')}" if host else None


def _objections(state: ChildState | None, parent: ParentReference, namespace: str) -> list[tuple[str, str]]:
    """Reason and message where one parent does not route the desired HTTPRoute; empty once it does.

    Controllers report side by side, so one that is satisfied is enough: another may have left long ago.
    """
    if state is None or state.observed is None or not state.applied:
        return [_pending(parent)]
    generation = state.observed["metadata"].get("generation", 0)
    reports = [_objection(status, parent, generation) for status in _reports(state.observed, parent, namespace)]
    return [] if None in reports else [*filter(None, reports), _pending(parent)][:1]


def _objection(status: Raw, parent: ParentReference, generation: int) -> tuple[str, str] | None:
    """What one controller reports against the route, by the first of the required conditions; None where nothing."""
    for kind, failed in REQUIRED.items():
        condition = condition_of(status, kind)
        if not condition or condition.get("observedGeneration", generation) < generation:
            return _pending(parent)
        if condition.get("status") != "True":
            reported = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            return failed, f"{_name(parent)} does not route: {reported[:LONGEST_REASON]}"
    return None


def _reports(observed: Raw, parent: ParentReference, namespace: str) -> Iterator[Raw]:
    """What each controller reports of one parent."""
    requested = (parent.kind, parent.namespace or namespace, parent.name, parent.section_name)
    for status in (observed.get("status") or {}).get("parents") or ():
        found = status.get("parentRef") or {}
        kind, place = found.get("kind") or "Gateway", found.get("namespace") or namespace
        if (kind, place, found.get("name"), found.get("sectionName")) == requested:
            yield status


def _pending(parent: ParentReference) -> tuple[str, str]:
    return PENDING, f"waiting for {_name(parent)} to accept the route"


def _name(parent: ParentReference) -> str:
    place = f"{parent.namespace}/" if parent.namespace else ""
    section = f" (listener {parent.section_name})" if parent.section_name else ""
    return f"{parent.kind} {place}{parent.name}{section}"
