"""Placement and selection agree on nodes: what selection counts, pods may run on, and the other way round."""

from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.node import NodePool
from aimlib.config import Config
from aimlib.hardware.nodes import node_facts
from aimlib.hardware.placement import admits
from aimlib.hardware.products import products
from aimlib.selection.container_resources import container_resources, host_request
from aimlib.selection.select import select
from hooks.endpoint.children.container import container
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.placement import affinity, tolerations
from tests.aimlib.make import amd, configuration, endpoint, listed, node, nvidia
from tests.aimlib.make import inventory as inventory_of
from tests.aimlib.strategies import TAINTS

CONFIG = Config()
EVICTING = {"key": "amd.com/gpu", "effect": "NoExecute"}
taints = st.lists(st.sampled_from([*TAINTS, EVICTING]), max_size=2, unique_by=str)
PARTITION = "amd.com/gpu.compute-memory-partition"


def of_amd(labels, resource, count, tainted):
    return node(labels, {resource: str(count)}, taints=tainted)


identities = st.sampled_from(
    [
        {"amd.com/gpu.device-id": "74a1"},
        {"amd.com/gpu.device-id": "74b5"},
        {"amd.com/gpu.device-id": "74A1"},
        {"beta.amd.com/gpu.device-id": "74a1"},
        {"beta.amd.com/gpu.device-id.74a1": "8"},
        {"amd.com/gpu.device-id.74a9": "8"},
        {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"},
        {"amd.com/gpu.device-id": "74a5"},
        {},
    ]
)
partitions = st.sampled_from(
    [({}, 8), ({PARTITION: "spx_nps1"}, 8), ({PARTITION: "cpx_nps4"}, 64), ({PARTITION: "dpx_nps2"}, 16)]
)
gpu_nodes = st.one_of(
    st.builds(lambda who, how, t: of_amd({**who, **how[0]}, "amd.com/gpu", how[1], t), identities, partitions, taints),
    st.builds(lambda who, t: of_amd(who, "amd.com/cpx_nps4", 64, t), identities, taints),
    st.builds(
        lambda product, memory, t: nvidia(product, 8, memory, taints=t),
        st.sampled_from(["NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe", "NVIDIA-H100-80GB-HBM3-SHARED", "NVIDIA-L40S"]),
        st.none(),
        taints,
    ),
    st.just(nvidia("NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", 16, 40448)),
    st.sampled_from(["nvidia-h100-80gb", "nvidia-l4"]).map(
        lambda name: node({"cloud.google.com/gke-accelerator": name}, {"nvidia.com/gpu": "8"})
    ),
    st.just(
        node(
            {
                "cloud.google.com/gke-accelerator": "nvidia-h100-80gb",
                "cloud.google.com/gke-gpu-partition-size": "1g.10gb",
            },
            {"nvidia.com/gpu": "56"},
        )
    ),
)
fleets = st.lists(gpu_nodes, min_size=1, max_size=5)
recipes = st.builds(
    lambda hardware, gib, count: listed(
        "r",
        configuration(count),
        hardware=hardware,
        facts={
            "weightsGiB": gib,
            "layers": 8,
            "attentionHeads": 64,
            "keyValueHeads": 8,
            "headDim": 64,
            "maxContext": 64,
        },
    ),
    st.sampled_from(["MI300X", "MI325X", "H100", "L40S"]),
    st.sampled_from([1, 30, 60]),
    st.sampled_from([1, 8]),
)


def schedulable(raw, resolved, owner):
    """Whether the scheduler may bind a pod of the configuration to the node."""
    required = (
        (affinity(resolved) or {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    )
    terms = [term["matchExpressions"] for term in required.get("nodeSelectorTerms", ())]
    enough = int(raw["status"]["allocatable"].get(resolved.resource, 0)) >= resolved.gpu_count
    tolerated = {(one["key"], one["effect"]) for one in tolerations(owner)}
    hard = [one for one in raw["spec"].get("taints", ()) if one["effect"] != "PreferNoSchedule"]
    free = all((one["key"], one["effect"]) in tolerated for one in hard)
    return enough and free and admits(terms, raw["metadata"]["labels"])


def as_chosen(pool: NodePool, resolved):
    """Whether devices of a node are those that selection counted."""
    return (pool.product, pool.partition, pool.resource, pool.shared) == (
        resolved.product,
        resolved.partition,
        resolved.resource,
        False,
    )


@given(fleets, recipes)
def test_pods_may_run_where_their_devices_were_counted_and_nowhere_else(fleet, recipe):
    inventory = inventory_of(*fleet)
    spec = endpoint()
    resolved, _ = select(spec, [recipe], inventory, CONFIG)
    if resolved is None:
        return
    owner = Owner("chat", "team-a", spec, resolved, CONFIG)
    admitted = [raw for raw in fleet if schedulable(raw, resolved, owner)]
    assert admitted
    for raw in fleet:
        pools = [pool for pool in node_facts(raw).pools if as_chosen(pool, resolved)]
        if raw in admitted:
            assert pools
        elif pools:  # then a taint keeps its pods away, or it has fewer devices
            without = {**raw, "spec": {}}
            assert pools[0].devices < resolved.gpu_count or schedulable(without, resolved, owner)


@given(
    st.fixed_dictionaries({}, optional={"cpu": st.sampled_from(["500m", "7"]), "memory": st.sampled_from(["1Gi"])}),
    st.fixed_dictionaries(
        {}, optional={"cpu": st.just("3"), "memory": st.just("9Gi"), "ephemeral-storage": st.just("50Gi")}
    ),
    st.sampled_from([1, 8]),
)
def test_what_is_looked_for_on_a_node_is_what_the_pod_requests(stated, requests, count):
    spec = endpoint(resources=stated)
    inventory = inventory_of(amd(allocatable={"cpu": "9000", "memory": "1Pi"}))
    stated_by_recipe = configuration(count, resources={"requests": requests})
    resolved, _ = select(spec, [listed("r", stated_by_recipe, facts=None)], inventory, CONFIG)
    requested = container(Owner("chat", "team-a", spec, resolved, CONFIG))["resources"]["requests"]
    gpus = {resolved.resource: str(count)}
    found = container_resources(spec.resources, resolved.resources, count, CONFIG)
    assert requested == found.requests | gpus
    looked_for = host_request(spec.resources, resolved.resources, count, CONFIG)
    assert looked_for.fits(shape(requested))
    assert not looked_for._replace(cpus=looked_for.cpus + 1).fits(shape(requested))


def shape(requests):
    """A node that has exactly what is requested."""
    allocatable = {name: requests.get(name, "0") for name in ("cpu", "memory", "ephemeral-storage")}
    return inventory_of(node({}, allocatable)).classes[-1].shapes[0]


def test_gke_names_and_labels_of_feature_discovery_are_never_the_same():
    labels = {form for found in products() for form in found.labels}
    assert not labels & {name for found in products() for name in found.gke_names}
