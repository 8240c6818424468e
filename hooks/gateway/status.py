"""The status of a gateway: what it routes, what it cannot route, and its pods."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from aimlib.api.gateway_status import MOST_LISTED, GatewayReplicas, GatewayStatus, RoutedEndpoint, RoutedModel
from aimlib.gateway.names import USUAL_WEIGHT, Claim, Shared, routed_digest
from aimlib.protocol.conditions import Verdict, ready_condition
from aimlib.protocol.given_up import one_to_write
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import ChildStates, condition_of, overdue, rollout
from aimlib.protocol.reasons import phase
from hooks.gateway.children.owner import GatewayOwner
from hooks.gateway.routes import MOST_BYTES, RouteTable, unknown_models
from hooks.gateway.warnings import gateway_warnings
from hooks.gateway.world import GatewayWorld

MOST_NAMED = 8
"""Most objects that one message names."""


def gateway_answers_matter(request: Request) -> bool:
    """Whether objects that the gateway needs were reported as missing."""
    return condition_of(request.parent.get("status") or {}, "Ready").get("reason") == "ChildMissing"


def gateway_status(  # noqa: PLR0913 - all that it is about
    owner: GatewayOwner,
    world: GatewayWorld,
    names: Sequence[Shared],
    routes: RouteTable,
    states: ChildStates,
    *,
    offers: Callable[[str], bool],
) -> GatewayStatus:
    """The whole of it, every time, since whatever is left out is erased."""
    found = rollout(states["Deployment", owner.child])
    routing, unique, clients = _routes_ready(world, routes), _models_unique(names), _clients_ready(world, routes)
    ready = ready_condition(routing, unique, _pods_ready(world, states, owner))
    verdicts = (ready, routing, unique, clients)
    listed = _models(names, routes)
    return GatewayStatus(
        phase=phase("AIMGateway", ready, serves=found.ready > 0),
        message=ready.message[:4096],
        url=_url(owner),
        replicas=GatewayReplicas(desired=world.spec.replicas, ready=found.ready),
        routes=len(routes.table.models),
        models=listed,
        more_endpoints=_more(names, routes, listed),
        warnings=(*gateway_warnings(world.spec, offers), *_shares(routes)),
        conditions=tuple(one.condition(world.generation) for one in verdicts),
    )


def _url(owner: GatewayOwner) -> str:
    scheme, usual = ("https", 443) if owner.spec.tls else ("http", 80)
    port = owner.spec.service.port
    return f"{scheme}://{owner.child}.{owner.namespace}.svc{f':{port}' * (port != usual)}/v1"


def _models(names: Sequence[Shared], routes: RouteTable) -> tuple[RoutedModel, ...]:
    routed = {one.name for one in routes.table.models}
    found = sorted((one for one in names if one.name in routed), key=lambda one: one.name)
    return tuple(RoutedModel(name=one.name, endpoints=tuple(map(_endpoint, one.claims))) for one in found[:MOST_LISTED])


def _more(names: Sequence[Shared], routes: RouteTable, listed: Iterable[RoutedModel]) -> tuple[str, ...]:
    """The endpoints that are routed and not listed."""
    routed = {one.name for one in routes.table.models}
    found = {claim.endpoint for one in names if one.name in routed for claim in one.claims}
    shown = {(one.namespace, one.name) for model in listed for one in model.endpoints}
    return tuple(sorted(routed_digest(*one) for one in found - shown))


def _shares(routes: RouteTable) -> Iterator[str]:
    """Whose names have no room, and what each namespace has in any case."""
    if routes.left_out:
        spaces = _listed(f"{count} of {namespace}" for namespace, count in sorted(routes.left_out.items()))
        yield f"the table has {routes.share} bytes for each namespace, and no room for names of new endpoints: {spaces}"


def _endpoint(claim: Claim) -> RoutedEndpoint:
    namespace, name = claim.endpoint
    weight = USUAL_WEIGHT if claim.weight is None else claim.weight
    return RoutedEndpoint(namespace=namespace, name=name, weight=weight, state=claim.tracks[0].phase or None)


def _routes_ready(world: GatewayWorld, routes: RouteTable) -> Verdict:
    """Whether everything that should be routed is: the first row that applies."""
    count, left = len(routes.table.models), sum(routes.left_out.values())
    spaces = _listed(world.refused)
    table = (
        (
            routes.left_out,
            "TooManyModels",
            f"{count} names are routed, {left} are not: they take {routes.bytes} of {MOST_BYTES} bytes",
        ),
        (
            world.refused,
            "NamespaceNotAllowed",
            f"spec.namespaces lists {spaces}, which must be there and carry the label aim.engine.amd.com/models: use",
        ),
        (
            world.unreadable,
            "RecordUnreadable",
            f"{_listed(world.unreadable)} cannot be routed to: the Service is not as an endpoint makes it",
        ),
        (
            routes.without_weight,
            "NoWeight",
            f"{_listed(routes.without_weight)}: spec.routing.weight of every endpoint is 0",
        ),
    )
    for applies, reason, message in table:
        if applies:
            return Verdict("RoutesReady", False, reason, message)
    endpoints = len({(one.namespace, one.endpoint) for one in world.routed})
    return Verdict("RoutesReady", True, "Routed", f"{count} names of {endpoints} endpoints are routed")


def _models_unique(names: Sequence[Shared]) -> Verdict:
    """Whether nobody claims a name in vain."""
    conflicts = [one for one in names if one.refused]
    if not conflicts:
        return Verdict("ModelsUnique", True, "Unique", "no name is claimed by endpoints that do not share it")
    told = [
        f"{one.name} is routed to {_listed(map(_name, one.claims))}, and not to {_listed(map(_name, one.refused))}"
        for one in conflicts[:MOST_NAMED]
    ]
    more = f"; and {len(conflicts) - MOST_NAMED} names more" if len(conflicts) > MOST_NAMED else ""
    advice = "; endpoints of one namespace share a name where each states spec.routing.weight"
    return Verdict("ModelsUnique", False, "NameTaken", f"{'; '.join(told)}{more}{advice}")


def _clients_ready(world: GatewayWorld, routes: RouteTable) -> Verdict:
    """Whether what is stated of clients can have an effect; what is in the Secret is read by the pods alone."""
    if unknown := unknown_models(world.spec, routes.table):
        message = f"clients.limits names {_listed(unknown)}, which no endpoint serves"
        return Verdict("ClientsReady", False, "UnknownModels", message)
    if world.spec.clients.anonymous:
        return Verdict("ClientsReady", True, "Anonymous", "requests need no API key")
    return Verdict("ClientsReady", True, "FromSecret", f"the clients are the keys of {world.spec.clients.secret_name}")


def _pods_ready(world: GatewayWorld, states: ChildStates, owner: GatewayOwner) -> Verdict:
    """Whether all children are as they are desired, and the pods serve; the reason is that of Ready."""
    lacking = [state for state in states.values() if state.observed is None]
    missing = [state.name for state in lacking]
    # The table changes with the endpoints, and is no reason to be less than ready while it is on its way.
    changed = [state for state in states.values() if state.observed and not state.applied]
    unchanged = [state.name for state in changed if state.desired["kind"] != "ConfigMap"]
    late = overdue(world.now, world.requested_at)
    if missing and late:
        what, otherwise = f"{_listed(missing)} cannot be created", "the name may be another object's"
        desired = [state.desired for state in lacking]
        message = world.answers.message(what, desired, otherwise, alone=one_to_write(states.values()))
        return Verdict("Ready", False, "ChildMissing", message)
    found = rollout(states["Deployment", owner.child])
    if found.problem:
        return Verdict("Ready", False, *found.problem)
    wanted = world.spec.replicas
    if missing or unchanged or not found.up_to_date or min(found.ready, found.updated) < wanted:
        waits = f"; waiting for {_listed(unchanged)}" if unchanged and late else ""
        return Verdict("Ready", False, "Progressing", f"{found.ready} of {wanted} replicas are ready{waits}")
    return Verdict("Ready", True, "Ready", f"{found.ready} of {wanted} replicas are ready")


def _name(claim: Claim) -> str:
    return "/".join(claim.endpoint)


def _listed(found: Iterable[str]) -> str:
    names = list(found)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
