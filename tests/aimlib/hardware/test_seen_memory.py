"""What the engine sees of a device, where its label has a little more."""

import pytest

from aimlib.api.node import GpuClass
from aimlib.hardware.products import known_products


@pytest.mark.parametrize(
    ("product", "label", "seen"),
    [
        ("H100", 79.6, 79.19),
        ("H200", 140.4, 139.8),
        ("B200", 179.1, 178.35),
        ("H100", 79.19, 79.19),
        ("H100", 93.6, 93.6),
        ("H100", 9.8, 9.8),
        ("H100", 0, 0),
        ("MI300X", 192, 192),
        ("CPU", 1024, 1024),
        ("unheard-of", 48, 48),
    ],
)
def test_a_label_has_what_the_driver_keeps(product, label, seen):
    one = GpuClass(
        product=product, vendor="nvidia", memory_gib=label, resource="any", devices_per_node=8, nodes=1, total=8
    )
    assert known_products().seen_gib(one) == seen
