"""NVIDIA's labels and resources: whole GPUs, MIG devices, and GPUs that are shared by time slicing."""

import pytest

from aimlib.hardware.nodes import node_facts
from aimlib.hardware.nvidia import DIVIDED, NO_NVIDIA_LABEL, SEVERAL_PROFILES
from aimlib.hardware.resources import NONE_ALLOCATABLE
from tests.aimlib.make import node, nvidia

H100 = "NVIDIA-H100-80GB-HBM3"
UNKNOWN = "the labels do not say how much memory a device has"
SHARE = "and none tells that these are shared (nvidia.com/gpu.sharing-strategy)"
MEMORY = {f"{H100}-MIG-1g.10gb": "9984", f"{H100}-MIG-1g.10gb-SHARED": "9984"}
PARTS = {"mig-1g.10gb.memory": "9984", "mig-3g.40gb.memory": "40448"}


def gpus(labels, allocatable):
    prefixed = {f"nvidia.com/{name}": value for name, value in labels.items()}
    return node_facts(node(prefixed, {f"nvidia.com/{name}": value for name, value in allocatable.items()})).pools[:-1]


@pytest.mark.parametrize(
    ("product", "memory", "name", "gib", "architecture"),
    [
        (H100, 81559, "H100", 79.6, "sm_90"),
        ("NVIDIA-H200", 143771, "H200", 140.4, "sm_90"),
        ("NVIDIA-B200", 183359, "B200", 179.1, "sm_100"),
        ("NVIDIA-L40S", 46068, "L40S", 45.0, "sm_89"),
        ("Tesla-T4", 15360, "T4", 15.0, "sm_75"),
        ("NVIDIA-RTX-9999", 24576, "NVIDIA-RTX-9999", 24.0, None),
    ],
)
def test_a_whole_gpu(product, memory, name, gib, architecture):
    (pool,) = node_facts(nvidia(product, 8, memory)).pools[:-1]
    assert (pool.product, pool.memory_gib, pool.architecture) == (name, gib, architecture)
    assert (pool.vendor, pool.resource, pool.devices) == ("nvidia", "nvidia.com/gpu", 8)
    assert (pool.node_product, pool.partition, pool.shared, pool.device_id) == (product, None, False, None)


@pytest.mark.parametrize(
    ("labels", "gib"),
    [
        ({"gpu.product": H100}, 79.19),
        ({"gpu.product": H100, "gpu.memory": "unknown"}, 79.19),
        ({"gpu.product": "NVIDIA-H100-NVL"}, 93.6),
        ({"gpu.product": "NVIDIA-GH200-480GB"}, 95.6),
    ],
    ids=["known product", "label that is no number", "more memory by the label", "GPU of a superchip"],
)
def test_without_a_memory_label_the_memory_is_what_the_product_is_known_to_have(labels, gib):
    (pool,) = gpus(labels, {"gpu": "8"})
    assert pool.memory_gib == gib


@pytest.mark.parametrize(
    ("labels", "allocatable", "why"),
    [
        ({}, {"gpu": "8"}, NO_NVIDIA_LABEL),
        ({"gpu.product": H100, "gpu.count": "8"}, {}, NONE_ALLOCATABLE),
        ({"gpu.product": "NVIDIA-RTX-9999"}, {"gpu": "8"}, f"{UNKNOWN}; the setting hardware can"),
        ({"gpu.product": "NVIDIA-GB10", "gpu.memory": "0"}, {"gpu": "1"}, f"{UNKNOWN}; the setting hardware can"),
        ({"gpu.product": f"{H100}-MIG-INVALID", "gpu.count": "0", "gpu.memory": "0"}, {}, SEVERAL_PROFILES),
        ({"gpu.product": f"{H100}-MIG-INVALID", "gpu.memory": "81559"}, {"gpu": "8"}, SEVERAL_PROFILES),
        ({"gpu.product": f"{H100}-MIG-1g.10gb"}, {"gpu": "56"}, UNKNOWN),
        (
            {"gpu.product": f"{H100}-MIG-1g.10gb", "gpu.memory": "81559"},
            {"gpu": "56"},
            "implausible: 79.6 GiB per device on the label of MIG profile 1g.10gb",
        ),
        (
            {"gpu.product": H100, "gpu.memory": "9728"},
            {"gpu": "8"},
            "implausible: 9.5 GiB per device on the label, where 79.19 GiB are usual",
        ),
        ({"gpu.product": H100}, {"gpu": "32"}, "implausible: H100 has at most 10 such devices on one node"),
        ({"gpu.product": H100, "gpu.count": "2"}, {"gpu": "8"}, f"implausible: the labels count 2, {SHARE}"),
        ({"gpu.product": H100, "gpu.count": "8"}, {"gpu": "80"}, f"implausible: the labels count 8, {SHARE}"),
        ({"gpu.product": H100}, {"gpu": "-8"}, "implausible: a negative number"),
        ({"gpu.product": f"{H100}-SHARED"}, {"gpu": "9E"}, "implausible: 9000000000000000000 devices on one node"),
    ],
    ids=str,
)
def test_what_does_not_count_has_a_reason(labels, allocatable, why):
    prefixed = {f"nvidia.com/{name}": value for name, value in labels.items()}
    found = node_facts(node(prefixed, {f"nvidia.com/{name}": value for name, value in allocatable.items()}))
    assert [one.reason for one in found.left_out] == [why]
    assert [pool.product for pool in found.pools] == ["CPU"]


@pytest.mark.parametrize(("product", "known"), [("CPU", "CPU"), ("MI300X", "MI300X"), ("cpu-SHARED", "CPU")])
def test_a_product_of_another_vendor_is_left_out(product, known):
    labels = {"nvidia.com/gpu.product": product, "nvidia.com/gpu.memory": "196000"}
    [left] = node_facts(node(labels, {"nvidia.com/gpu": "8"})).left_out
    assert (left.product, left.reason) == (None, f"implausible: {known} is no GPU of NVIDIA")
    assert not node_facts(node(labels)).left_out


GKE = {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb", "cloud.google.com/gke-accelerator-count": "8"}


def test_on_gke_its_own_label_says_the_product():
    (pool,) = node_facts(node(GKE, {"nvidia.com/gpu": "8"})).pools[:-1]
    assert (pool.product, pool.memory_gib, pool.node_product) == ("H100", 79.19, "nvidia-h100-80gb")


def test_on_gke_feature_discovery_goes_first():
    labels = {**GKE, "nvidia.com/gpu.product": "NVIDIA-L40S", "nvidia.com/gpu.memory": "46068"}
    (pool,) = node_facts(node(labels, {"nvidia.com/gpu": "8"})).pools[:-1]
    assert (pool.product, pool.node_product) == ("L40S", "NVIDIA-L40S")


@pytest.mark.parametrize(
    "label",
    [{"cloud.google.com/gke-gpu-partition-size": "1g.10gb"}, {"cloud.google.com/gke-gpu-sharing-strategy": "mps"}],
    ids=str,
)
def test_what_gke_has_partitioned_or_shared_is_left_out(label):
    found = node_facts(node({**GKE, **label}, {"nvidia.com/gpu": "8"}))
    assert [(one.product, one.devices, one.reason) for one in found.left_out] == [("H100", 8, DIVIDED)]


def test_a_product_of_gke_that_nobody_knows_is_left_out():
    found = node_facts(node({"cloud.google.com/gke-accelerator": "nvidia-x"}, {"nvidia.com/gpu": "8"}))
    assert [one.reason for one in found.left_out] == [NO_NVIDIA_LABEL]


@pytest.mark.parametrize(
    ("labels", "allocatable", "expected"),
    [
        (
            {"gpu.product": f"{H100}-SHARED", "gpu.sharing-strategy": "time-slicing"},
            {"gpu": "32"},
            [("nvidia.com/gpu", None, True, 32)],
        ),
        ({"gpu.product": f"{H100}-SHARED"}, {"gpu": "32"}, [("nvidia.com/gpu", None, True, 32)]),
        ({"gpu.product": H100, "gpu.sharing-strategy": "mps"}, {"gpu": "32"}, [("nvidia.com/gpu", None, True, 32)]),
        ({"gpu.product": H100, "gpu.sharing-strategy": "none"}, {"gpu": "8"}, [("nvidia.com/gpu", None, False, 8)]),
        ({"gpu.product": H100}, {"gpu.shared": "32"}, [("nvidia.com/gpu.shared", None, True, 32)]),
        ({"gpu.product": f"{H100}-MIG-1g.10gb"}, {"gpu": "56"}, [("nvidia.com/gpu", "1g.10gb", False, 56)]),
        ({"gpu.product": f"{H100}-MIG-1g.10gb-SHARED"}, {"gpu": "9"}, [("nvidia.com/gpu", "1g.10gb", True, 9)]),
        (
            {"gpu.product": H100},
            {"gpu": "4", "mig-3g.40gb": "8", "mig-1g.10gb": "0"},
            [("nvidia.com/gpu", None, False, 4), ("nvidia.com/mig-3g.40gb", "3g.40gb", False, 8)],
        ),
        (
            {"gpu.product": H100, "mig-1g.10gb.sharing-strategy": "time-slicing"},
            {"gpu": "4", "mig-1g.10gb": "14"},
            [("nvidia.com/gpu", None, False, 4), ("nvidia.com/mig-1g.10gb", "1g.10gb", True, 14)],
        ),
        (
            {"gpu.product": H100},
            {"mig-1g.10gb.shared": "14"},
            [("nvidia.com/mig-1g.10gb.shared", "1g.10gb", True, 14)],
        ),
        ({"gpu.product": H100}, {"vgpu": "4", "hostdev": "1"}, []),
    ],
    ids=[
        "time-sliced",
        "time-sliced by the product's name",
        "shared by MPS",
        "not shared",
        "shared under a resource of its own",
        "one MIG profile",
        "one MIG profile, shared",
        "MIG profiles with resources of their own",
        "MIG devices that are shared beside whole GPUs that are not",
        "shared MIG devices under a resource of their own",
        "other resources",
    ],
)
def test_partitions_and_sharing(labels, allocatable, expected):
    pools = gpus({"gpu.memory": MEMORY.get(labels["gpu.product"], "81559"), **PARTS, **labels}, allocatable)
    assert [(pool.resource, pool.partition, pool.shared, pool.devices) for pool in pools] == expected
    assert {pool.product for pool in pools} <= {"H100"}


def test_a_mig_device_has_the_memory_of_its_own_label():
    labels = {"gpu.product": H100, "gpu.memory": "81559", "mig-1g.10gb.memory": "9984"}
    whole, part = gpus(labels, {"gpu": "4", "mig-1g.10gb": "28"})
    assert (whole.memory_gib, part.memory_gib) == (79.6, 9.8)
    (single,) = gpus({"gpu.product": f"{H100}-MIG-1g.10gb", "gpu.memory": "9984"}, {"gpu": "56"})
    assert single.memory_gib == 9.8


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"karpenter.k8s.aws/instance-gpu-name": "a10g"}, "A10G"),
        ({"k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"}, "T4"),
        ({"k8s.amazonaws.com/accelerator": "nvidia-ampere-a100"}, "A100"),
        ({"k8s.amazonaws.com/accelerator": "true", "karpenter.k8s.aws/instance-gpu-name": ""}, None),
        ({"cloud.google.com/gke-accelerator": "nvidia-tesla-v100"}, None),
        ({}, None),
    ],
)
def test_gpus_without_a_label_of_the_vendor_are_left_out_by_what_a_cloud_names_them(labels, expected):
    found = node_facts(node(labels, {"nvidia.com/gpu": "8"}))
    [left] = found.left_out
    assert (left.product, left.devices) == (expected, 8)
    assert all(pool.vendor == "cpu" for pool in found.pools)
