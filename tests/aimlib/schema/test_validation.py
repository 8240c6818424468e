"""What is refused and what is filled in before an object is stored, as the generated CRDs say."""

import pytest
import yaml

from aimlib.api import API_VERSION
from aimlib.schema.crd import crd
from aimlib.schema.error_messages import dotted_path
from aimlib.schema.kinds import API_KINDS
from aimlib.schema.validation import kind_schema, outline_findings, validate_object
from tests.cases import read
from tests.kustomize import ROOT

WRITTEN = [kind for kind in API_KINDS if kind.plural in {"aimendpoints", "aimrecipes", "aimcaches"}]
RECIPES = sorted(path for path in (ROOT / "recipes").glob("*.yaml") if path.stem != "kustomization")
EXAMPLES = sorted(path for path in (ROOT / "manifests" / "examples").glob("*.yaml") if path.stem != "tenant")


def endpoint(**spec):
    return {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": "it"}, "spec": spec}


def silent(node):
    """A schema without its descriptions; a field may be called description, too."""
    return {
        **{key: value for key, value in node.items() if key != "description"},
        **{key: silent(node[key]) for key in ("items", "additionalProperties") if key in node},
        **{key: {name: silent(one) for name, one in node[key].items()} for key in ("properties",) if key in node},
    }


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.plural)
def test_the_schema_is_the_crds(kind):
    [version] = crd(kind)["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert silent(kind_schema(kind.name)["properties"]["spec"]) == silent(spec)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_admitted(path):
    for raw in yaml.safe_load_all(path.read_text()):
        assert validate_object(raw, raw["kind"])[1] == ()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_admitted(path):
    assert validate_object(read(path), "AIMRecipe")[1] == ()


def test_defaults_are_filled_in_where_their_parent_is_there():
    stored, _ = validate_object(
        endpoint(modelId="a/b", service={}, recipe={"fallback": [{"gpuCount": 1}]}), "AIMEndpoint"
    )
    assert stored["spec"]["replicas"] == 1
    assert stored["spec"]["service"] == {"type": "ClusterIP", "port": 8000}
    assert "cache" not in stored["spec"]
    assert "precision" not in stored["spec"]["recipe"]


def test_a_null_is_left_out_as_by_the_api_server():
    spec = {"replicas": None, "gpuCount": None, "cache": None, "service": {"annotations": {"a": None, "b": "c"}}}
    stored, findings = validate_object(endpoint(modelId="a/b", **spec), "AIMEndpoint")
    assert findings == ()
    assert stored["spec"]["replicas"] == 1
    assert {"gpuCount", "cache"} & stored["spec"].keys() == set()
    assert stored["spec"]["service"]["annotations"] == {"b": "c"}


def test_a_null_of_an_unknown_field_in_a_list_or_of_a_required_field_is_an_error():
    spec = {"nonsense": None, "image": {"pullSecrets": [None]}, "recipe": {"customRecipe": {"name": None}}}
    _, findings = validate_object(endpoint(modelId="a/b", **spec), "AIMEndpoint")
    assert [str(one) for one in findings] == [
        "spec.nonsense: unknown field",
        "spec.image.pullSecrets[0]: must be text, found null",
        "spec.recipe.customRecipe: name is missing",
    ]


def test_metadata_that_templates_leave_empty_is_left_out():
    raw = endpoint(modelId="a/b")
    raw["metadata"] |= {"labels": None, "annotations": None}
    assert outline_findings(raw) == ()
    stored, findings = validate_object(raw, "AIMEndpoint")
    assert (stored["metadata"], findings) == ({"name": raw["metadata"]["name"]}, ())
    assert [str(one) for one in outline_findings({**raw, "kind": None})] == ["kind: is missing"]


def test_a_status_is_not_the_users_to_write():
    stored, findings = validate_object({**endpoint(modelId="a/b"), "status": {"phase": "Whatever"}}, "AIMEndpoint")
    assert "status" not in stored
    assert findings == ()


def test_what_the_api_server_adds_is_taken_back():
    raw = endpoint(modelId="a/b")
    raw["metadata"] |= {"uid": "x", "resourceVersion": "1", "managedFields": [{}], "creationTimestamp": "2026-11-01"}
    assert validate_object(raw, "AIMEndpoint")[1] == ()
    raw["metadata"]["lables"] = {}
    assert [str(one) for one in validate_object(raw, "AIMEndpoint")[1]] == [
        "metadata.lables: unknown field; did you mean metadata.labels?"
    ]


def test_a_rule_between_fields_is_said_in_its_own_words():
    _, [finding] = validate_object(endpoint(modelId="a/b", scaling={"minReplicas": 3, "maxReplicas": 2}), "AIMEndpoint")
    assert "minReplicas must not exceed maxReplicas" in str(finding)


@pytest.mark.parametrize("surge", [1, "1", "25%"])
def test_whole_numbers_and_percentages_are_both_taken(surge):
    strategy = {"strategy": {"rollingUpdate": {"maxSurge": surge}}}
    assert validate_object(endpoint(modelId="a/b", deployment=strategy), "AIMEndpoint")[1] == ()


def test_a_path_is_written_as_people_write_it():
    assert dotted_path(("spec", "recipe", "fallback", 0, "gpuCount")) == "spec.recipe.fallback[0].gpuCount"


def test_an_object_of_any_kind_has_a_name():
    assert outline_findings({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "spec": 1}) == ()
    assert [str(one) for one in outline_findings([])] == ["must be an object, found a list"]
