"""What a ResourceClaim asks for: devices of one kind, by expressions of CEL on what their driver tells of them.

Sources: AMD's driver 1.0.1 (pkg/kubeletplugin/discovery.go: productName, type, partitionProfile, parentPciAddr), and
NVIDIA's 0.4 (cmd/gpu-kubelet-plugin/deviceinfo.go: productName, type, profile); capacity `memory` of both.
"""

import re
from collections.abc import Mapping
from typing import Any

from aimlib.api.accelerators import PARENT_ATTRIBUTES, PARTITION_ATTRIBUTES, DeviceClaim
from aimlib.api.formats import DEVICE_ATTRIBUTE, OBJECT_NAME
from aimlib.api.node import Accelerator
from aimlib.hardware.device_kinds import VENDORS, product_by_driver
from aimlib.hardware.products import known_products
from aimlib.kube.quantity import canonical_quantity

REQUEST = "gpus"
"""The name of the request in a claim."""
ROUNDED_GIB = 0.1
"""What an inventory's size may be above that of a device."""


def not_claimable(one: Accelerator) -> str:
    """Why no ResourceClaim can ask for devices of a class; empty where one can."""
    dynamic = one.dynamic
    if dynamic is None:
        return "no driver gives them out by dynamic resource allocation"
    names = (dynamic.product_name, dynamic.device_type, one.partition)
    legal = all(name is None or DEVICE_ATTRIBUTE.matches(name) for name in names)
    if not legal or not all(map(OBJECT_NAME.matches, (dynamic.driver, dynamic.device_class))):
        return "their driver gives them names that no expression may have"
    known = dynamic.driver in PARTITION_ATTRIBUTES
    return "" if known else f"the driver {dynamic.driver} has no known attributes by which a claim selects them"


def device_claim(one: Accelerator, *, share: str | None = None, one_gpu: bool = False) -> DeviceClaim | None:
    """What a claim asks for to get devices of a class; None where there is none that could."""
    dynamic = one.dynamic
    if dynamic is None or not_claimable(one):
        return None
    least = canonical_quantity(f"{max(int(one.memory_gib - ROUNDED_GIB), 0)}Gi")
    # Where a driver gives out parts, a claim that states nothing may get a small one (requestPolicy).
    part = canonical_quantity(share) if share else least if dynamic.shareable else None
    return DeviceClaim(
        device_class=dynamic.device_class,
        driver=dynamic.driver,
        product_name=dynamic.product_name,
        device_type=dynamic.device_type,
        partition=one.partition,
        least_memory=None if dynamic.memory_unknown else least,
        share=part,
        one_gpu=one_gpu or None,
        parent_attribute=dynamic.parent_attribute if one_gpu else None,
    )


def device_expression(claim: DeviceClaim) -> str:
    """The expression that is true of the devices: each text has the format of names, so that none needs an escape.

    What a device does not tell is empty, or no memory: what is missing would be an error, which ends the allocation of
    the whole claim (k8s.io/dynamic-resource-allocation/structured).
    """
    attributes = f'device.attributes["{claim.driver}"]'
    wanted = (("productName", claim.product_name), ("type", claim.device_type))
    equal = [f'{attributes}.?{name}.orValue("") == "{value}"' for name, value in wanted if value]
    if claim.partition:
        forms = ", ".join(f'"{form}"' for form in _forms(claim.partition))
        equal.append(f'{attributes}.?{PARTITION_ATTRIBUTES[claim.driver]}.orValue("") in [{forms}]')
    if claim.least_memory:
        memory = f'device.capacity["{claim.driver}"].?memory.orValue(quantity("0"))'
        equal.append(f'{memory}.compareTo(quantity("{claim.least_memory}")) >= 0')
    return " && ".join((f'device.driver == "{claim.driver}"', *equal))


def _forms(partition: str) -> list[str]:
    """The forms in which drivers may write a partition that inventories have in lower case, and without a plus."""
    return sorted({partition, partition.upper() if "_" in partition else partition.replace("gb.", "gb+")})


def claim_spec(claim: DeviceClaim, count: int) -> dict[str, Any]:
    """The spec of a ResourceClaim (resource.k8s.io/v1) for so many devices, with every default of its lists."""
    devices: dict[str, Any] = {
        "requests": [
            {
                "name": REQUEST,
                "exactly": {
                    "deviceClassName": claim.device_class,
                    "allocationMode": "ExactCount",
                    "count": max(count, 1),
                    "selectors": [{"cel": {"expression": device_expression(claim)}}],
                    **({"capacity": {"requests": {"memory": claim.share}}} if claim.share else {}),
                },
            }
        ]
    }
    if claim.one_gpu:
        # Without it the status is from a release that knew only the first.
        parents = (claim.parent_attribute,) if claim.parent_attribute else PARENT_ATTRIBUTES.get(claim.driver, ())[:1]
        devices["constraints"] = [{"matchAttribute": parent, "requests": [REQUEST]} for parent in parents]
    return {"devices": devices}


STATED_ATTRIBUTE = re.compile(
    r'device\.(?:driver|attributes\["[^"]+"\]\.\?(\w+)\.orValue\(""\)) (?:==|in) \[?"([^"]+)"'
)
"""What an expression of `device_expression` states: the value of an attribute, or of the driver, which has no name."""


def claimed_text(spec: Mapping[str, Any]) -> str:
    """What a spec of `claim_spec` asks for, such as `2 x MI300X cpx_nps4 by gpu.amd.com`."""
    exactly = spec["devices"]["requests"][0]["exactly"]
    stated = dict(STATED_ATTRIBUTE.findall(exactly["selectors"][0]["cel"]["expression"]))
    driver, name = stated[""], stated.get("productName", "device")
    product = product_by_driver(name, VENDORS[driver], known_products()) if driver in VENDORS else None
    partition = stated.get(PARTITION_ATTRIBUTES.get(driver, "none"), "")
    share = exactly.get("capacity", {}).get("requests", {}).get("memory")
    words = (product.name if product else name, partition.lower().replace("+", "."), f"with {share}" if share else "")
    return f"{exactly['count']} x {' '.join(filter(None, words))} by {exactly['deviceClassName']}"
