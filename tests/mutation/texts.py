"""Requests as an API server would send them, in which others have written what they like where anybody may."""

import json
from contextlib import suppress
from random import Random
from typing import Any

from tests.mutation.structure import DEEP, TEXTS, VALUES, spoil

OURS = (
    "metacontroller.k8s.io/last-applied-configuration",
    "aim.engine.amd.com/cached-models",
    "aim.engine.amd.com/full-hardware",
    "storageclass.kubernetes.io/is-default-class",
    "example.com/other",
)
LARGE = json.dumps({"a": ["x" * 50] * 1000})


def objects(body: Any) -> list[dict[str, Any]]:
    """Every object of a request."""
    groups = [group for part in ("children", "attachments", "related") for group in (body.get(part) or {}).values()]
    found = [body.get("parent"), body.get("object"), *(one for group in groups for one in group.values())]
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("metadata"), dict)]


def rewritten(chance: Random, text: str) -> str:
    """Another text than this one: where it is JSON, rather some of it spoiled than all."""
    parsed = _parsed(text)
    if parsed and chance.random() < 0.6:
        inner = {"text": parsed}
        for _ in range(chance.randint(1, 3)):
            spoil(chance, inner)
        return json.dumps(inner.get("text"))
    return chance.choice((*TEXTS, *map(json.dumps, VALUES), DEEP, LARGE, text[: len(text) // 2], ""))


def _parsed(text: str) -> Any:
    with suppress(ValueError):
        return json.loads(text)
    return None


def another_text(chance: Random, body: Any) -> bytes:
    """Annotations and the data of ConfigMaps rewritten, and the status of a parent lost now and then."""
    for _ in range(chance.randint(1, 4)):
        chosen = chance.choice(objects(body))
        data = chosen.get("data")
        if isinstance(data, dict) and data and chance.random() < 0.7:
            holder, names = data, list(data)
        else:
            metadata = chosen["metadata"]
            holder = metadata["annotations"] = {**(metadata.get("annotations") or {})}
            names = [*holder, chance.choice(OURS)]
        name = chance.choice(names)
        holder[name] = rewritten(chance, str(holder.get(name, "")))
    return json.dumps(lossy(chance, body)).encode()


def lossy(chance: Random, body: Any) -> Any:
    """A body that now and then lacks the parent's status, or all related objects of a kind."""
    if chance.random() < 0.2 and isinstance(body.get("parent"), dict):
        body["parent"].pop("status", None)
    related = body.get("related")
    if related and chance.random() < 0.2:
        related[chance.choice(list(related))] = {}
    return body
