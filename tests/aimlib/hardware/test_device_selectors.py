"""What of CEL is read: the DeviceClasses that drivers ship, and of anything else that it is not known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.hardware.device_selectors import DEEPEST_SELECTOR, LONGEST_SELECTOR, DeviceClass, is_selected

WHOLE = {
    "driver": "gpu.amd.com",
    "allowMultipleAllocations": False,
    "attributes": {"gpu.amd.com": {"type": "amdgpu", "productName": "MI300X", "numaNode": 1, "odd": True}},
}
SPX = 'device.attributes["gpu.amd.com"].computePartition == "spx"'
UNPARTITIONED = '!("computePartition" in device.attributes["gpu.amd.com"])'


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("device.driver == 'gpu.amd.com'", True),
        ("device.driver == 'gpu.nvidia.com'", False),
        ("device.driver != 'gpu.nvidia.com'", True),
        ("device.driver == 'gpu.amd.com' && device.attributes['gpu.amd.com'].type == 'amdgpu'", True),
        ("device.driver == 'gpu.amd.com' && device.attributes['gpu.amd.com'].type == 'mig'", False),
        ("device.attributes['gpu.amd.com']['numaNode'] == 1", True),
        ("device.attributes['gpu.amd.com'].odd", True),
        ("!device.attributes['gpu.amd.com'].odd", False),
        ("device.allowMultipleAllocations == false", True),
        ("'type' in device.attributes['gpu.amd.com']", True),
        (UNPARTITIONED, True),
        (f"device.driver == 'gpu.amd.com' && ({UNPARTITIONED} || {SPX})", True),
        ("has(device.attributes['gpu.amd.com'].type)", True),
        ("has(device.attributes['gpu.amd.com'].computePartition)", False),
        ("true", True),
        # What is decided is decided, whatever is not known beside it.
        (f"{SPX} || device.driver == 'gpu.amd.com'", True),
        (f"{SPX} && device.driver == 'gpu.nvidia.com'", False),
        (f"{SPX} && device.driver == 'gpu.amd.com'", None),
        (f"!({SPX})", None),
        (SPX, None),
        ("device.attributes['gpu.amd.com'].numaNode == '1'", None),
        ("device.driver", None),
        ("1 in device.attributes['gpu.amd.com']", None),
        ("'a' in device.driver", None),
        ("device.driver.type == 'a'", None),
        ("device.attributes['gpu.amd.com'].productName.startsWith('MI')", None),
        ("device.capacity['gpu.amd.com'].memory.compareTo(quantity('10Gi')) >= 0", None),
        ("device.driver == 'gpu.amd.com' ?", None),
        ("device.driver ==", None),
        ("cel.bind(a, 1, a == 1)", None),
        ("(device.driver == 'gpu.amd.com'", None),
        ("device.driver == 'gpu.amd.com')", None),
        ("device['driver' == 'a'", None),
        ("", None),
        ("device.", None),
        ("device[", None),
        ('device.attributes["x"].', None),
        ("device.driver in", None),
        ("has(", None),
        ("!", None),
        ("!has(device.!)", None),
        ("!has(device[1])", None),
        ("(" * (DEEPEST_SELECTOR + 2) + "true" + ")" * (DEEPEST_SELECTOR + 2), None),
        ("true" + " " * LONGEST_SELECTOR + "&& true", None),
    ],
)
def test_a_selector_is_true_false_or_not_known(expression, selected):
    assert is_selected(expression, WHOLE) is selected


def test_a_class_selects_what_all_its_selectors_select():
    assert DeviceClass("all", ()).selects(WHOLE)
    assert DeviceClass("amd", ("device.driver == 'gpu.amd.com'", "true")).selects(WHOLE)
    assert not DeviceClass("odd", ("device.driver == 'gpu.amd.com'", SPX)).selects(WHOLE)


@given(
    st.lists(st.sampled_from(["(", ")", "!", "&&", "||", "==", "in", "has", "device", ".", "driver", "'a'", "1", "["]))
)
def test_no_text_is_an_error(words):
    assert is_selected(" ".join(words), WHOLE) in {True, False, None}
