"""The arguments by which an engine keeps to its share of a device."""

from math import floor

from aimlib.api.node import GpuClass
from aimlib.engines.arguments import parse_args
from aimlib.selection.candidates import Case

FRACTION_STEPS = 1000
"""Fractions have three digits, and are rounded down."""


def share_fraction(case: Case, share_gib: float, one: GpuClass) -> float:
    """The fraction of a device with which an engine keeps to its share; 0 for one too small to be told to an engine."""
    return floor(case.launch.usable(share_gib) / case.products.seen_gib(one) * FRACTION_STEPS) / FRACTION_STEPS


def bounded_arguments(case: Case) -> tuple[str, ...]:
    """The arguments of a candidate; with a share, the engine's fraction of the device is that of its share.

    fraction = share x usable fraction of a device as large as the share / memory of the device
    """
    started, share = case.launch, case.share_gib
    if share is None:
        return started.args
    name = case.recipe.backend
    fraction = share_fraction(case, share, case.first_class)
    bound = parse_args(name, (f"{started.engine.flags.memory_fraction}={fraction:g}",))
    return parse_args(name, started.args).overridden_by(bound).render()
