"""What the shipped kustomizations leave on the API server."""

import json

import pytest
import yaml

from aimlib.naming import MODEL_LABEL, model_label
from aimlib.protocol.observed import kind_key
from tests.cases import cases
from tests.cluster.plane import ROOT
from tests.controllers import declared

pytestmark = pytest.mark.e2e


def test_every_shipped_recipe_is_ready_and_labelled_with_its_model(cluster):
    shipped = [path for path in (ROOT / "recipes").glob("*.yaml") if path.name != "kustomization.yaml"]
    found = {one["metadata"]["name"]: one for one in cluster.get("aimrecipes")["items"]}
    assert {path.stem for path in shipped} <= found.keys()
    for path in shipped:
        recipe = found[path.stem]
        assert recipe["status"]["phase"] == "Ready", f"{path.stem}: {recipe['status'].get('message')}"
        assert recipe["status"]["observedGeneration"] == recipe["metadata"]["generation"]
        assert recipe["status"]["gpuCounts"]
        assert recipe["metadata"]["labels"][MODEL_LABEL] == model_label(recipe["spec"]["modelId"])


def test_every_shipped_model_is_read_and_labelled(cluster):
    files = [path for path in (ROOT / "recipes" / "models").glob("*.yaml") if path.name != "kustomization.yaml"]
    shipped = [raw for path in files for raw in yaml.safe_load_all(path.read_text())]
    found = {one["metadata"]["name"]: one for one in cluster.get("aimmodels")["items"]}
    for raw in shipped:
        model = found[raw["metadata"]["name"]]
        assert model["status"]["phase"] in {"Ready", "Pending"}
        assert model["status"]["conditions"][0]["reason"] in {"Described", "NothingFits", "NoInventory"}
        assert model["metadata"]["labels"][MODEL_LABEL] == model_label(raw["spec"]["modelId"])


def test_recipes_are_found_by_the_label_of_their_model(cluster):
    label = f"--selector={MODEL_LABEL}={model_label('Qwen/Qwen3-32B')}"
    found = cluster.get("aimrecipes", label)["items"]
    assert {one["spec"]["modelId"] for one in found} == {"Qwen/Qwen3-32B"}
    assert len(found) >= 10


def golden_children(kinds):
    """The children of these kinds that golden cases are answered with."""
    answers = [case.said for case in cases(hook="sync") if case.kind in {"endpoint", "node"}]
    children = [child for said in answers for child in said.get("children") or said.get("attachments") or []]
    return [with_allowed_secrets(child) for child in children if kind_key(child) in kinds]


def with_allowed_secrets(child):
    """The child, with a Secret that the shipped list of aim-admission allows where it names one for a server."""
    accesses = [one["access"] for one in child.get("spec", {}).get("models", ()) if "secret" in one.get("access", ())]
    for access in accesses if child["kind"] == "AIMCache" else ():
        access["secret"] = "huggingface-token"  # noqa: S105 - a name
    return child


def dry_run(cluster, objects):
    """How many of these objects the API server would accept, in the namespaces that they name."""
    names = sorted({one["metadata"].get("namespace", "default") for one in objects} - {"default"})
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
    apply = ("apply", "--server-side", "--force-conflicts", "--filename=-")
    cluster.kubectl(*apply, input=listed(namespaces))
    try:
        return cluster.kubectl(*apply, "--dry-run=server", input=listed(objects)).count("(server dry run)")
    finally:
        cluster.kubectl("delete", "namespace", "--wait=false", *names)


def listed(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def test_every_child_of_every_golden_case_is_accepted(cluster):
    kinds = {*declared("endpoint"), *declared("node")}
    golden = golden_children(kinds)
    assert {kind_key(child) for child in golden} == kinds
    assert dry_run(cluster, golden) == len(golden)
