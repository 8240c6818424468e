"""Generates the CRDs from the API models, and their schemas as the command line reads them; a test compares.

`python -m aimlib.schema.crd` writes `crds/` and `aimlib/data/schemas`: a schema takes longer to generate than to read.

Structural schemas are a subset of JSON Schema: references are inlined, optional types are unwrapped, and anything that
they do not allow raises an error instead of being dropped.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from aimlib.api import GROUP, VERSION
from aimlib.api.spelling import FieldPath
from aimlib.errors import AimError
from aimlib.schema.descriptions import DescribedSchema, unwrapped
from aimlib.schema.kinds import API_KINDS, NOT_SYNCED, ApiKind

STRUCTURAL_KEYWORDS = frozenset(
    {"type", "description", "enum", "default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}
    | {"maxProperties", "pattern", "format", "x-kubernetes-validations", "x-kubernetes-int-or-string"}
    | {"x-kubernetes-list-type", "x-kubernetes-list-map-keys"}
)
INLINED_KEYWORDS = frozenset(
    {"title", "$ref", "anyOf", "properties", "items", "additionalProperties", "required", "propertyNames"}
)


class UnsupportedSchemaError(AimError, TypeError):
    """A model uses something that structural schemas do not have."""


def _without_defaults(schema: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """A schema of a status: hooks write all of it, without empty texts, and what the API server adds is a change."""
    if isinstance(schema, dict):
        kept = {key: value for key, value in schema.items() if key != "default" or isinstance(value, dict)}
        return {key: _without_defaults(value) for key, value in kept.items()}
    return schema


def structural(
    schema: Mapping[str, Any], defs: Mapping[str, Any], path: FieldPath, twins: frozenset[FieldPath]
) -> dict[str, Any]:
    """`schema` as a structural schema. A field with a second spelling gets no default, which would hide the second."""
    merged = _unwrapped(schema, defs, path)
    if unknown := set(merged) - STRUCTURAL_KEYWORDS - INLINED_KEYWORDS:
        raise UnsupportedSchemaError(
            f"{'.'.join(path)}: {', '.join(sorted(unknown))} is not allowed in a structural schema"
        )
    result = {key: value for key, value in merged.items() if key in STRUCTURAL_KEYWORDS}
    if path in twins or isinstance(result.get("default"), dict | list):
        result.pop("default", None)
    if merged.get("x-kubernetes-int-or-string"):
        return {key: value for key, value in result.items() if key != "type"}
    if items := merged.get("items"):
        result["items"] = structural(items, defs, (*path, "[]"), twins)
    if isinstance(values := merged.get("additionalProperties"), dict):
        result["additionalProperties"] = structural(values, defs, (*path, "{}"), twins)
    if properties := merged.get("properties"):
        result["properties"] = {
            name: structural(value, defs, (*path, name), twins) for name, value in properties.items()
        }
    if required := merged.get("required"):
        result["required"] = sorted(required)
    return result


def _unwrapped(schema: Mapping[str, Any], defs: Mapping[str, Any], path: FieldPath) -> dict[str, Any]:
    """`schema` with its reference resolved and without `| None`; its own keywords override the referenced ones."""
    if schema.get("x-kubernetes-int-or-string"):
        return {key: value for key, value in schema.items() if key != "anyOf"}
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) > 1:
        raise UnsupportedSchemaError(f"{'.'.join(path)}: a choice of types is not allowed in a structural schema")
    inner: dict[str, Any] = {}
    if options:
        inner = _unwrapped(options[0], defs, path)
    elif reference := schema.get("$ref"):
        inner = _unwrapped(defs[reference.removeprefix("#/$defs/")], defs, path)
    own = {key: value for key, value in schema.items() if key not in {"anyOf", "$ref"}}
    if own.get("default", 0) is None:
        del own["default"]
    return {**inner, **own}


def crd(kind: ApiKind) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind."""
    name = kind.name
    schema = kind.model.model_json_schema(schema_generator=DescribedSchema)
    defs = schema["$defs"]
    twins = frozenset(spelling.means for spelling in kind.spellings)
    properties = {
        part: structural(schema["properties"][part], defs, (), twins)
        for part in ("spec", "status")
        if part in schema["properties"]
    }
    for part in properties.values():
        part.pop("default", None)
    if "status" in properties:
        properties["status"] = _without_defaults(properties["status"])
    if "phase" in properties.get("status", {}).get("properties", {}):
        properties["status"]["default"] = dict(NOT_SYNCED)
    subresources: dict[str, Any] = {"status": {}} if kind.status else {}
    if kind.scale:
        subresources["scale"] = {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas.current",
            "labelSelectorPath": ".status.selector",
        }
    columns = [
        {"name": column.name, "type": column.type, "jsonPath": column.path} | ({"priority": 1} if column.wide else {})
        for column in kind.columns
    ]
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": columns,
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "description": unwrapped(kind.model.__doc__ or ""),
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                    **properties,
                },
            }
            | ({"required": ["spec"]} if "spec" in schema["required"] else {})
        },
    }
    if subresources:
        version["subresources"] = subresources
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": "aim-engine"}},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": name,
                "listKind": f"{name}List",
                "plural": kind.plural,
                "singular": name.lower(),
                "shortNames": list(kind.short_names),
            }
            | ({"categories": ["aim"]} if kind.listed_together else {}),
            "scope": kind.scope,
            "versions": [version],
        },
    }


def crd_files() -> Iterator[tuple[str, str]]:
    """The name and text of every file of `crds/`."""
    for kind in API_KINDS:
        yield f"{kind.plural}.yaml", yaml.safe_dump(crd(kind), sort_keys=False, width=120)
    listing = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{kind.plural}.yaml" for kind in API_KINDS],
    }
    yield "kustomization.yaml", yaml.safe_dump(listing, sort_keys=False)


def schema_files() -> Iterator[tuple[str, str]]:
    """The name and text of every file of `aimlib/data/schemas`: the specs of the CRDs, without descriptions."""
    for kind in API_KINDS:
        properties = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        yield f"{kind.name}.json", json.dumps(_undescribed(properties["spec"]), indent=1) + "\n"


def _undescribed(schema: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """A schema without descriptions; a field of that name is an object, and stays."""
    if isinstance(schema, dict):
        kept = {key: value for key, value in schema.items() if key != "description" or isinstance(value, dict)}
        return {key: _undescribed(value) for key, value in kept.items()}
    return schema


if __name__ == "__main__":
    for folder, generated in zip(map(Path, sys.argv[1:]), (crd_files(), schema_files()), strict=True):
        folder.mkdir(exist_ok=True)
        for filename, text in generated:
            (folder / filename).write_text(text, encoding="utf-8")
