"""Who serves which name: the endpoints that a gateway may route to, and what each claims.

A name that is claimed in several namespaces belongs to the first of them: else whoever may write an endpoint in one
would get requests for the models of another. Within a namespace endpoints share a name by weight, where each states
one; else the oldest has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aimlib.api.formats import ROUTED_DIGEST
from aimlib.gateway.routed import Routed
from aimlib.naming import short_digest

USUAL_WEIGHT = 100
MOST_SHARING = 16
"""Endpoints of one name that share it: with two tracks each, as many as a table takes."""


def routed_digest(namespace: str, endpoint: str) -> str:
    """An endpoint in the status of a gateway that lists no more of them.

    So long that nobody finds another endpoint with the same: its gateway would be asked for the demand of that one.
    """
    return short_digest(namespace, endpoint, length=ROUTED_DIGEST.longest)


class Claim(NamedTuple):
    """An endpoint by its tracks, which claims a name."""

    tracks: tuple[Routed, ...]

    @property
    def endpoint(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.tracks[0].namespace, self.tracks[0].endpoint

    @property
    def weight(self) -> int | None:
        """What the endpoint states; tracks of one endpoint state the same but for the moment of a change."""
        return self.tracks[0].record.weight

    @property
    def age(self) -> tuple[str, str]:
        """By which the older one comes first; an endpoint's own name decides between equal ones."""
        return min(one.created or "~" for one in self.tracks), self.tracks[0].endpoint


class Shared(NamedTuple):
    """Who has one name, and who claims it in vain."""

    name: str
    claims: tuple[Claim, ...]
    refused: tuple[Claim, ...]


def shared_names(routed: Iterable[Routed], namespaces: Sequence[str]) -> list[Shared]:
    """Every name with its endpoints: those of the first of `namespaces` first, and in each those of the oldest."""
    by_name: dict[str, dict[tuple[str, str], list[Routed]]] = {}
    for one in sorted(routed, key=lambda found: (found.namespace, found.endpoint, found.record.track)):
        for name in dict.fromkeys(one.record.names):
            by_name.setdefault(name, {}).setdefault((one.namespace, one.endpoint), []).append(one)
    place = {namespace: at for at, namespace in reversed(list(enumerate(namespaces)))}
    found = [_shared(name, claims, place) for name, claims in by_name.items()]
    return sorted(found, key=lambda one: (place[one.claims[0].endpoint[0]], one.claims[0].age, one.name))


def _shared(name: str, claims: Mapping[tuple[str, str], list[Routed]], place: Mapping[str, int]) -> Shared:
    everyone = sorted(
        (Claim(tuple(tracks)) for tracks in claims.values()), key=lambda one: (place[one.endpoint[0]], one.age)
    )
    here = [one for one in everyone if one.endpoint[0] == everyone[0].endpoint[0]]
    taking = here[:MOST_SHARING] if all(one.weight is not None for one in here) else here[:1]
    return Shared(name, tuple(taking), tuple(one for one in everyone if one not in taking))
