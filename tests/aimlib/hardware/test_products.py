"""The hardware facts are consistent, sourced, and found by every name that a cluster uses."""

from collections import Counter

import pytest

from aimlib.api.precision import PRECISION_SPELLINGS
from aimlib.data import load_data
from aimlib.hardware.products import CPU, by_device_id, by_gke_name, by_nvidia_product, product, products

GPUS = [found for found in products() if found.name != CPU]
VOCABULARY = set(PRECISION_SPELLINGS.values())


@pytest.mark.parametrize("found", products(), ids=lambda found: found.name)
def test_every_product_is_sourced_and_speaks_the_vocabulary(found):
    assert set(found.source) <= set(load_data("hardware")["sources"])
    assert set(found.precisions) | set(found.weight_only) | set(found.tflops) <= VOCABULARY
    assert not set(found.precisions) & set(found.weight_only)
    assert set(found.tflops) <= set(found.precisions)
    assert found.partitions["spx"] == 1


@pytest.mark.parametrize("found", GPUS, ids=lambda found: found.name)
def test_every_gpu_has_memory_speed_and_a_way_to_be_recognised(found):
    assert found.memory_gib
    assert found.bandwidth_tbs
    assert found.architecture.startswith({"amd": "gfx", "nvidia": "sm_"}[found.vendor])
    assert bool(found.device_ids) == (found.vendor == "amd")
    assert bool(found.labels) == (found.vendor == "nvidia")


def test_no_name_and_no_device_id_belongs_to_two_products():
    names = Counter(name.casefold() for found in products() for name in (found.name, *found.aliases))
    devices = Counter(device for found in products() for device in found.device_ids)
    assert max(names.values()) == max(devices.values()) == 1


def test_every_source_in_the_list_is_used():
    assert set(load_data("hardware")["sources"]) == {key for found in products() for key in found.source}


@pytest.mark.parametrize(
    ("asked", "name"),
    [("MI300X", "MI300X"), ("mi300x", "MI300X"), (" MI250x ", "MI250"), ("cpu", "CPU"), ("a100-80gb", "A100")],
)
def test_a_name_is_found_in_any_case_and_by_alias(asked, name):
    assert product(asked).name == name


@pytest.mark.parametrize("nothing", ["", "MI999", "AMD Instinct MI300X"])
def test_an_unknown_name_is_none(nothing):
    assert product(nothing) is None


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("740f", "MI210"),
        ("740c", "MI250"),
        ("7408", "MI250"),
        ("74a1", "MI300X"),
        ("0x74A1", "MI300X"),
        ("74b5", "MI300X"),
        ("74bc", "MI308X"),
        ("74b6", "MI308X"),
        ("74a5", "MI325X"),
        ("75a0", "MI350X"),
        ("75b3", "MI355X"),
    ],
)
def test_a_device_id_names_its_product(device, name):
    assert by_device_id(device).name == name


def test_an_unknown_device_id_is_none():
    assert by_device_id("ffff") is None


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("NVIDIA-A100-SXM4-80GB", "A100"),
        ("NVIDIA-A100-80GB-PCIe", "A100"),
        ("A100-SXM4-40GB", "A100-40GB"),
        ("NVIDIA-H100-80GB-HBM3", "H100"),
        ("NVIDIA-H100-NVL", "H100"),
        ("H100-NVL", "H100"),
        ("NVIDIA-GH200-480GB", "H100"),
        ("NVIDIA-H200", "H200"),
        ("NVIDIA-B200", "B200"),
        ("NVIDIA-L40S", "L40S"),
        ("Tesla-T4", "T4"),
    ],
)
def test_a_label_of_nvidia_names_its_product(label, name):
    assert by_nvidia_product(label).name == name


@pytest.mark.parametrize("label", ["NVIDIA-H100", "NVIDIA-L40", "NVIDIA-A100-SXM4-80GB-SHARED", "x-Tesla-T4"])
def test_a_label_of_another_product_is_none(label):
    assert by_nvidia_product(label) is None


@pytest.mark.parametrize(
    ("name", "precision", "served"),
    [
        ("MI210", "fp8", False),
        ("MI300X", "fp8", True),
        ("MI300X", "fp4", True),
        ("MI355X", "fp4", True),
        ("T4", "bf16", False),
        ("A100", "int4", True),
    ],
)
def test_a_format_is_served_by_arithmetic_or_by_expanding_it(name, precision, served):
    assert product(name).serves(precision) is served


@pytest.mark.parametrize(
    ("label", "gib"),
    [("NVIDIA-H100-PCIe", 79.19), ("H100-NVL", 93.6), ("NVIDIA-GH200-144G-HBM3e", 143.3), (None, 79.19)],
)
def test_some_labels_of_a_product_have_other_memory(label, gib):
    assert product("H100").memory_of(label) == gib


def test_a_name_of_gke_is_of_one_product():
    names = [name for found in products() for name in found.gke_names]
    assert len(names) == len({*names})
    assert {by_gke_name(name).name for name in names} >= {"H100", "A100", "A100-40GB", "T4"}
    assert by_gke_name("nvidia-l4") is None


def test_only_blackwell_and_cdna4_compute_in_four_bit_floats():
    assert {found.name for found in products() if "fp4" in found.precisions} == {"MI350X", "MI355X", "B200", "B300"}


def test_partitions_of_a_die_count_its_compute_dies():
    assert product("MI300X").partitions["cpx"] == 8
    assert product("MI300A").partitions == {"spx": 1, "tpx": 3, "cpx": 6}
