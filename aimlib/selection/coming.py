"""Selects on nodes that may come, where nothing fits on those that are there."""

from collections.abc import Callable, Sequence
from functools import partial

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.node import GpuClass, InventoryStatus
from aimlib.config import Config
from aimlib.selection.candidates import NOTHING_KNOWN, Room
from aimlib.selection.entries import CatalogueEntry
from aimlib.selection.select import Decision, Downloads, nothing_downloaded, select

SETTING = "hardwareMayCome of the settings"
DeriveOn = Callable[[Sequence[GpuClass]], Sequence[CatalogueEntry]]
"""Derives entries for what no recipe has on these GPUs."""


def nothing_derived(_: Sequence[GpuClass]) -> Sequence[CatalogueEntry]:
    """No entries."""
    return ()


def select_with_coming(  # noqa: PLR0913 - as select
    spec: EndpointSpec,
    catalogue: Sequence[CatalogueEntry],
    inventory: InventoryStatus,
    config: Config,
    *,
    downloads: Downloads = nothing_downloaded,
    room: Room = NOTHING_KNOWN,
    derive: DeriveOn = nothing_derived,
    groups: bool = True,
) -> Decision:
    """What `select` returns for the nodes that are there; for those that may come where nothing fits by any fallback.

    A node that is there is never passed over for one that is not. Where nothing fits on these either, the explanation
    is about those that are there.
    """

    def decided(classes: tuple[GpuClass, ...], known: InventoryStatus) -> Decision:
        related = catalogue, known.model_copy(update={"classes": classes}), config
        derived = partial(derive, classes)
        return select(spec, *related, downloads=downloads, room=room, derive=derived, groups=groups)

    coming = tuple(one for one in inventory.classes if one.may_come)
    if not coming:
        return decided(inventory.classes, inventory)
    now = decided(tuple(one for one in inventory.classes if not one.may_come), inventory)
    if now.resolved:
        return now
    later = decided(coming, InventoryStatus())
    kinds = " or ".join(sorted({one.product for one in coming}))
    if later.resolved is None:
        return _with_message(now, f"{now.selection.message}; nor on {kinds}, which may come ({SETTING})")
    which = f"no node with {later.resolved.product} is there, and one may come ({SETTING})"
    why = f"on the nodes that are there {now.selection.message}"
    return _with_message(later, f"{later.selection.message}; {which}: {why}")


def _with_message(decision: Decision, message: str) -> Decision:
    return decision._replace(selection=decision.selection.model_copy(update={"message": message[:4096]}))
