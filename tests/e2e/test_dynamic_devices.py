"""GPUs that a DRA driver alone gives out: seen, selected, and given to pods by the real scheduler."""

import json
from pathlib import Path

import pytest

from tests.cluster.operator import own_account
from tests.cluster.plane import HERE
from tests.e2e.hookserver import within
from tests.e2e.optional_kinds import slices_component
from tests.e2e.space import SECONDS, endpoint, recipe
from tests.e2e.test_device_claims import ARGS, FACTS, allocated
from tests.e2e.test_nodes import USUAL, inventory, wait_for_inventory
from tests.files import read

pytestmark = pytest.mark.e2e

SLICES = HERE / "slices"
NODES = {
    "mi355x": "mi355x-dra-0",
    "mi355x-both": "mi355x-dra-1",
    "mi300x": "mi300x-dra-0",
    "mi300x-spx": "mi300x-dra-2",
    "mi300x-cpx": "mi300x-dra-3",
    "mi300x-dpx": "mi300x-dra-4",
    "h100": "h100-dra-3",
    "h100-mig": "h100-dra-0",
    "h100-mixed": "h100-dra-4",
    "h100-shared": "h100-dra-1",
}
WORKLOAD = {"inputTokens": 2000, "outputTokens": 500, "concurrency": 1}
SERVERS = read(Path(__file__).with_name("dynamic_hardware.yaml"))
MI355X = f"{USUAL}, 4 x MI355X (288 GiB)"


@pytest.fixture(scope="module")
def sliced(cluster, installation):
    """The cluster with the component, and the DeviceClasses of both drivers."""
    with slices_component(cluster, installation):
        cluster.kubectl("apply", "--server-side", f"--filename={SLICES / 'classes.yaml'}")
        yield cluster
        cluster.kubectl("delete", "resourceslices", "--all")
        cluster.kubectl("delete", f"--filename={SLICES / 'classes.yaml'}")
        cluster.kubectl("delete", "nodes", "--ignore-not-found", *NODES.values())
        cluster.wait_for(
            "their facts to go", lambda: "resourceslice" not in cluster.kubectl("get", "aimnodes"), SECONDS
        )


@pytest.fixture
def servers(sliced):
    """Adds servers of `slices/NAME.yaml` for one test."""

    def add(*names):
        for name in names:
            sliced.kubectl("apply", "--server-side", f"--filename={SLICES / name}.yaml")
            sliced.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"node/{NODES[name]}")

    yield add
    sliced.kubectl("delete", "resourceslices", "--all")
    sliced.kubectl("delete", "nodes", "--ignore-not-found", *NODES.values())
    wait_for_inventory(sliced, USUAL)


@pytest.fixture
def model(space):
    """A model for MI355X, which only one server has."""
    name = space.namespace
    space.apply(recipe(name, modelId=f"example/{name}", hardware="MI355X", configurations=[{"gpuCount": 2}]))
    yield f"example/{name}"
    space.kubectl("delete", "aimrecipe", name)


def test_an_endpoint_lands_where_its_status_says_on_gpus_that_only_slices_have(space, servers, model):
    servers("mi355x")
    wait_for_inventory(space.plane, MI355X)
    space.apply(endpoint("chat", modelId=model, replicas=2))
    space.ready("chat")
    resolved = space.get("aimendpoint", "chat")["status"]["resolved"]
    assert (resolved["product"], resolved["resource"]) == ("MI355X", "amd.com/gpu")
    assert resolved["nodeLabels"] == ["metadata.name=mi355x-dra-0"]
    pods = space.get("pods")["items"]
    assert {pod["spec"]["nodeName"] for pod in pods} == {"mi355x-dra-0"}
    claims = space.get("resourceclaims")["items"]
    given = [one for claim in claims for one in claim["status"]["allocation"]["devices"]["results"]]
    assert len({one["device"] for one in given}) == 4
    # All four are taken: the next one waits, in words, and none is preempted.
    space.apply(endpoint("waits", modelId=model))
    words = "1 has too few free devices for its claims (2 amd.com/gpu requested)"
    message = space.becomes("waits", "Unschedulable", words=words)
    assert "reemption" not in message
    space.kubectl("delete", "aimendpoint", "chat")
    space.ready("waits", seconds=2 * SECONDS)


@pytest.mark.parametrize("server", SERVERS)
def test_all_of_a_server_is_given_out_as_the_status_says_and_one_more_waits_in_words(space, servers, server):
    servers(server)
    models = {f"{space.namespace}-{number}": one for number, one in enumerate(SERVERS[server])}
    sizes = [{"gpuCount": 1, "args": ARGS}]
    for name, one in models.items():
        facts = {**FACTS, "weightsGiB": one["weightsGiB"]}
        about = {"hardware": one["hardware"], "facts": facts, "configurations": sizes}
        space.apply(recipe(name, modelId=f"example/{name}", **about))
    try:
        for number, (name, one) in enumerate(models.items()):
            requests = {"modelId": f"example/{name}", "recipe": {"workload": WORKLOAD}, **one.get("requests", {})}
            gives_all(space, f"lands-{number}", one, requests, NODES[server])
            space.apply(endpoint(f"waits-{number}", **requests))
            words = one.get("lacks", "too few free devices for its claims")
            space.becomes(f"waits-{number}", "Unschedulable", words=words)
    finally:
        space.kubectl("delete", "aimrecipe", *models)


def gives_all(space, name, one, requests, node):
    """An endpoint has all devices of a kind, and those alone."""
    space.apply(endpoint(name, **requests, replicas=one.get("replicas", len(one["devices"]))))
    space.ready(name, seconds=2 * SECONDS)
    resolved = space.get("aimendpoint", name)["status"]["resolved"]
    of_what = resolved.get("resource") or resolved["deviceClaim"]["deviceClass"]
    found = resolved["product"], resolved.get("partition"), of_what
    assert found == (one["hardware"], one.get("partition"), one["resource"])
    pods = space.get("pods", f"--selector=app.kubernetes.io/instance={name}")["items"]
    assert {pod["spec"]["nodeName"] for pod in pods} == {node}
    assert sorted(allocated(space).get(name, ())) == one["devices"]


def test_hardware_that_is_taken_counts_as_full_where_claims_are_not_allocated(
    space, servers, model, installation, tmp_path
):
    servers("mi355x")
    wait_for_inventory(space.plane, MI355X)
    other = f"{space.namespace}-other"
    space.apply(recipe(other, modelId=model, hardware="MI300X", configurations=[{"gpuCount": 8}]))
    settings = tmp_path / "settings.yaml"
    settings.write_text("fullAfterSeconds: 10\n", encoding="utf-8")
    account = str(own_account(space.plane, "aim-hooks", "aim-system"))
    with within(space.plane, installation, KUBECONFIG=account, AIM_OBSERVE="pods", AIM_CONFIG=str(settings)):
        space.apply(endpoint("taken", modelId=model, replicas=2, recipe={"autoSelect": True, "hardware": ["MI355X"]}))
        space.ready("taken")
        space.apply(endpoint("goes-on", modelId=model))
        space.ready("goes-on", seconds=2 * SECONDS)
        assert space.get("aimendpoint", "goes-on")["status"]["selectedRecipe"]["hardware"] == "MI300X"
    space.kubectl("delete", "aimrecipe", other)


def test_parts_and_shares_are_told_apart(space, servers):
    servers("mi300x", "h100-mig", "h100-shared")
    wait_for_inventory(
        space.plane,
        "2 x H100 (79.6 GiB), 2 x H100 1g.10gb (9.6 GiB), 1 x H100 2g.20gb (19.6 GiB), 1 x H100 3g.40gb (39.5 GiB), "
        "1 x H100 7g.80gb (78.5 GiB), 2 x MI300X (191.7 GiB), 16 x MI300X (192 GiB), 8 x MI300X cpx_nps4 (24 GiB), "
        "16 x MI325X (256 GiB)",
    )
    by_claims = [one for one in inventory(space.plane)["classes"] if "dynamic" in one]
    assert {one["resource"] for one in by_claims} == {"gpu.amd.com", "gpu.nvidia.com", "mig.nvidia.com"}
    assert [one["dynamic"]["shareable"] for one in by_claims if one["resource"] == "gpu.nvidia.com"] == [True]


def test_slices_of_a_node_that_cannot_be_used_do_not_count(sliced, servers):
    servers("mi355x")
    wait_for_inventory(sliced, MI355X)
    # A device plugin on the same node: the GPUs are there once.
    device = {"status": {"allocatable": {"amd.com/gpu": "4"}, "capacity": {"amd.com/gpu": "4"}}}
    labels = ["amd.com/gpu.device-id=75a3", "amd.com/gpu.vram=288G"]
    sliced.kubectl("label", "node", "mi355x-dra-0", *labels)
    sliced.kubectl("patch", "node", "mi355x-dra-0", "--subresource=status", f"--patch={json.dumps(device)}")
    sliced.wait_for(
        "the device plugin's to count",
        lambda: "74a" not in json.dumps(mi355x(sliced)) and "75a3" in json.dumps(mi355x(sliced)),
        SECONDS,
    )
    assert inventory(sliced)["summary"] == MI355X
    of_slice = "mi355x-dra-0-gpu.amd.com-a.resourceslice"
    why = "a device plugin gives the GPUs of the node, and they are counted there"
    sliced.wait_for(
        "the slice to say why it does not count",
        lambda: sliced.get("aimnode", of_slice)["spec"].get("reason") == why,
        SECONDS,
    )
    none = {"status": {"allocatable": {"amd.com/gpu": "0"}, "capacity": {"amd.com/gpu": "0"}}}
    sliced.kubectl("patch", "node", "mi355x-dra-0", "--subresource=status", f"--patch={json.dumps(none)}")
    sliced.wait_for("the slices' to count", lambda: "dynamic" in mi355x(sliced), SECONDS)
    assert mi355x(sliced)["nodeLabels"] == ["amd.com/gpu.device-id=75a3"], "its labels say what it has now"
    sliced.kubectl("cordon", "mi355x-dra-0")
    wait_for_inventory(sliced, f"{USUAL}; 4 MI355X on 1 node left out (cordoned)")
    sliced.kubectl("delete", "node", "mi355x-dra-0")
    wait_for_inventory(sliced, f"{USUAL}; 4 MI355X on 1 node left out (its Node is gone, or was not read yet)")
    sliced.kubectl("delete", "resourceslices", "--all")
    wait_for_inventory(sliced, USUAL)


def mi355x(plane):
    return next((one for one in inventory(plane)["classes"] if one["product"] == "MI355X"), {})
