"""The table of a gateway, from who serves which name: bounded, since an annotation of its ConfigMap repeats it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aimlib.api.gateway import GatewaySpec
from aimlib.gateway.names import USUAL_WEIGHT, Claim, Shared
from aimlib.gateway.routed import Routed
from aimlib.gateway.table import (
    ALONE,
    EVERYBODY,
    HOLDER,
    MILLION,
    Balancing,
    Holding,
    Limit,
    ModelTable,
    Place,
    Served,
    Target,
    Timeouts,
)
from aimlib.kube.quantity import parse_quantity
from aimlib.kube.timestamp import parse_time
from hooks.gateway.world import GatewayWorld

HOLD_PORT = 8081
"""Where the agent holds requests, on loopback."""
MOST_BYTES = 256 * 1024
"""Of all annotations of an object (apimachinery, validation/objectmeta.go: TotalAnnotationSizeLimitB)."""
OTHER_BYTES = 2048
"""Of the rest of the annotation that repeats the ConfigMap, and of other annotations."""

Others = Mapping[tuple[str, str, str], Routed | None]
"""By track, the other one of its endpoint, where that answers for it."""


class RouteTable(NamedTuple):
    """The table, and what is not in it."""

    table: ModelTable
    left_out: Mapping[str, int]
    """How many names of each namespace have no room: those of its newest endpoints."""
    share: int
    """Bytes that each namespace has for its names, whatever the others have."""
    without_weight: tuple[str, ...]
    """Names of which all endpoints have the weight 0."""
    bytes: int
    """What all of it would take."""

    @property
    def text(self) -> str:
        """As the gateway's pods read it."""
        return json.dumps(_short(self.table), sort_keys=True, separators=(",", ":"))


def route_table(world: GatewayWorld, names: Sequence[Shared]) -> RouteTable:
    """The table of a gateway; `names` in the order in which they get room."""
    others, holder = _others(world), Place(host=HOLDER, port=HOLD_PORT) if world.spec.holding.requests else None
    served = {one.name: _served(one, others, holder) for one in names}
    weighted = [one for one in served.values() if one]
    rest = ModelTable(
        limits=tuple(Limit.model_validate(one.wire()) for one in world.spec.clients.limits),
        cors=world.spec.cors.allow_origins,
        anonymous=world.spec.clients.anonymous,
        balancing=Balancing.model_validate(world.spec.balancing.wire()),
        holding=Holding.model_validate(world.spec.holding.wire()),
        timeouts=Timeouts.model_validate(world.spec.timeouts.wire()),
        tls=world.spec.tls is not None,
        replicas=world.spec.replicas,
        max_request_bytes=int(parse_quantity(world.spec.max_request_bytes)),
        created=_seconds(world.created),
    )
    room = MOST_BYTES - OTHER_BYTES - _repeated(_short(rest))
    places = {one.name: one.claims[0].endpoint[0] for one in names}
    share = room // max(len({places[one.name] for one in weighted}), 1)
    taken = _taken(weighted, places, room, share)
    size = MOST_BYTES - room + sum(map(_bytes, weighted))
    table = rest.model_copy(update={"models": tuple(sorted(taken, key=lambda one: one.name))})
    return RouteTable(
        ModelTable.model_validate(table.model_dump()),
        Counter(places[one.name] for one in weighted) - Counter(places[one.name] for one in taken),
        share,
        tuple(sorted(one.name for one in names if not any(map(_weight, one.claims)))),
        size,
    )


def _taken(served: Sequence[Served], places: Mapping[str, str], room: int, share: int) -> list[Served]:
    """What has room: of each namespace what is within its share, and then the others, in their order."""
    used: Counter[str] = Counter()
    within: list[Served] = []
    beyond: list[Served] = []
    for one in served:
        used[places[one.name]] += _bytes(one)
        (within if used[places[one.name]] <= share else beyond).append(one)
    return within + _first(beyond, room - sum(map(_bytes, within)))


def _first(served: Iterable[Served], room: int) -> list[Served]:
    taken = []
    for one in served:
        room -= _bytes(one)
        if room < 0:
            break
        taken.append(one)
    return taken


def _short(value: ModelTable | Served) -> object:
    return value.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _bytes(served: Served) -> int:
    return _repeated(_short(served)) + 1


def _repeated(value: object) -> int:
    """Bytes of JSON within a text of JSON."""
    return len(json.dumps(json.dumps(value, separators=(",", ":"))))


def _seconds(created: str) -> int:
    """Since 1970."""
    found = parse_time(created)
    return max(0, int(found.timestamp())) if found else 0


def _others(world: GatewayWorld) -> Others:
    """What answers for a track without ready pods: another track of its endpoint.

    A version that took over answers for the former one, too, whose pods are gone before pods of gateways know of it.
    """
    tracks: dict[tuple[str, str], list[Routed]] = {}
    for one in sorted(world.routed, key=lambda found: (not found.record.stable, found.record.track)):
        if one.record.stable or one.record.share:
            tracks.setdefault((one.namespace, one.endpoint), []).append(one)
    return {
        _key(one): next((other for other in tracks.get((one.namespace, one.endpoint), ()) if other is not one), None)
        for one in world.routed
    }


def _key(one: Routed) -> tuple[str, str, str]:
    return one.namespace, one.endpoint, one.record.track


def _place(one: Routed) -> Place:
    return Place(host=f"{one.service}.{one.namespace}.svc", port=one.port)


def _served(shared: Shared, others: Others, holder: Place | None) -> Served | None:
    """The targets of a name; None where none has a weight, as long as a version that brings the name has no part."""
    total = sum(map(_requests, shared.claims))
    if not total:
        return None
    targets = tuple(
        _target(shared.name, one, others[_key(one)], holder).model_copy(
            update={
                "weight": _weight(claim) * one.record.share,
                "mirror": MILLION * _requests(claim) * one.record.mirror // (100 * total) if claim.tracks[1:] else 0,
            }
        )
        for claim in shared.claims
        for one in claim.tracks
    )
    alone = [one.model_copy(update={"weight": 1}) for one in targets]
    return Served(name=shared.name, targets=targets if len(targets) > 1 else tuple(alone))


def _target(name: str, one: Routed, other: Routed | None, holder: Place | None) -> Target:
    """The target of one track for a name. A track that does not serve the name would refuse it."""
    alone = other is not None and name not in other.record.names
    return Target(
        **_place(one).model_dump(),
        name=f"{'/'.join(_key(one))}{ALONE if alone else ''}",
        fallback=holder if alone or other is None else _place(other),
        progress=one.phase,
        idle_seconds=one.record.idle_seconds,
    )


def _weight(claim: Claim) -> int:
    return USUAL_WEIGHT if claim.weight is None else claim.weight


def _requests(claim: Claim) -> int:
    """The endpoint's part of a name, as a sum of weights."""
    return sum(_weight(claim) * one.record.share for one in claim.tracks)


def unknown_models(spec: GatewaySpec, table: ModelTable) -> list[str]:
    """Models that rows of limits name, and nobody serves."""
    known = {EVERYBODY, *(one.name for one in table.models)}
    return sorted({name for row in spec.clients.limits for name in row.models} - known)
