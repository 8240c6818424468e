"""What a ResourceClaim asks for, and which names an expression may have."""

import pytest

from aimlib.api.accelerators import DeviceClaim
from aimlib.api.node import Accelerator, DynamicDevices
from aimlib.hardware.device_claims import claim_spec, claimed_text, device_claim, device_expression, not_claimable

AMD = DynamicDevices(
    driver="gpu.amd.com", device_class="gpu.amd.com", product_name="AMD_Instinct_MI300X_OAM", device_type="amdgpu"
)
WHOLE = Accelerator(product="MI300X", vendor="amd", memory_gib=192, resource="gpu.amd.com", dynamic=AMD)


def part(**changed):
    return WHOLE.model_copy(update={"partition": "cpx_nps4", "memory_gib": 24, **changed})


def named(**names):
    return WHOLE.model_copy(update={"dynamic": AMD.model_copy(update=names)})


HOSTILE = (
    'x" || true || "',
    "x\\",
    "x'",
    "x\nor true",
    "x${y}",
    "x`",
    "x;",
    "x ",
    " x",
    "",
    "true==true",
    "a{b}",
    "a[0]",
    "a/b",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_that_could_be_more_than_a_text_is_in_no_expression(text):
    for one in (
        named(product_name=text),
        named(device_type=text),
        named(driver=text),
        named(device_class=text),
        *([part(partition=text)] if text else []),
    ):
        assert not_claimable(one) == "their driver gives them names that no expression may have"
        assert device_claim(one) is None


def test_a_name_that_is_longer_than_an_attribute_is_in_no_expression():
    assert not_claimable(named(product_name="x" * 65))
    assert not not_claimable(named(product_name="x" * 64))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_status_with_such_a_name_cannot_be_read(text):
    claim = device_claim(WHOLE).wire()
    for field in ("productName", "deviceType", "driver", "deviceClass", "partition"):
        with pytest.raises(ValueError, match=field):
            DeviceClaim.model_validate({**claim, field: text})


@pytest.mark.parametrize(
    "text", ["AMD_Instinct_MI300X_OAM", "NVIDIA H100 80GB HBM3", "1g.10gb+me", "cpx_nps4", "NVIDIA A100-SXM4-40GB"]
)
def test_the_names_of_drivers_are_legal(text):
    assert not_claimable(named(product_name=text)) == ""


def test_devices_of_a_device_plugin_are_not_claimed():
    assert "no driver" in not_claimable(WHOLE.model_copy(update={"dynamic": None}))
    assert device_claim(WHOLE.model_copy(update={"dynamic": None})) is None


def test_partitions_of_a_driver_that_is_not_known_are_not_claimed():
    assert "no known attributes" in not_claimable(part(dynamic=AMD.model_copy(update={"driver": "gpu.example.com"})))


def test_a_device_is_selected_by_all_that_its_driver_tells():
    assert device_expression(device_claim(WHOLE)) == (
        'device.driver == "gpu.amd.com" && '
        'device.attributes["gpu.amd.com"].?productName.orValue("") == "AMD_Instinct_MI300X_OAM" && '
        'device.attributes["gpu.amd.com"].?type.orValue("") == "amdgpu" && '
        'device.capacity["gpu.amd.com"].?memory.orValue(quantity("0")).compareTo(quantity("191Gi")) >= 0'
    )


def test_what_a_driver_does_not_tell_is_not_asked_for():
    assert "productName" not in device_expression(device_claim(named(product_name=None)))


def test_no_memory_is_asked_for_where_the_driver_states_none():
    """A term that no device can meet would let the pods wait for ever."""
    unknown = device_claim(named(memory_unknown=True))
    assert unknown.least_memory is None
    assert "capacity" not in device_expression(unknown)


def test_a_partition_is_found_in_each_form_that_drivers_write():
    assert 'partitionProfile.orValue("") in ["CPX_NPS4", "cpx_nps4"]' in device_expression(device_claim(part()))
    nvidia = AMD.model_copy(update={"driver": "gpu.nvidia.com"})
    mig = part(partition="1g.10gb.me", dynamic=nvidia)
    assert '.?profile.orValue("") in ["1g.10gb+me", "1g.10gb.me"]' in device_expression(device_claim(mig))
    assert '["1g.10gb"]' in device_expression(device_claim(part(partition="1g.10gb", dynamic=nvidia)))


def test_a_device_of_less_than_a_gib_may_have_any_size():
    assert device_claim(part(memory_gib=0.05)).least_memory == "0"


def test_a_claim_writes_every_default_of_its_lists():
    [request] = claim_spec(device_claim(WHOLE), 2)["devices"]["requests"]
    assert (request["name"], request["exactly"]["allocationMode"], request["exactly"]["count"]) == (
        "gpus",
        "ExactCount",
        2,
    )
    assert "capacity" not in request["exactly"]


def test_all_memory_of_a_device_is_asked_for_where_a_claim_might_get_a_part():
    [request] = claim_spec(device_claim(named(shareable=True)), 1)["devices"]["requests"]
    assert request["exactly"]["capacity"] == {"requests": {"memory": "191Gi"}}


def test_a_share_is_a_capacity():
    [request] = claim_spec(device_claim(WHOLE, share="40960Mi"), 1)["devices"]["requests"]
    assert request["exactly"]["capacity"] == {"requests": {"memory": "40Gi"}}


@pytest.mark.parametrize(
    ("of_driver", "asked"),
    [
        ("gpu.amd.com/parentPciAddr", "gpu.amd.com/parentPciAddr"),
        ("resource.kubernetes.io/pciBusID", "resource.kubernetes.io/pciBusID"),
        (None, "gpu.amd.com/parentPciAddr"),
    ],
)
def test_partitions_of_one_gpu_are_equal_in_the_attribute_that_they_have(of_driver, asked):
    one = part(dynamic=AMD.model_copy(update={"parent_attribute": of_driver}))
    devices = claim_spec(device_claim(one, one_gpu=True), 2)["devices"]
    assert devices["constraints"] == [{"matchAttribute": asked, "requests": ["gpus"]}]
    assert device_claim(one).parent_attribute is None


NVIDIA = {"driver": "gpu.nvidia.com", "device_class": "mig.nvidia.com", "product_name": "NVIDIA H100 80GB HBM3"}


@pytest.mark.parametrize(
    ("one", "share", "text"),
    [
        (WHOLE, None, "2 x MI300X by gpu.amd.com"),
        (part(), None, "2 x MI300X cpx_nps4 by gpu.amd.com"),
        (named(product_name="Radeon"), None, "2 x Radeon by gpu.amd.com"),
        (named(product_name=None, device_type=None), None, "2 x device by gpu.amd.com"),
        (named(device_class="own"), "40Gi", "2 x MI300X with 40Gi by own"),
        (
            named(
                driver="gpu.nvidia.com", device_class="mig.nvidia.com", product_name="NVIDIA H100 80GB HBM3"
            ).model_copy(update={"partition": "1g.10gb.me", "memory_gib": 9.8}),
            None,
            "2 x H100 1g.10gb.me by mig.nvidia.com",
        ),
    ],
)
def test_what_a_claim_asks_for_in_words(one, share, text):
    assert claimed_text(claim_spec(device_claim(one, share=share), 2)) == text
