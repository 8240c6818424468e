"""The commands about recipes of one's own: derive some to review, and check any."""

from collections.abc import Iterable
from typing import NamedTuple

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.api.node import GpuClass, InventoryStatus
from aimlib.config import Config
from aimlib.derive.candidates import DERIVED, derived_entries
from aimlib.derive.described import described_models
from aimlib.derive.sources import Checkpoint
from aimlib.hardware.products import known_products
from aimlib.selection.entries import CatalogueEntry, read_entry
from aimlib.selection.recipe_check import check_recipe, model_of
from hooks.cli import files
from hooks.cli.errors import NOTHING_FITS_CODE
from hooks.cli.formats import as_list, json_text, yaml_document
from hooks.cli.printing import Table, print_note, print_table, print_text, printed_as_data
from hooks.cli.summary import RECIPE_HEAD, RECIPE_OMISSIBLE, recipe_data, recipe_row
from hooks.planning import simulate

CHECKED_HEAD = (*RECIPE_HEAD, "CHECKPOINT")
"""Columns of what was checked; its messages follow the table."""


class DeriveRequest(NamedTuple):
    """What recipes are derived for, and from which files."""

    model: str
    hardware: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Recipes and models of one's own, beside what ships or `recipes`."""
    recipes: tuple[str, ...] = ()


def print_derived(request: DeriveRequest, settings: str | None, output: str) -> int:
    """Prints recipes for the GPUs, of these products, that a model has none for."""
    config, model = files.read_settings(settings), request.model
    table = known_products(config.hardware)
    own = files.read_plan_input(request.paths, None, ())
    texts = files.read_sources(request.recipes or (files.shipped_recipes(),))
    found = [one for one in files.recipe_catalogue(texts, own.recipes, [model]) if model_of(one) == model]
    entries = [read_entry(one["metadata"]["name"], one.get("spec"), table) for one in found]
    models = own.models if request.recipes else files.model_catalogue(own.models, [model])
    described = described_models(models, model, "").checkpoints
    documents = list(derived_recipes(entries, described, usual_classes(request.hardware, config), config))
    if output == "table":
        _print_table(recipe_data(simulate.simulate_recipe(one, config), None) for one in documents)
    elif output == "json":
        print_text(json_text(as_list(documents)))
    else:
        print_text("".join(map(yaml_document, documents)))
    if not documents:
        print_note(f"nothing can be derived for {model}: {_missing(model, len(entries), len(described))}")
    return 0 if documents else NOTHING_FITS_CODE


def _missing(model: str, recipes: int, described: int) -> str:
    """Why nothing is derived for a model, by the numbers of its recipes and of the AIMModels that describe it."""
    if not recipes and not described:
        return f"neither a recipe nor an AIMModel has it; -f takes what aim model inspect {model} prints"
    sources = [f"{recipes} recipe{'s' * (recipes != 1)}"] * bool(recipes)
    sources += [f"{described} checkpoint{'s' * (described != 1)} of AIMModels"] * bool(described)
    return f"what {' and '.join(sources)} would give is there already or does not fit, or there are no facts"


def usual_classes(hardware: Iterable[str], config: Config) -> tuple[GpuClass, ...]:
    """The GPUs of one usual node of each product, of all known ones where none is named. CommandError if unknown."""
    names = tuple(hardware)
    nodes = files.hardware_nodes(names, config) if names else simulate.ideal_nodes(config)
    return InventoryStatus.model_validate(simulate.simulate_inventory(nodes, config)["status"]).classes


def derived_recipes(
    entries: list[CatalogueEntry], described: Iterable[Checkpoint], classes: Iterable[GpuClass], config: Config
) -> Iterable[Raw]:
    """What is derived as AIMRecipes, with the configurations that fit."""
    for entry in derived_entries(entries, tuple(described), classes, config):
        if entry.spec is None or not (usable := check_recipe(entry.name, entry.spec, config).usable):
            continue
        spec = entry.spec.model_copy(
            update={
                "description": f"Derived from {entry.derived_from}, and validated by nobody",
                "configurations": tuple(one for one in entry.spec.configurations if one.gpu_count in usable),
            }
        )
        name = entry.name.removeprefix(f"{DERIVED}-")
        stated = spec.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True, mode="json")
        yield {"apiVersion": API_VERSION, "kind": "AIMRecipe", "metadata": {"name": name}, "spec": stated}


def _print_table(rows: Iterable[Raw]) -> None:
    """A row for each recipe; nothing for none."""
    if found := [recipe_row(one, CHECKED_HEAD) for one in rows]:
        print_table(Table(CHECKED_HEAD, found, RECIPE_OMISSIBLE))


def print_checked(paths: tuple[str, ...], settings: str | None, output: str) -> int:
    """Prints what the operator would report of recipes in files; not 0 unless all of each can be used."""
    config, found = files.read_settings(settings), files.recipe_catalogue(files.read_sources(paths))
    rows = [recipe_data(simulate.simulate_recipe(one, config), None) for one in found]
    if not printed_as_data(output, lambda: as_list(rows)):
        _print_table(rows)
        for row in rows:
            if row["message"]:
                print_note(f"{row['name']}: {row['message']}")
    return 0 if all(row["phase"] == "Ready" for row in rows) else NOTHING_FITS_CODE
