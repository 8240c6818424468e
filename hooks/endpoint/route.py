"""Whether the HTTPRoute of an endpoint is accepted by its Gateways, and the URL that it gives."""

from collections.abc import Iterator

from aimlib.api.meta import Raw
from aimlib.api.route import ParentReference
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import ChildState, condition_of
from hooks.endpoint.children import OptionalChild
from hooks.endpoint.world import World

PENDING = "RoutePending"
REQUIRED = {"Accepted": "NotAccepted", "ResolvedRefs": "RefsNotResolved"}
"""Conditions of a parent that must be True for it to route, and the reason where one is not."""
LONGEST_REASON = 512
"""Characters of what a Gateway's controller reports, which is anybody's text."""


def route_ready(world: World, missing: tuple[OptionalChild, ...], state: ChildState | None) -> tuple[Verdict, ...]:
    """The condition RouteReady, the first row that applies; none where no route is requested."""
    if world.spec.service.route is None:
        return ()
    if state is None:
        [kind] = missing
        return (Verdict("RouteReady", False, "ComponentMissing", kind.message),)
    parents = world.spec.service.route.parent_refs
    objections = [objection for parent in parents for objection in _objections(state, parent, world.namespace)]
    if objections:
        reason = next((reason for reason, _ in objections if reason != PENDING), PENDING)
        return (Verdict("RouteReady", False, reason, "; ".join(message for _, message in objections)),)
    accepted = f"accepted by {', '.join(map(_name, parents))}"
    if external_url(world, state) is None:
        accepted += "; its URL is not known here, since spec.service.route names no host"
    return (Verdict("RouteReady", True, "Accepted", accepted),)


def external_url(world: World, state: ChildState | None) -> str | None:
    """The URL of the first host name, once any Gateway has accepted the route; without a wildcard, which is no host."""
    route = world.spec.service.route
    if route is None or state is None:
        return None
    host = next((name for name in route.hostnames if not name.startswith("*")), None)
    accepted = any(not _objections(state, parent, world.namespace) for parent in route.parent_refs)
    return f"{world.config.route_scheme}://{host}{route.path.rstrip('/')}" if host and accepted else None


def _objections(state: ChildState, parent: ParentReference, namespace: str) -> list[tuple[str, str]]:
    """Reason and message where one parent does not route the desired HTTPRoute; empty once it does.

    Controllers report side by side, so one that is satisfied is enough: another may have left long ago.
    """
    pending = (PENDING, f"waiting for {_name(parent)} to accept the route")
    if state.observed is None or not state.applied:
        return [pending]
    generation = state.observed["metadata"].get("generation", 0)
    reports = [_objection(status, parent, generation) for status in _reports(state.observed, parent, namespace)]
    return [] if None in reports else [*filter(None, reports), pending][:1]


def _objection(status: Raw, parent: ParentReference, generation: int) -> tuple[str, str] | None:
    """What one controller reports against the route, by the first of the required conditions; None where nothing."""
    name = _name(parent)
    for kind, failed in REQUIRED.items():
        condition = condition_of(status, kind)
        if not condition or condition.get("observedGeneration", generation) < generation:
            return PENDING, f"waiting for {name} to accept the route"
        if condition.get("status") != "True":
            reported = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            return failed, f"{name} does not route: {reported[:LONGEST_REASON]}"
    return None


def _reports(observed: Raw, parent: ParentReference, namespace: str) -> Iterator[Raw]:
    """What each controller reports of one parent."""
    requested = (parent.kind, parent.namespace or namespace, parent.name, parent.section_name)
    for status in (observed.get("status") or {}).get("parents") or ():
        found = status.get("parentRef") or {}
        kind, place = found.get("kind") or "Gateway", found.get("namespace") or namespace
        if (kind, place, found.get("name"), found.get("sectionName")) == requested:
            yield status


def _name(parent: ParentReference) -> str:
    place = f"{parent.namespace}/" if parent.namespace else ""
    section = f" (listener {parent.section_name})" if parent.section_name else ""
    return f"{parent.kind} {place}{parent.name}{section}"
