"""What the shipped kustomizations leave on the API server."""

import json

import pytest
import yaml

from aimlib.naming import MODEL_LABEL, model_label
from hooks.endpoint.children import OPTIONAL
from tests.cases import cases
from tests.cluster import gateway_api
from tests.cluster.plane import ROOT
from tests.schema import plural

pytestmark = pytest.mark.e2e

ANSWERS = [case for case in cases(hook="sync") if case.kind in {"endpoint", "node"}]


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


def test_recipes_are_found_by_the_label_of_their_model(cluster):
    label = f"--selector={MODEL_LABEL}={model_label('Qwen/Qwen3-32B')}"
    found = cluster.get("aimrecipes", label)["items"]
    assert {one["spec"]["modelId"] for one in found} == {"Qwen/Qwen3-32B"}
    assert len(found) >= 10


def children(case):
    """The children that a golden case answers with, if it answers."""
    return case.said.get("children") or case.said.get("attachments") or []


def listed(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


@pytest.fixture
def golden(cluster):
    """Every child of every golden case, and the namespaces that they are in."""
    found = [child for case in ANSWERS for child in children(case)]
    names = {child["metadata"].get("namespace", "default") for child in found} - {"default"}
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(names)]
    if namespaces:
        cluster.kubectl("apply", "--filename=-", input=listed(namespaces))
    yield found
    if namespaces:
        cluster.kubectl("delete", "namespace", "--wait=false", *sorted(names))


@pytest.fixture(scope="module")
def with_gateway_api(cluster):
    """The CRDs of Gateway API, for the children that need them; no controller declares their kinds."""
    files = [str(gateway_api.crd_file(plural)) for plural in gateway_api.KINDS]
    for file in files:
        cluster.kubectl("apply", "--server-side", f"--filename={file}")
    crds = [f"crd/{plural}.gateway.networking.k8s.io" for plural in gateway_api.KINDS]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
    yield
    cluster.kubectl("delete", *crds)


@pytest.mark.usefixtures("with_gateway_api")
def test_every_child_of_every_golden_case_is_accepted(cluster, golden):
    controllers = [yaml.safe_load((ROOT / "metacontroller" / f"{name}.yaml").read_text()) for name in CONTROLLERS]
    kinds = {one["resource"] for spec in controllers for part in PARTS for one in spec["spec"].get(part, ())}
    optional = {f"{child.kind.partition('.')[0].lower()}s" for child in OPTIONAL}
    assert {plural(child["kind"]) for child in golden} == kinds | optional
    apply = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename=-")
    said = cluster.kubectl(*apply, input=listed(golden))
    assert said.count("(server dry run)") == len(golden)


CONTROLLERS = ("endpoint", "node")
PARTS = ("childResources", "attachments")
