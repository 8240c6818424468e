"""Validates and defaults an object like the API server: strict fields, bounds, rules and defaults.

The schemas are those of the CRDs, so both accept the same objects.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.data import load_schema
from aimlib.schema.error_messages import MESSAGES_BY_PATTERN, ValuePath, dotted_path, validation_messages
from aimlib.schema.kinds import API_KINDS

Schema = Mapping[str, Any]

KINDS_BY_NAME = {kind.name: kind for kind in API_KINDS}

READABLE_PATTERN = 60
"""Characters of a regular expression that a message shows; an example stands for a longer one."""
SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
ANYTHING: Schema = {}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
METADATA: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 253, "pattern": SUBDOMAIN},
        # An empty one is none, as for kubectl.
        "namespace": {"type": "string", "maxLength": 63, "pattern": f"^$|{LABEL}"},
        "labels": TEXTS,
        "annotations": TEXTS,
        # What the API server sets itself and ignores from others, as in the output of `kubectl get -o yaml`.
        "uid": ANYTHING,
        "resourceVersion": ANYTHING,
        "generation": ANYTHING,
        "creationTimestamp": ANYTHING,
        "deletionTimestamp": ANYTHING,
        "deletionGracePeriodSeconds": ANYTHING,
        "finalizers": ANYTHING,
        "ownerReferences": ANYTHING,
        "managedFields": ANYTHING,
        "selfLink": ANYTHING,
    },
}
"""The parts of ObjectMeta, which CRDs leave to the API server."""


class Finding(NamedTuple):
    """One error, and the path of its field."""

    path: ValuePath
    text: str

    def __str__(self) -> str:
        return f"{dotted_path(self.path)}: {self.text}" if self.path else self.text


OUTLINE: Schema = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": METADATA,
        "spec": ANYTHING,
        "status": ANYTHING,
    },
}
"""The schema that objects of all kinds share."""


@cache
def kind_schema(kind: str) -> Schema:
    """The schema of a kind as in its CRD, without the status, which users do not write."""
    required = [*OUTLINE["required"], "spec"]
    return {**OUTLINE, "properties": {**OUTLINE["properties"], "spec": load_schema(kind)}, "required": required}


def outline_findings(raw: Any) -> tuple[Finding, ...]:  # noqa: ANN401 - whatever was read
    """Errors of `raw` that make it invalid for any kind, such as a missing kind or name."""
    return tuple(_walk(raw, OUTLINE, (), {}))


def validate_object(raw: Raw, kind: str) -> tuple[Raw, tuple[Finding, ...]]:
    """The object as it would be stored, with defaults and without its status, and all of its errors."""
    if raw.get("apiVersion") != API_VERSION:
        return raw, (Finding(("apiVersion",), f"{raw.get('apiVersion')!r} is not served; it is {API_VERSION}"),)
    expected = kind_schema(kind)
    stored = _filled({name: value for name, value in raw.items() if name != "status"}, expected)
    found = tuple(_walk(stored, expected, (), _everywhere(expected, ())))
    return stored, found or _broken_rules(stored, kind)


def _broken_rules(stored: Raw, kind: str) -> tuple[Finding, ...]:
    """Errors by the CEL rules, which the models check, too."""
    try:
        KINDS_BY_NAME[kind].model.model_validate(stored)
    except ValidationError as error:
        return tuple(Finding((), text) for text in validation_messages(error))
    return ()


def _filled(value: Any, expected: Schema) -> Any:  # noqa: ANN401 - JSON
    """`value` without nulls, and with the schema's defaults for fields that are left out or null.

    The API server removes nulls, too (PruneNonNullableNullsWithoutDefaults of apiextensions-apiserver). Of unknown
    fields, and in lists, it keeps them.
    """
    if isinstance(value, list):
        return [_filled(item, expected.get("items", {})) for item in value]
    if not isinstance(value, Mapping):
        return value
    properties, others = expected.get("properties", {}), expected.get("additionalProperties")
    given = {
        name: _filled(item, inner or {})
        for name, item in value.items()
        for inner in (properties.get(name, others),)
        if item is not None or inner is None
    }
    defaults = {name: inner["default"] for name, inner in properties.items() if "default" in inner}
    return {**given, **{name: default for name, default in defaults.items() if name not in given}}


TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "object": (Mapping, "an object"),
    "array": (list, "a list"),
    "int-or-string": ((int, str), "a whole number or text"),
}
"""The types of schemas: the type in Python, and its description."""


@cache
def _matcher(pattern: str) -> SchemaValidator:
    """Matches texts as the models do, in linear time; in Python, $ would match before the end of a line, too."""
    return SchemaValidator(core_schema.str_schema(pattern=pattern))


Holds = Callable[[Any, Any], bool]
BOUNDS: tuple[tuple[str, Holds, str], ...] = (
    ("enum", lambda value, bound: value in bound, "must be one of {}"),
    ("minimum", lambda value, bound: value >= bound, "must be at least {}"),
    ("maximum", lambda value, bound: value <= bound, "must be at most {}"),
    ("minLength", lambda value, bound: len(value) >= bound, "must have at least {} characters"),
    ("maxLength", lambda value, bound: len(value) <= bound, "must have at most {} characters"),
    ("maxItems", lambda value, bound: len(value) <= bound, "must have at most {} items"),
    ("maxProperties", lambda value, bound: len(value) <= bound, "must have at most {} entries"),
    ("pattern", lambda value, bound: _matcher(bound).isinstance_python(str(value)), "must match {}"),
)
"""Keywords of schemas: the check of a value of the right type, and the message when it fails."""


def _shown(value: object) -> str:
    kinds: tuple[tuple[type, str], ...] = ((Mapping, "an object"), (list, "a list"), (bool, str(value).lower()))
    found = next((text for kind, text in kinds if isinstance(value, kind)), None)
    return found or ("null" if value is None else repr(value)[:80])


def _bound(bound: Any) -> str:  # noqa: ANN401 - JSON
    """What a value must keep: choices one by one, and an example in place of a pattern that nobody reads."""
    if isinstance(bound, list):
        return ", ".join(map(str, bound))
    message = MESSAGES_BY_PATTERN.get(str(bound))
    long = message is not None and len(bound) > READABLE_PATTERN
    return f"its format: {message.removeprefix('must be ')}" if message and long else str(bound)


def _walk(value: Any, expected: Schema, path: ValuePath, elsewhere: Mapping[str, ValuePath]) -> Iterator[Finding]:  # noqa: ANN401
    """All errors of `value`, from the top down."""
    kind = "int-or-string" if expected.get("x-kubernetes-int-or-string") else expected.get("type")
    if kind is None:
        return
    python, description = TYPES[kind]
    if not isinstance(value, python) or (isinstance(value, bool) and kind != "boolean"):
        yield Finding(path, f"must be {description}, found {_shown(value)}")
        return
    for keyword, holds, text in BOUNDS:
        if keyword in expected and not holds(value, expected[keyword]):
            yield Finding(path, f"{text.format(_bound(expected[keyword]))}, found {_shown(value)}")
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from _walk(item, expected.get("items", {}), (*path, place), elsewhere)
    if isinstance(value, Mapping):
        yield from _fields(value, expected, path, elsewhere)


def _fields(
    value: Mapping[str, Any], expected: Schema, path: ValuePath, elsewhere: Mapping[str, ValuePath]
) -> Iterator[Finding]:
    properties, others = expected.get("properties", {}), expected.get("additionalProperties")
    for name in expected.get("required", ()):
        if value.get(name) is None:
            yield Finding(path, f"{name} is missing") if path else Finding((name,), "is missing")
    for name, item in value.items():
        inner = properties.get(name, others)
        if inner is None:
            yield Finding((*path, name), f"unknown field{_suggestion(name, path, properties, elsewhere)}")
        elif item is not None:
            yield from _walk(item, inner, (*path, name), elsewhere)


def _suggestion(name: str, path: ValuePath, properties: Schema, elsewhere: Mapping[str, ValuePath]) -> str:
    """A field with a similar name at the same place, or with the same name below it, or else anywhere."""
    folded = {other.casefold(): (*path, other) for other in properties}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    below = {} if near else _everywhere({"properties": properties}, path)
    meant = folded[near[0]] if near else {**elsewhere, **below}.get(name.casefold())
    return f"; did you mean {dotted_path(meant)}?" if meant else ""


def _everywhere(expected: Schema, path: ValuePath) -> dict[str, ValuePath]:
    """The path of every field by its name; the shortest path where several fields have the name."""
    found: dict[str, ValuePath] = {}
    for name, inner in expected.get("properties", {}).items():
        below = _everywhere(inner, (*path, name))
        for other, place in {name.casefold(): (*path, name), **below}.items():
            if other not in found or len(place) < len(found[other]):
                found[other] = place
    return found
