"""Whether a child has only fields that its kind has, and values that they take."""

import json
from collections.abc import Iterator
from typing import Any

import kubernetes.client

from aimlib.protocol.observed import kind_key
from tests.controllers import KUBERNETES
from tests.schema import objections, schema

OF_EVERY_OBJECT = {"apiVersion", "kind", "metadata"}


def type_errors(child: dict[str, Any]) -> Iterator[str]:
    """Every field that the kind does not have; for a kind of a CRD, every value that its schema refuses, too."""
    name = f"{child['kind']}/{child['metadata']['name']}"
    version = child["apiVersion"].rpartition("/")[2]
    if kind_key(child) in KUBERNETES:
        yield from _dropped(child, f"{version.capitalize()}{child['kind']}", name)
        return
    yield from _dropped(child["metadata"], "V1ObjectMeta", f"{name}.metadata")
    content = {key: value for key, value in child.items() if key not in OF_EVERY_OBJECT}
    yield from objections(content, schema(child["apiVersion"], child["kind"]), name)
    for part, template in child.get("spec", {}).get("leaderWorkerTemplate", {}).items():
        if part.endswith("Template"):
            yield from _dropped(template, "V1PodTemplateSpec", f"{name}.{part}")


def _dropped(value: Any, model: str, path: str) -> Iterator[str]:
    """The Kubernetes client drops every key that its model has not."""
    client = kubernetes.client.ApiClient()
    kept = client.sanitize_for_serialization(client.deserialize(json.dumps(value), model, "application/json"))
    if kept != value:
        yield f"{path} has a field that {model} has not: {value} is read as {kept}"
