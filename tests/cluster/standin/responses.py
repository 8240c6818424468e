"""What a hook may answer under contract v2: strict, so a field that nobody reads is an error."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .objects import Object


class ResponseError(Exception):
    """An answer that the contract forbids; nothing of it is applied."""


@dataclass(frozen=True)
class Is:
    """A JSON type by name. Null stands for absent, as Go decodes it."""

    name: str
    kinds: tuple[type, ...]
    items: "Is | Fields | None" = None  # of a list, or the values of an object

    def check(self, value: Any, path: str) -> None:
        if value is None:
            return
        # to Python a bool is an int, to JSON it is not
        if not isinstance(value, self.kinds) or (isinstance(value, bool) and bool not in self.kinds):
            raise ResponseError(f"{path}: expected {self.name}, found {_json_name(value)}")
        if self.items is not None:
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in entries:
                self.items.check(item, f"{path}[{key}]")


@dataclass(frozen=True)
class Fields:
    """A JSON object with these fields and no others."""

    fields: Mapping[str, "Is | Fields"]

    def check(self, value: Any, path: str) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            raise ResponseError(f"{path or 'response'}: expected object, found {_json_name(value)}")
        for key, item in value.items():
            if key not in self.fields:
                raise ResponseError(f'unknown field "{path}{"." if path else ""}{key}"')
            self.fields[key].check(item, f"{path}{'.' if path else ''}{key}")


STRING = Is("string", (str,))
NUMBER = Is("number", (int, float))
BOOLEAN = Is("boolean", (bool,))
OBJECT = Is("object", (dict,))
STRINGS = Is("list of strings", (list,), STRING)
STRING_MAP = Is("object of strings", (dict,), STRING)

EXPRESSION = Fields({"key": STRING, "operator": STRING, "values": STRINGS})
LABEL_SELECTOR = Fields({"matchLabels": STRING_MAP, "matchExpressions": Is("list", (list,), EXPRESSION)})
RELATED_RULE = Fields(
    {
        "apiVersion": STRING,
        "resource": STRING,
        "labelSelector": LABEL_SELECTOR,
        "namespaceSelector": LABEL_SELECTOR,
        "namespace": STRING,
        "names": STRINGS,
    }
)
CUSTOMIZE = Fields({"relatedResources": Is("list", (list,), RELATED_RULE)})

_ANSWER = {"status": OBJECT, "resyncAfterSeconds": NUMBER, "finalized": BOOLEAN}
COMPOSITE_SYNC = Fields(_ANSWER | {"children": Is("list", (list,), OBJECT)})
DECORATOR_SYNC = Fields(
    _ANSWER | {"attachments": Is("list", (list,), OBJECT), "labels": STRING_MAP, "annotations": STRING_MAP}
)


def checked(response: Any, fields: Fields) -> Object:
    """The response itself when it is an object of these fields."""
    if not isinstance(response, dict):
        raise ResponseError(f"can't unmarshal response: expected object, found {_json_name(response)}")
    try:
        fields.check(response, "")
    except ResponseError as error:
        raise ResponseError(f"strict validation failed for v2 response: {error}") from None
    return response


def children_of(response: Object, field: str, crash: Callable[[str], None]) -> list[Object]:
    """The children of an answer, each with apiVersion, kind and a name; a null among them ends the process."""
    children = response.get(field) or []
    for index, child in enumerate(children):
        if child is None:
            crash(f"{field}[{index}] is null: the real Metacontroller dereferences it and dies, and so does this one")
        for path, value in (
            ("apiVersion", child.get("apiVersion")),
            ("kind", child.get("kind")),
            ("metadata.name", (child.get("metadata") or {}).get("name")),
        ):
            if not isinstance(value, str) or not value:
                raise ResponseError(f"{field}[{index}]: {path} is missing")
    return children


def end_process(message: str) -> None:
    """What a nil dereference does to a Go program: all workers die at once, exit code 2."""
    sys.stderr.write(f"panic: {message}\n")
    sys.stderr.flush()
    os._exit(2)


def _json_name(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "list", dict: "object"}
    return names.get(type(value), "null")
