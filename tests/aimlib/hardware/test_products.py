"""The hardware facts are consistent, sourced, and found by every name that a cluster uses."""

from collections import Counter

import pytest

from aimlib.api.precision import PRECISION_SPELLINGS
from aimlib.api.product import MOST_UNKNOWN, Product
from aimlib.data import load_data
from aimlib.hardware.products import CPU, completed, formats_of, known_products, products
from tests.aimlib.make import inventory, node

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
    assert found.labels or found.vendor == "amd"


def test_no_name_and_no_device_id_belongs_to_two_products():
    names = Counter(name.casefold() for found in products() for name in (found.name, *found.aliases))
    devices = Counter(device for found in products() for device in found.device_ids)
    assert max(names.values()) == max(devices.values()) == 1


def test_every_source_in_the_list_is_used():
    data = load_data("hardware")
    of_architectures = {key for found in data["architectures"].values() for key in found["source"]}
    assert set(data["sources"]) == of_architectures | {key for found in products() for key in found.source}


@pytest.mark.parametrize("found", GPUS, ids=lambda found: found.name)
def test_a_product_computes_in_the_formats_of_its_architecture(found):
    assert found.served == formats_of(found.architecture)
    assert found.model_copy(update={"precisions": (), "weight_only": ()}).served == ()
    assert completed(found.model_copy(update={"precisions": (), "weight_only": ()})) == found


@pytest.mark.parametrize(
    ("asked", "name"),
    [("MI300X", "MI300X"), ("mi300x", "MI300X"), (" MI250x ", "MI250"), ("cpu", "CPU"), ("a100-80gb", "A100")],
)
def test_a_name_is_found_in_any_case_and_by_alias(asked, name):
    assert known_products().product(asked).name == name


@pytest.mark.parametrize("nothing", ["", "MI999", "AMD Instinct MI300X"])
def test_an_unknown_name_is_none(nothing):
    assert known_products().product(nothing) is None


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
        ("7448", "W7900"),
        ("7551", "R9700"),
    ],
)
def test_a_device_id_names_its_product(device, name):
    assert known_products().by_device_id(device).name == name


def test_an_unknown_device_id_is_none():
    assert known_products().by_device_id("ffff") is None


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
        ("NVIDIA-L40", "L40"),
        ("NVIDIA-GeForce-RTX-4090", "RTX-4090"),
        ("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", "RTX-PRO-6000"),
        ("NVIDIA-GB200", "GB200"),
        ("Tesla-T4", "T4"),
    ],
)
def test_a_label_of_nvidia_names_its_product(label, name):
    assert known_products().by_nvidia_product(label).name == name


@pytest.mark.parametrize("label", ["NVIDIA-H100", "NVIDIA-L50", "NVIDIA-A100-SXM4-80GB-SHARED", "x-Tesla-T4"])
def test_a_label_of_another_product_is_none(label):
    assert known_products().by_nvidia_product(label) is None


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
    assert known_products().product(name).serves(precision) is served


@pytest.mark.parametrize(
    ("label", "gib"),
    [("NVIDIA-H100-PCIe", 79.19), ("H100-NVL", 93.6), ("NVIDIA-GH200-144G-HBM3e", 143.3), (None, 79.19)],
)
def test_some_labels_of_a_product_have_other_memory(label, gib):
    assert known_products().product("H100").memory_of(label) == gib


def test_a_name_of_gke_is_of_one_product():
    names = [name for found in products() for name in found.gke_names]
    assert len(names) == len({*names})
    assert {known_products().by_gke_name(name).name for name in names} >= {"H100", "A100", "A100-40GB", "T4"}
    assert known_products().by_gke_name("nvidia-x") is None


def test_only_blackwell_and_cdna4_compute_in_four_bit_floats():
    four_bit = {found.architecture for found in products() if "fp4" in found.precisions}
    assert four_bit == {"gfx950", "sm_100", "sm_103", "sm_120"}


def test_partitions_of_a_die_count_its_compute_dies():
    assert known_products().product("MI300X").partitions["cpx"] == 8
    assert known_products().product("MI300A").partitions == {"spx": 1, "tpx": 3, "cpx": 6}


X9 = Product(name="X9", vendor="nvidia", architecture="sm_89", labels=("NVIDIA-X9.*",), memory_gib=48)


def test_a_product_of_the_settings_is_found_by_its_name_and_its_labels():
    table = known_products((X9,))
    assert table.all[0].name == "X9"
    assert table.product("x9").served == formats_of("sm_89")
    assert table.by_nvidia_product("NVIDIA-X9-PCIe").name == table.product("NVIDIA-X9").name == "X9"
    assert known_products().product("x9") is None


def test_a_setting_with_the_name_of_a_product_replaces_the_facts_that_it_states():
    own = Product(name="mi300x", vendor="amd", device_ids=("74a1", "74ff"), memory_gib=191)
    table = known_products((own,))
    assert table.by_device_id("74ff").memory_gib == 191
    assert table.product("MI300X").bandwidth_tbs == known_products().product("MI300X").bandwidth_tbs
    assert len(table.all) == len(products())


@pytest.mark.parametrize(
    ("written", "name"),
    [("NVIDIA-L4", "L4"), ("amd-7448", "W7900"), ("AMD_Radeon_PRO_W7900", "W7900"), ("NVIDIA-H100-NVL", "H100")],
)
def test_what_an_inventory_called_a_product_before_the_table_had_it_still_names_it(written, name):
    assert known_products().product(written).name == name


def test_a_product_without_a_stated_size_of_its_nodes_may_have_many_devices():
    assert (X9.limit_per_node, X9.model_copy(update={"most_per_node": 4}).limit_per_node) == (MOST_UNKNOWN, 4)
    assert Product(name="X8", vendor="amd", devices_per_node=2).limit_per_node == 2


def test_the_inventory_describes_a_product_that_is_in_no_table():
    labels = {"nvidia.com/gpu.product": "NVIDIA-X9", "nvidia.com/gpu.memory": "24576"}
    classes = inventory(node(labels, {"nvidia.com/gpu": "2"})).classes
    found = known_products().find("nvidia-x9", classes)
    assert (found.name, found.vendor, found.memory_gib, found.served) == ("NVIDIA-X9", "nvidia", 24, ())
    assert found.serves("fp4")
    assert known_products().find("NVIDIA-X7", classes) is None
    assert known_products().nearest("NVIDIA-X7", classes) == "NVIDIA-X9"
    assert known_products().nearest("something else entirely") == ""
