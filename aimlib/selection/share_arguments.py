"""The arguments by which an engine keeps to its share of a device."""

from math import floor

from aimlib.engines.arguments import parse_args
from aimlib.selection.candidates import Case

FRACTION_STEPS = 1000
"""Fractions have three digits, and are rounded down."""


def bounded_arguments(case: Case) -> tuple[str, ...]:
    """The arguments of a candidate; with a share, the engine's fraction of the device is that of its share.

    fraction = share x usable fraction of a device as large as the share / memory of the device
    """
    started, share = case.launch, case.share_gib
    if share is None:
        return started.args
    name = case.recipe.backend
    whole = case.products.seen_gib(case.first_class)
    fraction = floor(started.usable(share) / whole * FRACTION_STEPS) / FRACTION_STEPS
    bound = parse_args(name, (f"{started.engine.flags.memory_fraction}={fraction:g}",))
    return parse_args(name, started.args).overridden_by(bound).render()
