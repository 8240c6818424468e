"""AMD's labels are read in every form that its labeller writes, and no form changes the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.hardware.amd import NO_AMD_LABEL, NOT_SELECTED, SEVERAL
from aimlib.hardware.nodes import node_facts
from aimlib.hardware.plausible import IN_SETTINGS, UNKNOWN_MEMORY
from aimlib.hardware.products import products
from aimlib.hardware.resources import NONE_ALLOCATABLE
from tests.aimlib.make import amd, inventory, node

MI300X = {"device-id": "74a1", "vram": "192G", "product-name": "AMD_Instinct_MI300X_OAM", "family": "AI"}
PREFIXES = ("amd.com/gpu", "beta.amd.com/gpu")

FORMS = {
    "plain": lambda name, value: {f"amd.com/gpu.{name}": value},
    "beta": lambda name, value: {f"beta.amd.com/gpu.{name}": value},
    "counted beta": lambda name, value: {f"beta.amd.com/gpu.{name}.{value}": "8"},
    "counted": lambda name, value: {f"amd.com/gpu.{name}.{value}": "8"},
    "all at once": lambda name, value: {
        f"amd.com/gpu.{name}": value,
        f"beta.amd.com/gpu.{name}": value,
        f"beta.amd.com/gpu.{name}.{value}": "8",
    },
}
"""How the labeller of ROCm/k8s-device-plugin 1.31 says that `name` is `value`."""


def labelled(form="plain", **values):
    found = {}
    for name, value in values.items():
        found |= FORMS[form](name.replace("_", "-"), value)
    return found


def gpus(raw):
    return node_facts(raw).pools[:-1]


def unlabelled(raw):
    """The facts of a node but for the label that they are from."""
    facts = node_facts(raw)
    return facts.model_copy(
        update={"pools": tuple(pool.model_copy(update={"node_label": None}) for pool in facts.pools)}
    )


def reason(raw):
    """Why the devices of a node do not count."""
    (one,) = node_facts(raw).left_out
    return one.reason


@pytest.mark.parametrize("form", FORMS)
def test_no_form_changes_the_answer(form):
    labels = {}
    for name, value in MI300X.items():
        labels |= FORMS[form](name, value)
    assert unlabelled(node(labels, {"amd.com/gpu": "8"})) == unlabelled(
        node({f"amd.com/gpu.{name}": value for name, value in MI300X.items()}, {"amd.com/gpu": "8"})
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("facts", [MI300X, {"product-name": MI300X["product-name"]}, {"device-id": "74A1"}], ids=str)
def test_the_label_by_which_a_product_is_recognised_selects_its_node(form, facts):
    labels = {}
    for name, value in facts.items():
        labels |= FORMS[form](name, value)
    (pool,) = gpus(node(labels, {"amd.com/gpu": "8"}))
    key, equals, value = pool.node_label.partition("=")
    assert labels[key] == (value if equals else "8")
    assert inventory(node(labels, {"amd.com/gpu": "8"})).classes[-1].node_labels == (pool.node_label,)


@given(st.fixed_dictionaries({name: st.sampled_from([*FORMS]) for name in MI300X}))
def test_no_mixture_of_forms_changes_the_answer(forms):
    labels = {}
    for name, form in forms.items():
        labels |= FORMS[form](name, MI300X[name])
    (pool,) = gpus(node(labels, {"amd.com/gpu": "8"}))
    assert (pool.product, pool.device_id, pool.memory_gib, pool.devices) == ("MI300X", "74a1", 192.0, 8)
    assert (pool.vendor, pool.architecture, pool.resource) == ("amd", "gfx942", "amd.com/gpu")
    assert (pool.partition, pool.shared, pool.node_product) == (None, False, None)


@pytest.mark.parametrize("device", [one for found in products() for one in found.device_ids])
def test_every_device_id_that_is_known_is_found(device):
    (pool,) = gpus(node(labelled(device_id=device), {"amd.com/gpu": "2"}))
    assert device in next(found for found in products() if found.name == pool.product).device_ids
    assert pool.memory_gib > 0


def test_the_device_id_counts_and_not_the_marketing_name():
    (pool,) = gpus(node(labelled(device_id="74a5", product_name="AMD_Instinct_MI300X"), {"amd.com/gpu": "8"}))
    assert (pool.product, pool.memory_gib) == ("MI325X", 256)


@pytest.mark.parametrize(
    ("name", "product", "memory"),
    [
        ("AMD_Instinct_MI300X_OAM", "MI300X", 192),
        ("AMD_Instinct_MI250X_/_MI250", "MI250", 64),
        ("AMD_Instinct_MI210", "MI210", 64),
        ("AMD_Radeon_PRO_W7900_Dual_Slot", "W7900", 48),
        ("AMD_Radeon_AI_PRO_R9700", "R9700", 32),
    ],
)
def test_without_a_device_id_the_name_has_to_do(name, product, memory):
    (pool,) = gpus(node(labelled(product_name=name), {"amd.com/gpu": "1"}))
    assert (pool.product, pool.memory_gib, pool.device_id) == (product, memory, None)


@pytest.mark.parametrize("name", ["AMD_Radeon_PRO_W6800", "AMD_Instinct_MI999X"])
def test_devices_of_which_nobody_knows_the_memory_are_left_out(name):
    (one,) = node_facts(node(labelled(product_name=name), {"amd.com/gpu": "1"})).left_out
    assert (one.product, one.reason) == (name, UNKNOWN_MEMORY + IN_SETTINGS)


@pytest.mark.parametrize(("name", "known"), [("CPU", "CPU"), ("H100", "H100"), ("NVIDIA-H100-80GB-HBM3", "H100")])
def test_a_product_of_another_vendor_is_left_out(name, known):
    labels = labelled(product_name=name, vram="192G")
    [left] = node_facts(node(labels, {"amd.com/gpu": "8"})).left_out
    assert (left.product, left.reason) == (None, f"implausible: {known} is no GPU of AMD")
    assert not node_facts(node(labels)).left_out


def test_no_other_name_of_a_product_has_memory_that_it_has_not():
    [left] = node_facts(node(labelled(product_name="mi300x", vram="4000G"), {"amd.com/gpu": "8"})).left_out
    assert (left.product, left.reason[:21]) == ("MI300X", "implausible: 4000 GiB")


def test_a_partition_that_pods_cannot_select_is_left_out():
    labels = labelled(device_id="74a1") | {"beta.amd.com/gpu.compute-memory-partition": "cpx_nps4"}
    raw = node(labels, {"amd.com/gpu": "64"})
    assert (gpus(raw), reason(raw)) == ((), NOT_SELECTED)


def test_memory_of_thousands_of_digits_is_none():
    (pool,) = gpus(node(labelled(device_id="74a1", vram=f"{'9' * 5000}G"), {"amd.com/gpu": "8"}))
    assert (pool.product, pool.memory_gib) == ("MI300X", 192)


def test_an_unknown_device_is_there_by_its_id_with_the_memory_that_its_label_tells():
    (pool,) = gpus(node(labelled(device_id="ffff", vram="48G"), {"amd.com/gpu": "1"}))
    assert (pool.product, pool.architecture, pool.memory_gib) == ("amd-ffff", None, 48)


def test_a_device_that_lost_its_labels_is_nothing_that_a_recipe_is_for():
    unlabelled = node({}, {"amd.com/gpu": "8", "amd.com/cpx_nps4": "0"})
    assert gpus(unlabelled) == ()
    assert node_facts(unlabelled).summary.endswith(f"; not counted: 8 amd.com/gpu ({NO_AMD_LABEL})")


def test_devices_of_two_kinds_under_one_resource_cannot_be_told_apart_by_a_pod_and_are_left_out():
    labels = {"amd.com/gpu.device-id.74a1": "4", "amd.com/gpu.device-id.74a5": "4"}
    raw = node(labels, {"amd.com/gpu": "8"})
    assert (gpus(raw), reason(raw)) == ((), SEVERAL)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (amd(count=64), "implausible: MI300X has at most 8 such devices on one node"),
        (amd(count=16), "implausible: MI300X has at most 8 such devices on one node"),
        (amd(count=-1), "implausible: a negative number"),
        (amd("ffff", 2000), "implausible: 2000 devices on one node"),
        (amd(vram="24G"), "implausible: 24 GiB per device on the label, where 192 GiB are usual"),
        (amd(vram="999G"), "implausible: 999 GiB per device on the label, where 192 GiB are usual"),
        (amd("ffff", vram="99999999G"), "implausible: 1e+08 GiB per device on the label"),
        (
            node({"amd.com/gpu.device-id": "74a1", "beta.amd.com/gpu.device-id.74a1": "1"}, {"amd.com/gpu": "8"}),
            "implausible: the labels count 1",
        ),
        (
            node(labelled(device_id="74a1", vram="96G"), {"amd.com/cpx_nps4": "64"}),
            "implausible: 96 GiB per device on the label, where 24 GiB are usual",
        ),
        (
            node(labelled(device_id="74a1"), {"amd.com/cpx_nps4": "65"}),
            "implausible: MI300X has at most 64 such devices on one node",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_is_not_used_and_the_reason_is_given(raw, why):
    assert (gpus(raw), reason(raw)) == ((), why)


def test_devices_that_a_label_names_and_nobody_can_request_are_left_out_with_their_number():
    raw = node({"amd.com/gpu.device-id": "74a1", "beta.amd.com/gpu.device-id.74a1": "8"})
    (one,) = node_facts(raw).left_out
    assert (one.product, one.resource, one.devices, one.reason) == ("MI300X", "amd.com/gpu", 8, NONE_ALLOCATABLE)


def test_the_memory_is_the_labels_but_never_more_than_the_product_has():
    (less,), (more,) = gpus(amd(vram="191G")), gpus(amd(vram="193G"))
    assert (less.memory_gib, more.memory_gib) == (191, 192)
    (other_unit,) = gpus(amd(vram="196608M"))
    assert other_unit.memory_gib == 192
    (unreadable,) = gpus(amd(vram="much"))
    assert unreadable.memory_gib == 192


PARTITION = "compute-memory-partition"


@pytest.mark.parametrize(
    ("labels", "allocatable", "expected"),
    [
        ({}, {"amd.com/gpu": "8"}, [("amd.com/gpu", None, 192, 8)]),
        ({PARTITION: "spx_nps1"}, {"amd.com/gpu": "8"}, [("amd.com/gpu", None, 192, 8)]),
        ({PARTITION: "cpx_nps4", "vram": "24G"}, {"amd.com/gpu": "64"}, [("amd.com/gpu", "cpx_nps4", 24, 64)]),
        ({PARTITION: "cpx_nps1"}, {"amd.com/gpu": "64"}, [("amd.com/gpu", "cpx_nps1", 24, 64)]),
        ({PARTITION: "dpx_nps2"}, {"amd.com/gpu": "16"}, [("amd.com/gpu", "dpx_nps2", 96, 16)]),
        ({}, {"amd.com/spx_nps1": "8"}, [("amd.com/spx_nps1", None, 192, 8)]),
        (
            {},
            {"amd.com/spx_nps1": "5", "amd.com/cpx_nps1": "24"},
            [("amd.com/cpx_nps1", "cpx_nps1", 24, 24), ("amd.com/spx_nps1", None, 192, 5)],
        ),
        (
            {"vram": "192G"},
            {"amd.com/cpx_nps4": "64", "amd.com/gpu": "0"},
            [("amd.com/cpx_nps4", "cpx_nps4", 24, 64)],
        ),
    ],
    ids=[
        "no partition label",
        "whole GPUs",
        "one resource name for partitions",
        "partitions without a label of their memory",
        "halves",
        "whole GPUs under their own resource",
        "a resource for every partition mode",
        "the memory label of the whole device does not enlarge a partition",
    ],
)
@pytest.mark.parametrize("form", ["plain", "counted beta"])
def test_partitions(form, labels, allocatable, expected):
    found = labelled(form, device_id="74a1")
    for name, value in labels.items():
        found |= FORMS["plain" if name == PARTITION else form](name, value)
    pools = gpus(node(found, allocatable))
    assert [(pool.resource, pool.partition, pool.memory_gib, pool.devices) for pool in pools] == expected
    assert {pool.product for pool in pools} == {"MI300X"}


def test_a_mode_that_is_not_known_of_a_product_leaves_its_memory_to_the_label():
    labels = {"amd.com/gpu.device-id": "74a2"}
    labels |= {f"amd.com/gpu.{PARTITION}": "cpx_nps1"}
    (told,) = gpus(node({**labels, "amd.com/gpu.vram": "48G"}, {"amd.com/gpu": "32"}))
    assert told.memory_gib == 48
    assert reason(node(labels, {"amd.com/gpu": "32"})) == "the labels do not say how much memory a device has"
    stale = node({**labels, "amd.com/gpu.vram": "192G"}, {"amd.com/gpu": "32"})
    assert reason(stale) == "implausible: 192 GiB per device on the label of partition cpx_nps1"


def test_a_mode_whose_name_tells_its_parts_needs_no_label():
    (half,) = gpus(node(labelled(device_id="74a2"), {"amd.com/dpx_nps1": "16"}))
    assert half.memory_gib == 96


def test_two_partition_modes_leave_the_label_without_a_word():
    labels = labelled(device_id="74a1") | {f"amd.com/gpu.{PARTITION}.cpx_nps4": "32", f"amd.com/gpu.{PARTITION}.x": "1"}
    (pool,) = gpus(node(labels, {"amd.com/gpu": "8"}))
    assert pool.partition is None


@pytest.mark.parametrize("resource", ["amd.com/vgpu", "amd.com/nic", "example.com/gpu", "gpu", "amd.com/zpx"])
def test_other_resources_are_no_gpus(resource):
    assert gpus(node(labelled(device_id="74a1"), {resource: "8"})) == ()


@pytest.mark.parametrize("count", ["0", 0])
def test_a_device_that_is_not_allocatable_is_not_there(count):
    assert gpus(node(labelled(device_id="74a1"), {"amd.com/gpu": count})) == ()


def test_a_label_of_another_name_is_not_taken_for_a_count():
    labels = {"amd.com/gpu.device-id": "74a1", "amd.com/gpu.vram": "192G", "amd.com/gpu.device-identity.x": "1"}
    (pool,) = gpus(node(labels, {"amd.com/gpu": "8"}))
    assert pool.device_id == "74a1"
