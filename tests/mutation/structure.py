"""Bodies that are broken in their structure, or as text."""

import json
from copy import deepcopy
from random import Random
from typing import Any

Raw = Any

TEXTS = (
    "",
    "x" * 300,
    "ä\u0000\ud800",
    "1e999",
    "-1",
    "${jndi}",
    "$(HF_TOKEN)",
    "true",
    "../..",
    "{{.}}",
    "[1",
    "\x1b[2J",
    "2026-99-99T99:99:99Z",
    "9999-12-31T23:59:59Z",
)
DEEP = "[" * 200 + "]" * 200
VALUES = (None, True, False, 0, -1, 2**70, 1e308, 0.1, [], {}, [None], {"": None}, [[[[]]]], {"a": {"b": [1]}}, *TEXTS)
WRITTEN = (*map(json.dumps, VALUES), DEEP, json.dumps("x" * 70_000))
BYTES = (b"\x00", b"\xff\xfe", b"{", b"]", b'"', b"\\u", b"NaN", b"1" * 400, b"[" * 5000)
SEVERAL = 4
"""At most so many changes in a body."""


def place(chance: Random, body: Raw) -> tuple[Raw, Any]:
    """Somewhere in it: what holds a value, and by which key."""
    holder, key = body, chance.choice(list(body))
    while True:
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.15:
            return holder, key
        holder, key = inner, chance.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))


def spoil(chance: Random, body: Raw) -> None:
    """One change of its structure."""
    if not isinstance(body, dict) or not body:
        return
    holder, key = place(chance, body)
    what = chance.randrange(5)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[chance.choice(TEXTS)] = holder.pop(key)
    elif what == 2:
        other, there = place(chance, body)
        holder[key] = json.loads(json.dumps(other[there]))
    elif what == 3 and isinstance(holder, list):
        holder.extend(holder[:1] * 3)
    else:
        holder[key] = json.loads(chance.choice(WRITTEN))


def broken(chance: Random, body: Raw) -> bytes:
    """A body with one to four things wrong; one in eight is broken as text."""
    for _ in range(chance.randint(1, SEVERAL)):
        spoil(chance, body)
    raw = json.dumps(body).encode()
    if chance.random() < 1 / 8:
        at = chance.randrange(len(raw) + 1)
        raw = chance.choice((raw[:at], raw[:at] + chance.choice(BYTES) + raw[at:], b"", chance.choice(BYTES)))
    return raw


IDENTITY = ("name", "namespace", "uid")


def another_world(chance: Random, body: Raw) -> bytes:
    """A body whose parent asks for the same as before, and in which all else may be wrong."""
    parent = deepcopy(body["parent"])
    kept = {key: parent[key] for key in ("apiVersion", "kind", "spec") if key in parent}
    named = {key: parent["metadata"][key] for key in IDENTITY if key in parent["metadata"]}
    for _ in range(chance.randint(1, SEVERAL)):
        spoil(chance, body)
    found = body.get("parent")
    if not isinstance(found, dict):
        found = body["parent"] = {}
    metadata = found.get("metadata")
    found.update(kept, metadata={**(metadata if isinstance(metadata, dict) else {}), **named})
    return json.dumps(body).encode()
