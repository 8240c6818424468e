"""The requests that a run begins with, from golden cases, and what is made of them."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from aimlib.api import API_VERSION
from tests import reviews, schema
from tests.cases import cases
from tests.mutation.structure import another_world, broken
from tests.mutation.texts import another_text
from tests.mutation.valid import value_of
from tests.playing import play

EACH = 30
"""About so many cases of each route are begun with."""
KINDS = ("AIMEndpoint", "AIMCache", "AIMRecipe", "AIMNode", "AIMInventory")


def originals() -> dict[str, list[str]]:
    """Requests of golden cases by route, as text."""
    found: dict[str, list[Any]] = {}
    for case in cases():
        found.setdefault(case.hook, []).append(case)
    chosen = {route: known[:: max(len(known) // EACH, 1)] for route, known in found.items()}
    played = {route: [play(one.kind, one.hook, one.world).request for one in known] for route, known in chosen.items()}
    for case in reviews.cases():
        played.setdefault(f"{case.route}/token", []).append(reviews.body(case.world))
    return {route: [json.dumps(one) for one in known if isinstance(one, dict)] for route, known in played.items()}


def ours(body: Any) -> list[dict[str, Any]]:
    """The objects of our kinds in a request: the parent, and what it is related to."""
    groups = [group for group in (body.get("related") or {}).values() if isinstance(group, dict)]
    related = [one for group in groups for one in group.values()]
    review = body.get("request")
    reviewed = [review.get(key) for key in ("object", "oldObject")] if isinstance(review, dict) else []
    found = [body.get("parent"), body.get("object"), *related, *reviewed]
    return [
        one for one in found if isinstance(one, dict) and one.get("kind") in KINDS and isinstance(one.get("spec"), dict)
    ]


def another_object(chance: Random, body: Any) -> bytes:
    """A body with the spec, or the status, of one object replaced by any that the API server would store."""
    found = ours(body)
    chosen = chance.choice(found if chance.random() < 0.5 else found[:1])
    properties = schema.schema(API_VERSION, chosen["kind"])["properties"]
    part = "status" if "status" in properties and chance.random() < 0.3 else "spec"
    made = value_of(chance, properties[part], chance.choice((0.05, 0.25, 0.9)))
    # Mostly little is different, so that it goes far before anything refuses it.
    chosen[part] = {**(chosen.get(part) or {}), **made} if chance.random() < 0.6 else made
    return json.dumps(body).encode()


class Kind(NamedTuple):
    """A way to spoil a request."""

    name: str
    make: Callable[[Random, Any], bytes]
    suits: Callable[[Any], bool]
    """Whether a request has what it is about."""


def _is_request(body: Any) -> bool:
    parent = body.get("parent")
    parts = [body.get(part) or {} for part in ("children", "related")]
    groups = [group for part in parts if isinstance(part, dict) for group in part.values()]
    return (
        isinstance(parent, dict)
        and isinstance(parent.get("metadata"), dict)
        and all(isinstance(one, dict) for group in (*parts, *groups) for one in (group, *group.values()))
    )


WAYS = (
    Kind("broken", broken, lambda _: True),
    Kind("another world", another_world, _is_request),
    Kind("another text", another_text, _is_request),
    Kind("another object", another_object, lambda body: bool(ours(body))),
)


class Mutated(NamedTuple):
    """A body, and what it was made from."""

    route: str
    way: str
    original: str
    body: bytes


def mutated(seed: int, number: int, texts: dict[str, list[str]]) -> Mutated:
    """The body of a number: the same for the same seed, whatever was made before it."""
    chance = Random(f"{seed}/{number}")  # noqa: S311 - to be made again
    routes = sorted(texts)
    route = routes[number % len(routes)]
    original = chance.choice(texts[route])
    body = json.loads(original)
    way = chance.choice([one for one in WAYS if one.suits(body)])
    return Mutated(route, way.name, original, way.make(chance, body))
