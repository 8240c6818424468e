"""The CRDs are the models in the dialect of structural schemas, complete and explained."""

from typing import Annotated, Any

import pytest
import yaml
from pydantic import Field

from aimlib.api.base import Model
from aimlib.schema.crd import STRUCTURAL_KEYWORDS, UnsupportedSchemaError, crd, crd_files, schema_files, structural
from aimlib.schema.kinds import API_KINDS
from tests.kustomize import ROOT

CRDS = {kind.plural: crd(kind) for kind in API_KINDS}
EACH = pytest.mark.parametrize("definition", CRDS.values(), ids=CRDS)
STANDARD = {("apiVersion",), ("kind",), ("metadata",)}
"""Fields that the API server explains itself."""


def schema(definition) -> dict[str, Any]:
    return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def walk(node, path=()):
    """Every schema below a schema, with its path."""
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from walk(inner, (*path, name))
    for keyword, step in (("items", "[]"), ("additionalProperties", "{}")):
        if keyword in node:
            yield from walk(node[keyword], (*path, step))


def at(definition, path: str) -> dict[str, Any]:
    return dict(walk(schema(definition)))[tuple(path.split("."))]


@pytest.mark.parametrize(("folder", "made"), [("crds", crd_files), ("aimlib/data/schemas", schema_files)])
def test_the_files_are_what_the_models_say(folder, made):
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / folder).iterdir()}
    assert written == dict(made()), "run `make crds`"


@EACH
def test_every_field_is_explained(definition):
    silent = [
        ".".join(path)
        for path, node in walk(schema(definition))
        if path not in STANDARD and path[-1:] not in {("[]",), ("{}",)} and not node.get("description")
    ]
    assert silent == []


@EACH
def test_it_is_structural(definition):
    for path, node in walk(schema(definition)):
        allowed = STRUCTURAL_KEYWORDS | {"properties", "items", "additionalProperties", "required"}
        assert set(node) <= allowed, path
        if node.get("x-kubernetes-int-or-string"):
            assert "type" not in node, path
        else:
            assert node["type"] in {"object", "array", "string", "integer", "number", "boolean"}, path
        assert ("items" in node) == (node.get("type") == "array"), path
        assert not {"properties", "additionalProperties"} <= set(node), path
        assert set(node.get("required", ())) <= set(node.get("properties", {})), path


@EACH
def test_a_default_is_of_its_type_and_within_its_bounds_and_never_required(definition):
    types = {"object": dict, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    for path, node in walk(schema(definition)):
        for name in node.get("required", ()):
            assert "default" not in node["properties"][name], (path, name)
        if "default" in node:
            assert isinstance(node["default"], types[node["type"]]), path
            assert node["default"] in node.get("enum", [node["default"]]), path


@pytest.mark.parametrize("definition", [CRDS["aimendpoints"], CRDS["aimrecipes"], CRDS["aimcaches"]])
def test_texts_lists_and_maps_that_users_write_are_bounded(definition):
    """CEL's cost is estimated from these bounds; an unbounded one may be refused."""
    for path, node in walk(schema(definition)["properties"]["spec"]):
        match node.get("type"):
            case "string":
                assert {"enum", "maxLength", "format"} & set(node), path
            case "array":
                assert "maxItems" in node, path
            case "object" if "additionalProperties" in node:
                assert "maxProperties" in node, path


@EACH
def test_lists_with_a_key_say_so_and_the_key_is_required(definition):
    for path, node in walk(schema(definition)):
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert node["x-kubernetes-list-type"] == "map", path
            assert key in node["items"]["required"], path


@EACH
def test_it_is_named_and_shown_as_its_kind_says(definition):
    spec = definition["spec"]
    names = spec["names"]
    assert definition["metadata"]["name"] == f"{names['plural']}.aim.engine.amd.com"
    assert (names["singular"], names["listKind"]) == (names["kind"].lower(), f"{names['kind']}List")
    together = {"AIMEndpoint", "AIMCache", "AIMGateway", "AIMInventory"}
    assert names.get("categories") == (["aim"] if names["kind"] in together else None)
    assert names["shortNames"]
    paths = {(*path,) for path, _ in walk(schema(definition))} | {("metadata", "creationTimestamp")}
    for column in spec["versions"][0]["additionalPrinterColumns"]:
        assert tuple(column["jsonPath"].strip(".").split(".")) in paths, column


def test_short_names_belong_to_one_kind_each():
    short = [name for definition in CRDS.values() for name in definition["spec"]["names"]["shortNames"]]
    assert len(set(short)) == len(short)


def test_scopes_and_subresources():
    versions = {name: definition["spec"]["versions"][0] for name, definition in CRDS.items()}
    scopes = {name: definition["spec"]["scope"] for name, definition in CRDS.items()}
    assert {name for name, scope in scopes.items() if scope == "Namespaced"} == {
        "aimendpoints",
        "aimcaches",
        "aimgateways",
    }
    assert {name for name, version in versions.items() if "subresources" not in version} == {"aimnodes"}
    assert versions["aimendpoints"]["subresources"]["scale"] == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas.current",
        "labelSelectorPath": ".status.selector",
    }
    for name, version in versions.items():
        if "status" in version.get("subresources", {}):
            assert "observedGeneration" in version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"], (
                name
            )


ENDPOINTS, RECIPES = CRDS["aimendpoints"], CRDS["aimrecipes"]


@pytest.mark.parametrize(
    ("definition", "path", "expected"),
    [
        (ENDPOINTS, "spec.gpuCount", {"type": "integer", "minimum": 0, "maximum": 64}),
        (ENDPOINTS, "spec.replicas", {"type": "integer", "default": 1, "minimum": 0, "maximum": 1000}),
        (ENDPOINTS, "spec.recipe.goal", {"type": "string", "enum": ["latency", "throughput", "cost"]}),
        (ENDPOINTS, "spec.recipe.updatePolicy", {"type": "string", "enum": ["Pinned", "Auto"], "default": "Pinned"}),
        (ENDPOINTS, "spec.service.port", {"type": "integer", "default": 8000, "minimum": 1, "maximum": 65535}),
        (ENDPOINTS, "spec.scaling.targetCPUUtilization", {"type": "integer", "minimum": 1, "maximum": 100}),
        (ENDPOINTS, "spec.service.loadBalancerIP", {"type": "string", "maxLength": 64}),
        (
            ENDPOINTS,
            "spec.deployment.strategy.rollingUpdate.maxSurge",
            {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+%?$"},
        ),
        (ENDPOINTS, "status.conditions.[].lastTransitionTime", {"type": "string", "format": "date-time"}),
        (RECIPES, "spec.backend", {"type": "string", "enum": ["vllm", "sglang"]}),
        (RECIPES, "spec.facts.weightsGiB", {"type": "number", "minimum": 0, "maximum": 2**20}),
        (RECIPES, "spec.configurations.[].enabled", {"type": "boolean", "default": True}),
        (RECIPES, "spec.configurations.[].env.[].valueFrom.secretKeyRef.optional", {"type": "boolean"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_is_bounded_like_this(definition, path, expected):
    found = {key: value for key, value in at(definition, path).items() if key != "description"}
    assert found == expected


@pytest.mark.parametrize("kind", API_KINDS, ids=lambda kind: kind.plural)
def test_a_field_with_a_twin_has_no_default_which_would_answer_for_the_twin(kind):
    spec = schema(crd(kind))["properties"].get("spec", {})
    below = dict(walk(spec))
    for spelling in kind.spellings:
        assert {spelling.path, spelling.means} <= set(below), spelling
        assert "default" not in below[spelling.path], spelling
        assert "default" not in below[spelling.means], spelling


@EACH
def test_rules_have_messages_and_stand_where_their_fields_are(definition):
    for path, node in walk(schema(definition)):
        for one in node.get("x-kubernetes-validations", ()):
            assert set(one) - {"optionalOldSelf"} == {"rule", "message"}, path
            assert node["type"] == "object", path


def test_the_models_words_win_over_those_of_the_type_they_refer_to():
    storage = at(CRDS["aimcaches"], "spec.storage")
    assert storage["description"] == "The volume that has the models."
    assert at(ENDPOINTS, "status.conditions.[].type")["maxLength"] == 316


def test_the_listing_names_every_file():
    texts = dict(crd_files())
    listed = yaml.safe_load(texts["kustomization.yaml"])["resources"]
    assert [*listed, "kustomization.yaml"] == list(texts)


class Choice(Model):
    size: int | list[int]


class Exclusive(Model):
    size: Annotated[int, Field(gt=0)]


class Nested(Model):
    inner: Exclusive


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Choice, r"^size: a choice of types is not allowed in a structural schema$"),
        (Exclusive, r"^size: exclusiveMinimum is not allowed in a structural schema$"),
        (Nested, r"^inner\.size: exclusiveMinimum is not allowed in a structural schema$"),
    ],
)
def test_what_cannot_be_expressed_raises_with_the_path(model, words):
    found = model.model_json_schema()
    defs = found.pop("$defs", {})
    with pytest.raises(UnsupportedSchemaError, match=words):
        structural(found, defs, (), frozenset())


def defaults(schema) -> list:
    if not isinstance(schema, dict):
        return []
    own = [schema["default"]] if not isinstance(schema.get("default", {}), dict) else []
    return [*own, *(found for inner in schema.values() for found in defaults(inner))]


def test_nothing_is_added_to_a_status_that_a_hook_has_written():
    parts = {plural: schema(definition)["properties"] for plural, definition in CRDS.items()}
    assert [defaults(one.get("status", {}).get("properties")) for one in parts.values()] == [[]] * len(parts)
    assert defaults(parts["aimendpoints"]["spec"]) != []


def test_the_phase_is_pending_while_nobody_has_looked():
    for definition in CRDS.values():
        status = at(definition, "status") if definition["spec"]["versions"][0].get("subresources") else {}
        has_phase = "phase" in status.get("properties", {})
        assert status.get("default") == ({"phase": "Pending", "observedGeneration": -1} if has_phase else None)
        assert not has_phase or "Pending" in status["properties"]["phase"]["enum"]
        assert not has_phase or "observedGeneration" in status["properties"]


def width(kind: str, cells: dict[str, str]) -> int:
    """Characters of the widest line that kubectl prints without -o wide: three spaces between columns."""
    columns = CRDS[kind]["spec"]["versions"][0]["additionalPrinterColumns"]
    narrow = ["name", *(column["name"] for column in columns if not column.get("priority"))]
    return sum(max(len(name), len(cells[name])) + 3 for name in narrow) - 3


def shipped_recipes() -> list[dict[str, Any]]:
    files = sorted((ROOT / "recipes").glob("*-*.yaml"))
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


def test_columns_fit_into_a_hundred_characters():
    for recipe in shipped_recipes():
        spec, name = recipe["spec"], recipe["metadata"]["name"]
        counts = ",".join(str(one["gpuCount"]) for one in spec["configurations"])
        facts = {"Hardware": spec["hardware"], "Precision": spec["precision"], "Engine": spec["backend"]}
        assert width("aimrecipes", {"name": name, **facts, "GPUs": counts, "Phase": "Invalid", "Age": "3d23h"}) <= 100
    endpoint = {"name": "n" * 12, "Model": "mistralai/Mixtral-8x22B-Instruct-v0.1", "Hardware": "MI300X", "GPUs": "8"}
    assert width("aimendpoints", {**endpoint, "Phase": "Reconciling", "Ready": "2", "Age": "3d23h"}) <= 100
    cache = {"name": "n" * 20, "Size": "1100Gi", "Used": "812Gi", "Models": "10/12", "Phase": "Downloading"}
    assert width("aimcaches", {**cache, "Progress": "61.2 GiB of 140 GiB (43 %)", "Age": "3d23h"}) <= 100


@EACH
def test_wide_columns_are_last_and_the_message_is_the_last_of_them(definition):
    columns = definition["spec"]["versions"][0]["additionalPrinterColumns"]
    names = [column["name"] for column in columns]
    texts = [name for name in names if name in {"Message", "Reason", "URL"}]
    assert names[len(names) - len(texts) :] == texts
