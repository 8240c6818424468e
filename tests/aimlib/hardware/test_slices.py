"""What is read of a ResourceSlice, and that no slice of any driver is an error; its words are in the golden cases."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlib.api.device_slice import ResourceSliceSpec
from aimlib.hardware.device_selectors import DeviceClass
from aimlib.hardware.same_gpu import TWICE
from aimlib.hardware.slices import slice_facts

AMD = DeviceClass("gpu.amd.com", ("device.driver == 'gpu.amd.com'",), "amd.com/gpu")
NVIDIA = DeviceClass("gpu.nvidia.com", ("device.driver == 'gpu.nvidia.com'",), "nvidia.com/gpu")


def device(driver="gpu.amd.com", memory="205833371648", **attributes):
    usual = {"type": "amdgpu", "productName": "AMD_Instinct_MI300X_OAM"}
    if driver == "gpu.nvidia.com":
        usual = {"type": "gpu", "productName": "NVIDIA H100 80GB HBM3"}
    stated = {name: value for name, value in (usual | attributes).items() if value is not None}
    return {
        "attributes": {
            name: {"version" if name.endswith("Capability") else "string": value} for name, value in stated.items()
        },
        "capacity": {"memory": {"value": memory}} if memory else {},
    }


def facts(*devices, driver="gpu.amd.com", classes=(AMD, NVIDIA)):
    pool = {"name": "a", "generation": 1, "resourceSliceCount": 1}
    named = [{**one, "name": f"gpu-{number}"} for number, one in enumerate(devices)]
    spec = {"driver": driver, "nodeName": "a", "pool": pool, "devices": named}
    return slice_facts(ResourceSliceSpec.model_validate(spec), classes)


def only(*devices, **given_):
    [pool] = facts(*devices, **given_).pools
    return pool


@pytest.mark.parametrize(
    ("attributes", "partition", "memory", "expected"),
    [
        ({}, None, "205833371648", 191.7),
        ({}, None, None, 192),
        ({}, None, "0", 192),
        ({}, None, "196Gi", 192),
        ({"partitionProfile": "spx_nps1"}, None, "192Gi", 192),
        ({"type": "amdgpu-partition", "partitionProfile": "spx_nps1"}, None, "192Gi", 192),
        ({"type": "amdgpu-partition", "partitionProfile": "CPX_NPS4"}, "cpx_nps4", "24Gi", 24),
        ({"type": "amdgpu-partition", "partitionProfile": "cpx_nps1"}, "cpx_nps1", "192Gi", 24),
        ({"type": "amdgpu-partition", "computePartition": "spx", "memoryPartition": "nps1"}, None, None, 192),
    ],
)
def test_devices_of_amd(attributes, partition, memory, expected):
    pool = only(device(memory=memory, **attributes))
    assert pool.dynamic.memory_unknown == (memory in {None, "0"} or None)
    assert (pool.product, pool.partition, pool.memory_gib) == ("MI300X", partition, expected)
    assert (pool.resource, pool.device_id) == ("amd.com/gpu", None)


@pytest.mark.parametrize(
    ("attributes", "memory", "product", "partition", "target"),
    [
        ({}, "81559Mi", "H100", None, "sm_90"),
        ({}, None, "H100", None, "sm_90"),
        ({"type": "mig", "profile": "1g.10gb+me"}, "9856Mi", "H100", "1g.10gb.me", "sm_90"),
        ({"productName": "NVIDIA H900", "cudaComputeCapability": "11.0.0"}, "100Gi", "NVIDIA-H900", None, "sm_110"),
        ({"productName": "NVIDIA H900", "cudaComputeCapability": "new"}, "100Gi", "NVIDIA-H900", None, None),
        ({"productName": "NVIDIA H900"}, "100Gi", "NVIDIA-H900", None, None),
    ],
)
def test_devices_of_nvidia(attributes, memory, product, partition, target):
    pool = only(device("gpu.nvidia.com", memory, **attributes), driver="gpu.nvidia.com")
    assert (pool.product, pool.partition, pool.architecture) == (product, partition, target)
    assert pool.dynamic.product_name == attributes.get("productName", "NVIDIA H100 80GB HBM3")


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        (device("gpu.nvidia.com", "60Gi"), "implausible: 60 GiB"),
        (device("gpu.nvidia.com", None, type="mig", profile="1g.10gb"), "the ResourceSlice does not say how much"),
        (device("gpu.nvidia.com", "70Gi", type="mig", profile="1g.10gb"), "implausible: 70 GiB per device on the Res"),
        (device("gpu.nvidia.com", "8Gi", type="mig", profile="1g 10gb"), "no attribute says which partition they are"),
        (device("gpu.nvidia.com", "8Gi", productName=None), "no attribute productName says what they are"),
    ],
)
def test_what_is_not_plausible_is_left_out(given_, reason):
    [left] = facts(given_, driver="gpu.nvidia.com").left_out
    assert left.reason.startswith(reason)


@pytest.mark.parametrize(
    ("driver", "name", "known"),
    [
        ("gpu.amd.com", "CPU", "CPU"),
        ("gpu.amd.com", "cpu!", "CPU"),
        ("gpu.amd.com", "H100", "H100"),
        ("gpu.amd.com", "NVIDIA H100 80GB HBM3", "H100"),
        ("gpu.nvidia.com", "cpu", "CPU"),
        ("gpu.nvidia.com", "mi300x", "MI300X"),
        ("gpu.nvidia.com", "amd-74a1", "MI300X"),
    ],
)
def test_a_product_of_another_vendor_is_left_out(driver, name, known):
    found = facts(device(driver, "192Gi", productName=name), driver=driver)
    [left] = found.left_out
    vendor = "AMD" if driver == "gpu.amd.com" else "NVIDIA"
    assert (left.product, left.reason) == (None, f"implausible: {known} is no GPU of {vendor}")
    assert not found.pools


@pytest.mark.parametrize("name", ["mi300x", "amd-74a1"])
def test_no_other_name_of_a_product_has_memory_that_it_has_not(name):
    assert only(device(productName=name)).product == "MI300X"
    [left] = facts(device(memory="4000Gi", productName=name)).left_out
    assert (left.product, left.reason[:21]) == ("MI300X", "implausible: 4000 GiB")


HUGE = ("1e999", "9" * 64, "9e999")


@pytest.mark.parametrize("memory", HUGE)
def test_memory_that_no_device_has_is_left_out(memory):
    [left] = facts(device(memory=memory)).left_out
    assert left.reason == "implausible: 8.59e+09 GiB per device on the ResourceSlice"


@pytest.mark.parametrize("default", HUGE)
def test_a_default_that_no_device_has_is_all_of_its_memory(default):
    capacity = {"memory": {"value": "192Gi", "requestPolicy": {"default": default}}}
    assert only({**device(), "allowMultipleAllocations": True, "capacity": capacity}).resource == "amd.com/gpu"


def test_memory_that_claims_share_is_had_whole_by_a_resource_only_if_that_takes_all_of_it():
    whole = {**device("gpu.nvidia.com", "80Gi"), "allowMultipleAllocations": True}
    shared = {**whole, "capacity": {"memory": {"value": "80Gi", "requestPolicy": {"default": "1Gi"}}}}
    parts = {**whole, "capacity": {"memory": {"value": "80Gi"}, "partitions": {"value": "1"}}}
    found = [only(one, driver="gpu.nvidia.com").dynamic for one in (whole, shared, parts)]
    assert [one.shareable for one in found] == [True, True, False]
    assert [one.extended_resource for one in found] == ["nvidia.com/gpu", None, "nvidia.com/gpu"]


def test_of_several_resources_the_one_that_names_the_kind_is_taken():
    parts = DeviceClass("parts", ("device.attributes['gpu.amd.com'].type == 'amdgpu-partition'",), "amd.com/cpx_nps4")
    other = DeviceClass("other", (), "a.example.com/gpu")
    cpx = device(memory="24Gi", type="amdgpu-partition", partitionProfile="cpx_nps4")
    assert only(cpx, classes=(other, parts, AMD)).resource == "amd.com/cpx_nps4"
    assert only(device(), classes=(other, parts, AMD)).resource == "amd.com/gpu"
    assert only(device(), classes=(other,)).resource == "a.example.com/gpu"
    assert facts(cpx, device(), classes=(parts, AMD)).slice.gives == {
        "amd.com/cpx_nps4": ("MI300X cpx_nps4 (24 GiB)",),
        "amd.com/gpu": ("MI300X (191.7 GiB)", "MI300X cpx_nps4 (24 GiB)"),
    }


def test_a_domain_may_stand_before_an_attribute():
    numbered = {**device(), "attributes": {**device()["attributes"], "resource.kubernetes.io/numaNode": {"int": 1}}}
    near = DeviceClass("near", ("device.attributes['resource.kubernetes.io'].numaNode == 1",))
    assert only(numbered, classes=(near,)).resource == "near"


WORDS = st.sampled_from(
    ["amdgpu", "amdgpu-partition", "mig", "gpu", "cpx_nps4", "1g.10gb", "MI300X", "", "\u0661", "a" * 64]
)
DEVICES = st.fixed_dictionaries(
    {
        "name": st.just("a"),
        "attributes": st.dictionaries(
            st.sampled_from(["type", "productName", "partitionProfile", "profile", "computePartition"]),
            st.fixed_dictionaries({"string": WORDS}),
        ),
        "capacity": st.dictionaries(
            st.sampled_from(["memory", "partitions"]),
            st.fixed_dictionaries({"value": st.sampled_from(["0", "24Gi", "192Gi", "9e99", "1e999", "-1", "x", "1E"])}),
        ),
        "taints": st.lists(
            st.fixed_dictionaries({"key": st.just("a"), "effect": st.sampled_from(["None", "NoExecute"])})
        ),
        "consumesCounters": st.lists(st.fixed_dictionaries({"counterSet": st.sampled_from(["a", "b"])}), max_size=2),
        "allowMultipleAllocations": st.booleans(),
    }
)


@settings(deadline=None)
@given(st.lists(DEVICES, max_size=12), st.sampled_from(["gpu.amd.com", "gpu.nvidia.com"]))
def test_every_device_is_counted_or_left_out_once_in_any_order(devices, driver):
    found = facts(*devices, driver=driver)
    assert found == facts(*reversed(devices), driver=driver)
    counted = sum(one.devices for one in (*found.pools, *found.left_out))
    assert counted == found.slice.devices == len(devices)


PARENT, PCI = {"parentPciAddr": "0000:05:00.0"}, {"resource.kubernetes.io/pciBusID": "0000:05:00.0"}


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ((PARENT, PARENT), "gpu.amd.com/parentPciAddr"),
        (({"gpu.amd.com/parentPciAddr": "0000:05:00.0"}, PARENT | PCI), "gpu.amd.com/parentPciAddr"),
        ((PCI, PCI), "resource.kubernetes.io/pciBusID"),
        ((PCI, PARENT | PCI), "resource.kubernetes.io/pciBusID"),
        ((PARENT, PCI), None),
        (({}, PCI), None),
    ],
)
def test_the_gpu_of_partitions_is_told_by_the_attribute_that_all_of_them_have(devices, expected):
    cpx = {"type": "amdgpu-partition", "partitionProfile": "cpx_nps4"}
    assert only(*(device(memory="24Gi", **cpx, **one) for one in devices)).dynamic.parent_attribute == expected
    assert only(device(**PCI)).dynamic.parent_attribute is None


def on_demand(gpu, active=None):
    """The devices of one GPU by ROCm/k8s-gpu-dra-driver, pull request 88; taints keep modes of memory apart."""
    for mode, memory, parts, gib in (("spx", "nps1", 1, 192), ("dpx", "nps2", 2, 96), ("cpx", "nps1", 8, 24), CPX_NPS4):
        kind = "amdgpu" if mode == "spx" else "amdgpu-partition"
        one = device(memory=f"{gib}Gi", type=kind, computePartition=mode, memoryPartition=memory)
        one["capacity"]["partitions"] = {"value": str(parts), "requestPolicy": {"default": "1"}}
        one["consumesCounters"] = [{"counterSet": f"gpu-{gpu}-mutex"}]
        one["taints"] = [{"key": "memory-mode"}] if active and memory != active else []
        yield {**one, "allowMultipleAllocations": True}


CPX_NPS4 = ("cpx", "nps4", 8, 24)
ON_DEMAND = "the driver makes them on demand out of whole GPUs"


@pytest.mark.parametrize("active", [None, "nps1", "nps4"])
def test_partitions_that_are_made_on_demand_are_never_counted_whatever_is_made(active):
    found = facts(*(one for gpu in range(8) for one in on_demand(gpu, active)))
    whole = active != "nps4"
    assert [(one.devices, one.partition, one.shared) for one in found.pools] == [(8, None, False)] * whole
    taints = {} if whole else {"tainted memory-mode by the driver": 8}
    assert {one.reason: one.devices for one in found.left_out} == {ON_DEMAND: 24, **taints}


@pytest.mark.parametrize("taint", [(), ({"key": "lost"},)])
def test_mig_that_is_made_on_demand_is_not_counted_where_its_gpu_is_broken(taint):
    nvidia, counters = "gpu.nvidia.com", {"consumesCounters": [{"counterSet": "gpu-0"}]}
    whole = {**device(nvidia, "80Gi"), **counters, "taints": list(taint)}
    parts = [{**device(nvidia, "9856Mi", type="mig", profile="1g.10gb"), **counters}] * 2
    found = facts(whole, *parts, driver=nvidia, classes=(NVIDIA,))
    assert [one.devices for one in found.pools] == ([] if taint else [1])
    assert any("out of whole GPUs" in one.reason and one.devices == 2 for one in found.left_out)


def test_a_gpu_in_mig_mode_is_not_given_out_whole():
    """NVIDIA/k8s-dra-driver-gpu, issue 719: the GPU stays in the slice beside its MIG devices."""
    nvidia = "gpu.nvidia.com"
    wholes = [device(nvidia, "81559Mi", uuid=f"GPU-{number}") for number in range(2)]
    parts = [device(nvidia, "9856Mi", type="mig", profile="1g.10gb", parentUUID="GPU-0")] * 7
    found = facts(*wholes, *parts, driver=nvidia, classes=(NVIDIA,))
    assert [(one.partition, one.devices) for one in found.pools] == [(None, 1), ("1g.10gb", 7)]
    [left] = found.left_out
    assert (left.devices, left.reason) == (1, "divided: their MIG devices or partitions are given out")


def test_a_gpu_that_is_there_twice_counts_once_and_a_divided_one_of_amd_does_not():
    wholes = [device(pciAddr=f"0000:0{number}:00.0") for number in (1, 1, 2)]
    cpx = {"type": "amdgpu-partition", "partitionProfile": "cpx_nps4", "parentPciAddr": "0000:02:00.0"}
    found = facts(*wholes, device(memory="24Gi", **cpx), device(memory="24Gi", **cpx))
    assert [(one.partition, one.devices) for one in found.pools] == [(None, 1), ("cpx_nps4", 2)]
    assert {one.reason.partition(":")[0]: one.devices for one in found.left_out} == {
        "divided": 1,
        "in several ResourceSlices, and counted once": 1,
    }


def test_a_mig_device_that_is_there_twice_counts_once():
    nvidia, names = "gpu.nvidia.com", ("MIG-0", "MIG-1", "MIG-0", None, None)
    parts = [device(nvidia, "9856Mi", type="mig", profile="1g.10gb", uuid=name) for name in names]
    found = facts(*parts, driver=nvidia, classes=(NVIDIA,))
    assert [(one.partition, one.devices) for one in found.pools] == [("1g.10gb", 4)]
    [left] = found.left_out
    assert (left.devices, left.reason) == (1, TWICE)
    assert [one.parts for one in found.slice.gpus if one.kind is not None] == [("mig-0", "mig-1")]


@pytest.mark.parametrize(
    ("default", "more", "shareable", "time_sliced"),
    [
        ("81559Mi", {}, True, False),
        ("1Gi", {}, True, False),
        (None, {}, True, False),
        ("0", {}, False, True),
        ("0", {"shares": {"value": "10", "requestPolicy": {"default": "1"}}}, False, True),
        ("1Gi", {"shares": {"value": "10"}}, False, True),
        ("lots", {}, False, True),
        ("1Gi", {"partitions": {"value": "8"}}, False, False),
    ],
)
def test_only_a_driver_that_counts_memory_gives_out_shares_of_it(default, more, shareable, time_sliced):
    """NVIDIA's --consumable-shares is memory, unlimited or a number."""
    one = {**device("gpu.nvidia.com", "81559Mi"), "allowMultipleAllocations": True}
    if default:
        one["capacity"]["memory"]["requestPolicy"] = {"default": default}
    one["capacity"] |= more
    pool = only(one, driver="gpu.nvidia.com")
    assert (pool.dynamic.shareable, pool.shared) == (shareable, time_sliced)


def test_a_gpu_of_unified_memory_that_several_claims_may_have_is_time_sliced():
    one = {**device("gpu.nvidia.com", None), "allowMultipleAllocations": True}
    assert only(one, driver="gpu.nvidia.com").shared
