"""The commands about recipes of one's own: derive some to review, and check any."""

from collections.abc import Iterable

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.api.node import GpuClass, InventoryStatus
from aimlib.config import Config
from aimlib.derive.candidates import derived_entries, recipe_name
from aimlib.derive.sources import Checkpoint
from aimlib.hardware.products import product, products
from aimlib.selection.recipe_check import check_recipe, model_of
from aimlib.selection.select import CatalogueEntry, read_entry
from hooks.cli import files, simulate
from hooks.cli.errors import NOTHING_FITS_CODE, CommandError
from hooks.cli.formats import yaml_document
from hooks.cli.printing import Table, print_note, print_table, print_text
from hooks.cli.summary import WIDE_RECIPE_HEAD, recipe_data, recipe_row


def print_derived(model: str, hardware: Iterable[str], recipes: tuple[str, ...]) -> int:
    """Prints recipes for the GPUs, of these products, that a model has none for."""
    texts = files.read_sources(recipes or (files.shipped_recipes(),))
    found = [one for one in files.recipe_catalogue(texts, names=[model]) if model_of(one) == model]
    entries = [read_entry(one["metadata"]["name"], one.get("spec")) for one in found]
    classes = _ideal_classes(hardware)
    documents = list(derived_recipes(entries, (), classes))
    for document in documents:
        print_text(yaml_document(document))
    if not documents:
        known = f"{len(entries)} recipe{'s' * (len(entries) != 1)} for model {model}"
        print_note(f"nothing can be derived from {known}: what is not there yet does not fit, or there are no facts")
    return 0 if documents else NOTHING_FITS_CODE


def _ideal_classes(hardware: Iterable[str]) -> list[GpuClass]:
    """The GPUs of one node of each of these products, or of every known one. CommandError for an unknown one."""
    names = set()
    for stated in hardware:
        known = product(stated)
        if known is None:
            raise CommandError(
                f"{stated!r} is no known GPU product; known are {', '.join(one.name for one in products())}"
            )
        names.add(known.name)
    inventory = simulate.simulate_inventory(simulate.ideal_nodes())
    classes = InventoryStatus.model_validate(inventory["status"]).classes
    return [one for one in classes if not names or one.product in names]


def derived_recipes(
    entries: list[CatalogueEntry], described: Iterable[Checkpoint], classes: Iterable[GpuClass]
) -> Iterable[Raw]:
    """What is derived as AIMRecipes, with the configurations that fit."""
    for entry in derived_entries(entries, tuple(described), classes, Config()):
        if entry.spec is None or not (usable := check_recipe(entry.name, entry.spec).usable):
            continue
        spec = entry.spec.model_copy(
            update={
                "description": f"Derived from {entry.derived_from}, and validated by nobody",
                "configurations": tuple(one for one in entry.spec.configurations if one.gpu_count in usable),
            }
        )
        name = recipe_name(spec.model_id, spec.hardware, spec.precision, spec.backend)
        stated = spec.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True, mode="json")
        yield {"apiVersion": API_VERSION, "kind": "AIMRecipe", "metadata": {"name": name}, "spec": stated}


def print_checked(paths: tuple[str, ...]) -> int:
    """Prints what the operator would report of recipes in files; not 0 unless all of each can be used."""
    rows = [
        recipe_data(simulate.simulate_recipe(one), None) for one in files.recipe_catalogue(files.read_sources(paths))
    ]
    print_table(Table(WIDE_RECIPE_HEAD, [recipe_row(one, WIDE_RECIPE_HEAD) for one in rows], ()), wide=True)
    for row in rows:
        if row["message"]:
            print_note(f"{row['name']}: {row['message']}")
    return 0 if all(row["phase"] == "Ready" for row in rows) else NOTHING_FITS_CODE
