"""Allocatable resources of a node, whose amounts need not be plausible."""

import re
from collections.abc import Mapping
from fractions import Fraction

from aimlib.api.node import LabelledDevices, LeftOut
from aimlib.kube.quantity import parse_quantity

LARGEST_COUNT = 10**6
LARGEST_AMOUNT = Fraction(10**30)
NONE_ALLOCATABLE = (
    "labelled, but none is allocatable: the device plugin does not run, or devices are given by DRA, which the "
    "component dra reads"
)


def amount(allocatable: Mapping[str, str], resource: str) -> float:
    """The amount of a resource; negative where the text is. InvalidQuantityError for what is no quantity."""
    text = str(allocatable.get(resource, 0)).strip()  # manual files have plain numbers, too
    size = float(min(parse_quantity(text.removeprefix("-")), LARGEST_AMOUNT))
    return -size if text.startswith("-") else size


def count_of(allocatable: Mapping[str, str], resource: str) -> int:
    """The whole devices of a resource."""
    return int(amount(allocatable, resource))


def resources_of(pattern: re.Pattern[str], allocatable: Mapping[str, str]) -> list[str]:
    """The resources whose names match, in order."""
    return sorted(name for name in allocatable if pattern.fullmatch(name))


def left_out(allocatable: Mapping[str, str], resource: str, product: str | None, reason: str) -> LeftOut:
    """Devices that do not count, with a number that can be written."""
    devices = min(max(count_of(allocatable, resource), 0), LARGEST_COUNT)
    return LeftOut(product=product, resource=resource, devices=devices, reason=reason)


def not_allocatable(
    product: str, resource: str, devices: int | None, labelled: LabelledDevices, reason: str = NONE_ALLOCATABLE
) -> LeftOut:
    """Devices that only labels know of, with the number on them."""
    return LeftOut(product=product, resource=resource, devices=devices or 0, reason=reason, labelled=labelled)


def label_count(value: str) -> int | None:
    """The number of devices on a label; None where there is none."""
    return int(value) if re.fullmatch(r"[0-9]{1,4}", value) else None
