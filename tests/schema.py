"""What the API server would do to an object: the fields that a CRD's schema would prune, and the values it refuses."""

import re
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from tests.cluster import gateway_api, keda, lws, vpa
from tests.files import read, read_all
from tests.kustomize import ROOT

CRDS = "crds"
"""The folder with our own CRDs."""
OTHERS = {
    ("gateway.networking.k8s.io", "HTTPRoute"): partial(gateway_api.crd_file, "httproutes"),
    ("keda.sh", "ScaledObject"): partial(keda.crd_file, "scaledobjects"),
    ("autoscaling.k8s.io", "VerticalPodAutoscaler"): vpa.crd_file,
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): lws.crd_file,
}
"""By group and kind: where the CRD of a kind is that others define. A module is fetched when a test first needs it."""

TYPES = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list}


def plural(kind: str) -> str:
    """The resource of a kind."""
    name = kind.lower()
    if name.endswith("y") and name[-2] not in "aeou":
        return f"{name[:-1]}ies"
    return f"{name}{'es' if name.endswith('s') else 's'}"


@cache
def crd(resource: str) -> dict[str, Any]:
    """The schema of the generated CRD."""
    raw = read(ROOT / "crds" / f"{resource}.yaml")
    return raw["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@cache
def definitions() -> dict[tuple[str, str], dict[str, Any]]:
    """The specs of our own CRDs, by group and kind."""
    found = (one for path in sorted((ROOT / CRDS).glob("*.yaml")) for one in read_all(path))
    specs = (one["spec"] for one in found if one["kind"] == "CustomResourceDefinition")
    return {(spec["group"], spec["names"]["kind"]): spec for spec in specs}


@cache
def _other(group: str, kind: str) -> dict[str, Any]:
    """The spec of somebody else's CRD; empty where OTHERS has none."""
    file = OTHERS.get((group, kind))
    found = (one["spec"] for one in read_all(file())) if file else ()
    return next((one for one in found if one["names"]["kind"] == kind), {})


def schema(api_version: str, kind: str) -> dict[str, Any]:
    """The schema of a CRD's kind; LookupError where no CRD of it is known."""
    group, _, version = api_version.rpartition("/")
    for one in (definitions().get((group, kind)) or _other(group, kind)).get("versions", ()):
        if one["name"] == version:
            return one["schema"]["openAPIV3Schema"]
    raise LookupError(f"there is no CRD of {kind}.{api_version}: name it in OTHERS")


def objections(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every place where `value` is not what the schema says, unknown fields included."""
    if schema.get("x-kubernetes-int-or-string"):
        return
    if not isinstance(value, TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        yield f"{path} is no {schema['type']}"
        return
    yield from (f"{path}: {value!r} against {word} {schema[word]}" for word in _broken(value, schema))
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from objections(item, schema["items"], f"{path}[{place}]")
    if isinstance(value, dict):
        yield from (f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if inner is None and schema.get("x-kubernetes-preserve-unknown-fields"):
                continue
            yield from objections(item, inner, f"{path}.{name}") if inner else [f"{path}.{name} is unknown"]


BOUNDS = {
    "enum": lambda value, bound: value in bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    "maxProperties": lambda value, bound: len(value) <= bound,
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "pattern": lambda value, bound: re.search(bound, value),
}


def _broken(value: Any, schema: dict[str, Any]) -> list[str]:
    return [word for word, holds in BOUNDS.items() if word in schema and not holds(value, schema[word])]


def settled(value: Any, path: str = "") -> Iterator[str]:
    """Every place whose value the API server would store differently, so that it is written again on every sync."""
    if value is None or (value in ({}, [], "") and not re.search(r"\.(emptyDir|apiGroups\.0|group)$", path)):
        yield f"{path} is {value!r}"
    elif isinstance(value, float) and value.is_integer():
        yield f"{path} is a whole number as a float"
    elif isinstance(value, (dict, list)):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from settled(item, f"{path}.{name}")
