"""What a user applies is served, and kubectl tells him what he needs to know."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.cluster.plane import ROOT, KubectlError
from tests.e2e import caches
from tests.e2e.space import SECONDS, endpoint
from tests.schema import plural

pytestmark = pytest.mark.e2e

EXAMPLES = ROOT / "manifests" / "examples"


def applied(space, file):
    """Apply an example unchanged; its name."""
    space.kubectl("apply", f"--filename={EXAMPLES / file}")
    return yaml.safe_load((EXAMPLES / file).read_text())["metadata"]["name"]


@pytest.mark.parametrize("spelling", ["short", "long"])
def test_both_examples_of_the_transformation_path_reach_ready_unchanged(space, spelling):
    space.ready(applied(space, f"endpoint-{spelling}.yaml"))
    status = space.get("aimendpoint", "qwen-endpoint")["status"]
    assert status["phase"] == "Ready"
    assert status["model"] == "Qwen/Qwen3-32B"
    assert status["selectedRecipe"]["gpuCount"] == 1
    assert status["selectedRecipe"]["precision"] == "bf16"
    assert status["endpoints"]["internal"] == f"http://qwen-endpoint.{space.namespace}.svc:8000/v1"
    assert space.children() == ["deployment.apps/qwen-endpoint", "service/qwen-endpoint"]
    limits = space.container("qwen-endpoint")["resources"]["limits"]
    assert limits["amd.com/gpu"] == "1"


def test_the_example_of_the_demo_reaches_ready_with_its_claim_bound(space):
    space.ready(applied(space, "endpoint.yaml"))
    claim = space.get("pvc", "qwen-cache")
    assert claim["spec"]["resources"]["requests"]["storage"] == "80Gi"
    assert claim["status"]["phase"] == "Bound"


def test_the_full_example_applies_and_is_ready_once_its_storage_class_exists(space):
    space.apply(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "model-serving"},
            "value": 1,
        },
        {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"},
    )
    name = applied(space, "endpoint-full.yaml")
    storage_class = space.get("aimendpoint", name)["spec"]["cache"]["storageClass"]
    assert f"there is no storage class {storage_class}" in space.becomes(name, "StorageClassNotFound")
    wanted = [
        "configmap/qwen-full-dashboard",
        "deployment.apps/qwen-full",
        "horizontalpodautoscaler.autoscaling/qwen-full",
        "persistentvolumeclaim/qwen-full-cache",
        "persistentvolumeclaim/qwen-full-compiled",
        "poddisruptionbudget.policy/qwen-full",
        "service/qwen-full",
        "serviceaccount/qwen-full",
    ]
    space.wait("its children", lambda: space.children() == wanted, SECONDS)
    volume = space.plane.get("persistentvolumes")["items"][0]
    stored = {key: volume["spec"][key] for key in ("accessModes", "capacity", "hostPath")}
    spec = {**stored, "persistentVolumeReclaimPolicy": "Retain", "storageClassName": storage_class}
    volumes = [space.namespace, f"{space.namespace}-compiled"]
    kind = {"apiVersion": "v1", "kind": "PersistentVolume", "spec": spec}
    space.apply(*({**kind, "metadata": {"name": one}} for one in volumes))
    space.becomes(name, "AddressPending")
    space.give_address(name, "10.1.2.3")
    space.ready(name)
    assert space.get("aimendpoint", name)["status"]["endpoints"]["external"].startswith("http://10.1.2.3:")
    space.kubectl("delete", "persistentvolume", *volumes, "--wait=false")
    space.kubectl("delete", "priorityclass/model-serving", "runtimeclass/nvidia")


def test_every_example_is_tested_here_or_by_its_neighbours():
    here = {"endpoint.yaml", "endpoint-short.yaml", "endpoint-long.yaml", "endpoint-full.yaml"}
    neighbours = {"cache.yaml": "caching", "cache-full.yaml": "caching_faults", "tenant.yaml": "access"}
    neighbours |= {"gateway.yaml": "gateways", "gateway-full.yaml": "gateways"}
    neighbours |= {"gitops": "promotion", "adapters.yaml": "adapters"}
    assert {path.name for path in EXAMPLES.iterdir()} == here | neighbours.keys()
    assert all((Path(__file__).parent / f"test_{name}.py").exists() for name in neighbours.values())


def test_get_wide_fills_every_column(space, hub):
    space.apply(caches.cache("models", hub, caches.LARGE), endpoint("columns", modelId=caches.LARGE))
    space.ready("columns")
    cells = caches.shown(space, "--output=wide")["columns"]
    assert cells.pop("REQ/S") == ""  # which takes a Prometheus
    assert all(cells.values()), cells
    assert "<none>" not in cells.values()
    assert cells["MODEL"] == "Qwen/Qwen3-32B"
    assert cells["PHASE"] == "Ready"
    assert cells["CACHE"] == "models"
    assert cells["URL"] == f"http://columns.{space.namespace}.svc:8000/v1"
    assert {"RECIPE", "REPLICAS", "READY", "GPUS", "HARDWARE", "PRECISION", "ENGINE", "MESSAGE"} <= cells.keys()


def test_short_names_find_every_kind_and_the_category_what_users_have_written(space):
    space.apply(endpoint("found", modelId="Qwen/Qwen3-32B"))
    assert space.names("aimep") == ["aimendpoint.aim.engine.amd.com/found"]
    everything = {name.split("/")[0] for name in space.names("aim")}
    assert {f"{kind}.aim.engine.amd.com" for kind in ("aimendpoint", "aiminventory")} == everything
    for short in ("aimr", "aimc", "aimgw", "aimn", "aiminv"):
        space.names(short)


def test_describe_shows_the_choice_and_why(space):
    space.apply(endpoint("described", modelId="Qwen/Qwen3-32B", gpuCount=1))
    space.ready("described")
    said = space.kubectl("describe", "aimendpoint", "described")
    for words in ("the best of", "that fit of", "Asked:", "MI300X, MI325X", "replicas ready"):
        assert words in said, said


def test_explain_describes_every_field_of_every_kind(cluster):
    for resource in ("aimendpoint", "aimrecipe", "aimcache", "aimnode", "aiminventory"):
        name = f"{plural(resource)}.aim.engine.amd.com"
        described(json.loads(cluster.kubectl("get", "crd", name, "--output=json")), resource)
    said = cluster.kubectl("explain", "aimendpoint.spec.recipe")
    assert "How the recipe is selected." in said
    for field in ("autoSelect", "customRecipe", "fallback", "goal", "gpuCount", "precision", "updatePolicy"):
        assert re.search(rf"{field}\t<.*>\n(  enum: .*\n)?    \S", said), field
    with pytest.raises(KubectlError, match='field "nonsense" does not exist'):
        cluster.kubectl("explain", "aimendpoint.spec.nonsense")


def described(crd, resource):
    """Every field below spec and status, at any depth, has a description."""
    [version] = crd["spec"]["versions"]

    def walk(schema, path):
        for name, inner in schema.get("properties", {}).items():
            assert inner.get("description"), f"{resource}{path}.{name}"
            walk(inner, f"{path}.{name}")
            walk(inner.get("items", {}), f"{path}.{name}[]")

    for part in ("spec", "status"):
        walk(version["schema"]["openAPIV3Schema"]["properties"].get(part, {}), f".{part}")
