"""What candidates are derived from: the checkpoints that recipes of a model load, and those that AIMModels describe."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aimlib.api.model_facts import ModelFacts
from aimlib.derive.rules import rules
from aimlib.hardware.products import Product
from aimlib.selection.entries import CatalogueEntry


class Checkpoint(NamedTuple):
    """A repository in one format, its facts, and the recipes that load it."""

    model_id: str
    repository: str
    precision: str
    facts: ModelFacts
    origin: str
    """Whose facts they are, such as `recipe qwen3-32b-h100-bf16`."""
    recipes: tuple[CatalogueEntry, ...] = ()


def _is_source(entry: CatalogueEntry, *, with_draft: bool = False) -> bool:
    """Whether a recipe tells how to run its checkpoint elsewhere: with the usual images, and no code of the model's.

    One with a second model is a variant of another recipe, and tells it of both together alone.
    """
    spec = entry.spec
    told = spec is not None and spec.facts is not None and spec.image is None and bool(entry.launches)
    told = told and spec is not None and (spec.draft is not None) is with_draft
    return told and not any(one.runs_remote_code or one.problems for one in entry.launches)


def checkpoints(entries: Iterable[CatalogueEntry], described: Sequence[Checkpoint] = ()) -> list[Checkpoint]:
    """The checkpoints of these recipes of one model, and the described ones that no recipe loads; in a fixed order."""
    found: dict[tuple[str, str], list[CatalogueEntry]] = {}
    for entry in sorted(entries, key=lambda one: one.name):
        if entry.spec and _is_source(entry):
            found.setdefault((entry.spec.loaded, entry.spec.precision), []).append(entry)
    loaded = [_checkpoint(tuple(group)) for _, group in sorted(found.items())]
    return [*loaded, *(one for one in described if (one.repository, one.precision) not in found)]


def _checkpoint(group: tuple[CatalogueEntry, ...]) -> Checkpoint:
    first = next(entry.spec for entry in group if entry.spec)
    facts = first.facts
    assert facts is not None  # noqa: S101 - only such recipes are sources
    return Checkpoint(first.model_id, first.loaded, first.precision, facts, f"recipe {group[0].name}", group)


def drafting(entries: Iterable[CatalogueEntry]) -> list[tuple[CatalogueEntry, Checkpoint]]:
    """The recipes of one model with a second model that drafts, each with the checkpoint that it loads."""
    told = (entry for entry in sorted(entries, key=lambda one: one.name) if _is_source(entry, with_draft=True))
    return [(entry, _checkpoint((entry,))) for entry in told]


def filled_drafts(entries: Iterable[CatalogueEntry]) -> set[tuple[str, str, str]]:
    """Product, precision and draft of each recipe that has one, whatever its engine: nothing is derived there."""
    found = ((entry.hardware, entry.spec) for entry in entries if entry.spec)
    return {
        ((known.name if known else spec.hardware).casefold(), spec.precision, spec.draft.repository)
        for known, spec in found
        if spec.draft
    }


def filled_cells(entries: Iterable[CatalogueEntry]) -> set[tuple[str, str]]:
    """Product and precision of each recipe that can be read, usable or not: nothing is derived in its place.

    Not with another engine either: where somebody described one, that the other does as well is no safe guess.
    """
    found = ((entry.hardware, entry.spec) for entry in entries if entry.spec and entry.spec.draft is None)
    return {((known.name if known else spec.hardware).casefold(), spec.precision) for known, spec in found}


def nearest(checkpoint: Checkpoint, engine: str, target: Product) -> CatalogueEntry | None:
    """The recipe of this engine whose hardware is nearest to a product: architecture, family, vendor."""
    own = [entry for entry in checkpoint.recipes if entry.spec and entry.spec.backend == engine]
    return min(own, key=lambda entry: (*_distance(entry, target), entry.name), default=None)


def _distance(entry: CatalogueEntry, target: Product) -> tuple[bool, bool, bool]:
    known = entry.hardware
    other_vendor = known is None or known.vendor != target.vendor
    return not same_architecture(entry, target), not same_family(entry, target), other_vendor


def same_architecture(entry: CatalogueEntry, target: Product) -> bool:
    """Whether a recipe is for GPUs that run the same binaries."""
    known = entry.hardware
    return known is not None and known.architecture is not None and known.architecture == target.architecture


def same_family(entry: CatalogueEntry, target: Product) -> bool:
    """Whether a recipe is for GPUs whose kernels are chosen alike."""
    known = entry.hardware
    return known is not None and any({known.architecture, target.architecture} <= one for one in rules().families)
