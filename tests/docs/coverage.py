"""The page of every shipped model on every GPU product that it fits, from recipes/ and what is derived."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import yaml

from aimlib.api.described_model import ModelSpec
from aimlib.api.node import InventoryStatus
from aimlib.config import Config
from aimlib.data import YamlLoader
from aimlib.derive.candidates import derived_entries
from aimlib.derive.described import described_checkpoint
from aimlib.derive.sources import Checkpoint
from aimlib.hardware.products import CPU, products
from aimlib.selection.entries import CatalogueEntry, read_entry
from aimlib.selection.recipe_check import check_recipe
from hooks.planning.simulate import ideal_nodes, simulate_inventory
from tests.docs.markdown import page, table
from tests.kustomize import ROOT

INTRO = """
Every model that is shipped, as [recipes](models.md) or as AIMModels (`recipes/models/`), and the numbers of GPUs of one
replica that it is served with on each product, in any precision and with any engine. **Bold** is what a recipe has; the
rest is [derived](any-model.md), and validated by nobody. Empty where it does not fit on one node of eight, and where a
model that needs code of its repository has no recipe: what is derived never runs such code. What your cluster gets:
`aim explain --model ID`.
"""
COLUMNS = 8
"""Products beside each other, so that a table is as wide as a page."""


class Cell(NamedTuple):
    """The numbers of GPUs that a model is served with on a product."""

    validated: tuple[int, ...] = ()
    derived: tuple[int, ...] = ()

    def __str__(self) -> str:
        only = tuple(count for count in self.derived if count not in self.validated)
        own = f"**{','.join(map(str, self.validated))}**" if self.validated else ""
        return " ".join(filter(None, (own, ",".join(map(str, only)))))


def documents() -> Iterator[dict[str, Any]]:
    """The shipped objects."""
    files = [*(ROOT / "recipes").glob("*.yaml"), *(ROOT / "recipes" / "models").glob("*.yaml")]
    for path in sorted(path for path in files if path.stem != "kustomization"):
        yield from yaml.load_all(path.read_bytes(), YamlLoader)


def catalogue() -> dict[str, tuple[list[CatalogueEntry], list[Checkpoint]]]:
    """The recipes and the described checkpoints of each model."""
    found: dict[str, tuple[list[CatalogueEntry], list[Checkpoint]]] = {}
    for raw in documents():
        entries, described = found.setdefault(raw["spec"]["modelId"], ([], []))
        name = raw["metadata"]["name"]
        if raw["kind"] == "AIMRecipe":
            entries.append(read_entry(name, raw["spec"]))
        elif one := described_checkpoint(name, ModelSpec.model_validate(raw["spec"])):
            described.append(one)
    return found


@cache
def cells() -> dict[str, dict[str, Cell]]:
    """The cells of each model, by product."""
    nodes = InventoryStatus.model_validate(simulate_inventory(ideal_nodes())["status"])
    found = {}
    for model, (entries, described) in catalogue().items():
        own = _counts(one for one in entries if one.spec and one.spec.hardware != CPU)
        derived = _counts(derived_entries(entries, described, nodes.classes, Config()))
        names = [one.name for one in products() if one.name in own.keys() | derived.keys()]
        found[model] = {name: Cell(_sorted(own.get(name)), _sorted(derived.get(name))) for name in names}
    return found


def _counts(entries: Iterable[CatalogueEntry]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for entry in entries:
        if entry.spec and (usable := check_recipe(entry.name, entry.spec).usable):
            found.setdefault(entry.spec.hardware, set()).update(usable)
    return found


def _sorted(counts: set[int] | None) -> tuple[int, ...]:
    return tuple(sorted(counts or ()))


def coverage() -> str:
    """Tables of a few products each, by vendor."""
    found = {model: row for model, row in sorted(cells().items(), key=lambda one: one[0].lower()) if row}
    parts = []
    for vendor, title in (("amd", "AMD"), ("nvidia", "NVIDIA")):
        names = [
            one.name for one in products() if one.vendor == vendor and any(one.name in row for row in found.values())
        ]
        for start in range(0, len(names), COLUMNS):
            some = names[start : start + COLUMNS]
            heading = f"{some[0]} to {some[-1]}" if len(some) > 1 else some[0]
            parts += [f"## {title}: {heading}", _table(found, some)]
    filled = sum(len(row) for row in found.values())
    validated = sum(bool(cell.validated) for row in found.values() for cell in row.values())
    total = f"{len(found)} models; {filled} of their cells are filled, {validated} by recipes."
    return page("Every model on every GPU", "`recipes/` and `recipes/models/`", INTRO, total, *parts)


def _table(found: dict[str, dict[str, Cell]], names: list[str]) -> str:
    rows = [[model, *(str(row.get(name, "")) for name in names)] for model, row in found.items()]
    return table(("model", *names), [row for row in rows if any(row[1:])])
