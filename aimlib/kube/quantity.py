"""Kubernetes quantities: parses them, and formats them as the API server stores them.

A child with another spelling of a quantity than the stored object would be written on every sync. The rules are
those of k8s.io/apimachinery/pkg/api/resource: `1000m` is stored as `1`, `1024Mi` as `1Gi`, `1.5Gi` as `1536Mi`.
"""

import re
from fractions import Fraction
from functools import lru_cache

from aimlib.errors import InvalidInputError

GIB = 2**30
LARGEST_GIB = 2**33 - 1
"""Of a quantity of bytes, which is below 2**63."""
BINARY_UNITS = {
    suffix: Fraction(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)
}
DECIMAL_UNITS = {suffix: Fraction(1000) ** power for power, suffix in enumerate("num", start=-3)} | {
    suffix: Fraction(1000) ** power for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))
}
QUANTITY_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,3})|([KMGTPE]i|[numkMGTPE]))?")


LONGEST_QUANTITY = 128
"""Characters; no number of bytes or processors has so many."""


class InvalidQuantityError(InvalidInputError):
    """A text that is not a Kubernetes quantity."""


def _split(text: str) -> tuple[Fraction, str, str]:
    found = QUANTITY_PATTERN.fullmatch(text.strip()) if len(text) <= LONGEST_QUANTITY else None
    if not found:
        raise InvalidQuantityError(f"{text[:LONGEST_QUANTITY]!r} is not a quantity such as 500m, 16 or 64Gi")
    number, exponent, suffix = found.groups()
    return Fraction(number if number[-1] != "." else number[:-1]), exponent or "", suffix or ""


@lru_cache(maxsize=1024)
def parse_quantity(text: str) -> Fraction:
    """The exact value of a quantity; InvalidQuantityError for any other text."""
    number, exponent, suffix = _split(text)
    if exponent:
        return number * Fraction(10) ** int(exponent)
    return number * (BINARY_UNITS[suffix] if suffix in BINARY_UNITS else DECIMAL_UNITS[suffix])


@lru_cache(maxsize=1024)
def canonical_quantity(text: str) -> str:
    """The spelling in which the API server stores this quantity of a resource; InvalidQuantityError for other texts."""
    _, exponent, suffix = _split(text)
    milli = DECIMAL_UNITS["m"]
    value = -(-parse_quantity(text) // milli) * milli  # rounded up (SetDefaults_ResourceList of the API server)
    if suffix in BINARY_UNITS and value and value % 1024 == 0:  # others are stored in decimal units
        return _largest(value, BINARY_UNITS)
    if not exponent:
        return _largest(value, DECIMAL_UNITS)
    power = -3
    while value and (value / Fraction(10) ** (power + 3)).denominator == 1:
        power += 3
    return f"{value / Fraction(10) ** power}e{power}" if value and power else f"{value}"


def _largest(value: Fraction, units: dict[str, Fraction]) -> str:
    """`value` in the largest unit of which it is a whole number."""
    if not value:
        return "0"
    return next(
        f"{value / unit}{suffix}" for suffix, unit in reversed(units.items()) if (value / unit).denominator == 1
    )


@lru_cache(maxsize=1024)
def to_gib(text: str) -> float:
    """The value of a quantity of bytes, in GiB; a larger one than the API server has counts as the largest."""
    return float(min(parse_quantity(text) / GIB, Fraction(LARGEST_GIB)))


@lru_cache(maxsize=1024)
def from_gib(amount: float | Fraction) -> str:
    """`amount` GiB as a quantity, rounded up to whole Gi, and never more than a quantity of bytes can be."""
    return canonical_quantity(f"{min(-(-Fraction(amount) // 1), LARGEST_GIB)}Gi")
