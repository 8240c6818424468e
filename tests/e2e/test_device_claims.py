"""Endpoints whose GPUs a driver gives out: partitions and shares of one GPU, by the real scheduler."""

import pytest

from tests.cluster.plane import HERE
from tests.e2e.access_table import WITH_DEVICE_CLAIMS, row
from tests.e2e.optional_kinds import slices_component
from tests.e2e.space import SECONDS, endpoint, recipe
from tests.e2e.test_access import answers, differences, subject
from tests.e2e.test_installation import dry_run, golden_children
from tests.e2e.test_nodes import USUAL, inventory, wait_for_inventory
from tests.files import TESTDATA

pytestmark = pytest.mark.e2e

CLASSES = HERE / "slices" / "classes.yaml"
SERVERS = {
    "h100-dra-2": TESTDATA / "slices-ask" / "h100-shareable.yaml",
    "mi300x-dra-1": TESTDATA / "slices-ask" / "mi300x-partitioned.yaml",
}
FACTS = {"weightsGiB": 6, "layers": 28, "attentionHeads": 16, "keyValueHeads": 8, "headDim": 128, "maxContext": 40960}
ARGS = ["--max-model-len=8192"]


@pytest.fixture(scope="module", autouse=True)
def offered(cluster, installation):
    """The component, and servers whose GPUs pods get by claims alone."""
    with slices_component(cluster, installation):
        files = [f"--filename={path}" for path in (CLASSES, *SERVERS.values())]
        cluster.kubectl("apply", "--server-side", *files)
        cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *(f"node/{name}" for name in SERVERS))
        cluster.wait_for("the GPUs to be seen", lambda: seen(cluster) == {"H100": 1, "MI300X": 8}, SECONDS)
        yield
        cluster.kubectl("delete", *files)
        wait_for_inventory(cluster, USUAL)


def seen(plane):
    """Devices that claims alone give, by product."""
    found = {}
    for one in inventory(plane)["classes"]:
        if "dynamic" in one:
            found[one["product"]] = found.get(one["product"], 0) + one["total"]
    return found


def allocated(space):
    """The devices that the pods of each endpoint have, by the endpoint's name."""
    found = {}
    pods = {one["metadata"]["name"]: one for one in space.get("pods")["items"]}
    for claim in space.get("resourceclaims")["items"]:
        results = claim.get("status", {}).get("allocation", {}).get("devices", {}).get("results", ())
        [owner] = claim["metadata"]["ownerReferences"]
        name = pods[owner["name"]]["metadata"]["labels"]["app.kubernetes.io/instance"]
        found.setdefault(name, []).extend(one["device"] for one in results)
    return found


@pytest.fixture
def model(space):
    """A small model for one H100, or for one or two MI300X."""
    model_id, name = f"example/{space.namespace}", space.namespace
    several = [{"gpuCount": count, "args": ARGS} for count in (1, 2)]
    space.apply(
        recipe(f"{name}-h", modelId=model_id, hardware="H100", facts=FACTS, configurations=several[:1]),
        recipe(f"{name}-m", modelId=model_id, hardware="MI300X", facts=FACTS, configurations=several),
    )
    yield model_id
    space.kubectl("delete", "aimrecipe", f"{name}-h", f"{name}-m")


def test_two_shares_of_a_gpu_are_scheduled_and_a_third_waits(space, model):
    shared = {"gpuShare": "30Gi"}
    for name in ("one", "two"):
        space.apply(endpoint(name, modelId=model, accelerators=shared, recipe={"hardware": ["H100"]}))
    space.ready("one", "two")
    assert allocated(space) == {"one": ["gpu-0"], "two": ["gpu-0"]}
    args = space.container("one")["args"]
    assert args[args.index("--gpu-memory-utilization") + 1] == "0.348"
    space.apply(endpoint("three", modelId=model, accelerators=shared, recipe={"hardware": ["H100"]}))
    space.becomes("three", "Unschedulable", "Available", "too few free devices for its claims")
    assert allocated(space)["three"] == []
    space.kubectl("delete", "aimendpoint", "one", "--cascade=foreground")
    space.ready("three", seconds=2 * SECONDS)


def test_devices_that_another_claim_has_are_full_and_the_next_candidate_is_taken(soon):
    model_id, name = f"example/{soon.namespace}", soon.namespace
    one = {"modelId": model_id, "configurations": [{"gpuCount": 1}]}
    soon.apply(recipe(f"{name}-1", hardware="H100", **one), recipe(f"{name}-2", hardware="MI300X", **one))
    try:
        soon.apply(endpoint("taken", modelId=model_id, recipe={"hardware": ["H100"]}))
        soon.ready("taken")
        soon.apply(
            endpoint("goes-on", modelId=model_id), endpoint("waits", modelId=model_id, recipe={"whenFull": "Wait"})
        )
        soon.ready("goes-on", seconds=2 * SECONDS)
        status = soon.get("aimendpoint", "goes-on")["status"]
        [full] = status["selection"]["full"]
        assert (full["product"], full["resource"], full["gpuCount"]) == ("H100", "gpu.nvidia.com", 1)
        assert "too few free devices for its claims" in full["message"]
        assert status["resolved"]["product"] == "MI300X"
        assert soon.get("aimendpoint", "waits")["status"]["resolved"]["product"] == "H100"
        assert soon.get("aimendpoint", "waits")["status"]["phase"] == "Pending"
    finally:
        soon.kubectl("delete", "aimrecipe", f"{name}-1", f"{name}-2")


def test_endpoints_are_on_partitions_of_one_gpu_and_another_on_a_whole_one(space, model):
    space.apply(
        endpoint("pair", modelId=model, gpuCount=2, recipe={"hardware": ["MI300X"]}),
        endpoint("part", modelId=model, gpuCount=1, recipe={"hardware": ["MI300X"]}),
        endpoint(
            "whole",
            modelId=model,
            gpuCount=1,
            accelerators={"allocation": "DRA"},
            recipe={"hardware": ["MI300X"], "goal": "latency"},
        ),
    )
    space.ready("pair", "part", "whole")
    found = allocated(space)
    assert found["whole"] == ["gpu-2-144"]
    assert len({name.rpartition("-")[0] for name in found["pair"]}) == 1
    assert len(found["pair"]) == 2
    assert len({*found["pair"], *found["part"]}) == 3
    message = space.get("aimendpoint", "part")["status"]["selection"]["message"]
    assert "a partition is enough, MI300X cpx_nps4 (24 GiB), 0.125 of a GPU" in message


def test_another_share_replaces_the_pods_and_then_the_claim_template(space, model):
    space.apply(endpoint("chat", modelId=model, accelerators={"gpuShare": "30Gi"}, recipe={"hardware": ["H100"]}))
    space.ready("chat")
    [former] = space.names("resourceclaimtemplates")
    space.apply(endpoint("chat", modelId=model, accelerators={"gpuShare": "40Gi"}, recipe={"hardware": ["H100"]}))
    space.wait("another template", lambda: len({*space.names("resourceclaimtemplates")} - {former}) == 1)
    space.ready("chat")
    space.wait("the former to go", lambda: former not in space.names("resourceclaimtemplates"))
    assert len(space.names("resourceclaimtemplates")) == 1
    space.apply(endpoint("chat", modelId=model, accelerators={"gpuShare": "40Gi"}, suspend=True))
    space.becomes("chat", "Suspended")


def test_every_claim_template_of_every_golden_case_is_accepted(cluster):
    found = golden_children({"ResourceClaimTemplate.resource.k8s.io/v1"})
    assert len(found) > 3
    assert dry_run(cluster, found) == len(found)


def test_the_component_gives_metacontroller_the_rights_to_them_and_no_others(space):
    wanted = row(WITH_DEVICE_CLAIMS)
    found = answers(space.plane, subject("metacontroller", space.namespace), list(wanted), space.namespace)
    assert differences(found, wanted) == {}
