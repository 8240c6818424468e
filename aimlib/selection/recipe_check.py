"""Checks a recipe by itself, independent of endpoints and of the cluster."""

from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.api.node import GpuClass
from aimlib.api.recipe import RecipeSpec
from aimlib.caching.weight_files import draft_of
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.engines.architectures import not_loaded
from aimlib.engines.catalogue import engine
from aimlib.hardware.products import known_products
from aimlib.naming import CHECKPOINT_LABEL, DRAFT_LABEL, MODEL_LABEL, model_label
from aimlib.selection.candidates import Case, Requirements, format_gpus
from aimlib.selection.launch import launch
from aimlib.selection.rules import RECIPE_RULE_NAMES, apply_rules, rejection_text


class RecipeCheck(NamedTuple):
    """The result for one recipe."""

    usable: tuple[int, ...]
    """GPU counts of the enabled configurations that pass."""
    problems: tuple[str, ...]
    """Why the others do not pass."""
    notes: tuple[str, ...]
    """Notes about what was dropped or could not be checked."""


def _ideal(hardware: str, config: Config) -> tuple[GpuClass, ...]:
    """The recipe's hardware by its published facts, on a node with more devices than any request.

    Of a product that no table has, nothing is known here: its memory and precisions are checked where a node has it.
    """
    found = known_products(config.hardware).product(hardware)
    return (
        GpuClass(
            product=found.name if found else hardware,
            vendor=found.vendor if found else "nvidia",
            memory_gib=(found.memory_gib if found else None) or float("inf"),
            resource="any",
            devices_per_node=2**16,
            nodes=1,
            total=2**16,
        ),
    )


def check_recipe(name: str, recipe: RecipeSpec, config: Config = DEFAULT_CONFIG) -> RecipeCheck:
    """Applies the rules about the recipe itself to every enabled configuration."""
    usable, problems, notes = [], [], []
    for configuration in recipe.configurations:
        started = launch(recipe, configuration)
        case = Case(
            Requirements(recipe.model_id), config, name, recipe, configuration, started, _ideal(recipe.hardware, config)
        )
        _, rule, rejection = apply_rules(case, RECIPE_RULE_NAMES)
        where = format_gpus(configuration.gpu_count)
        notes += [f"{where}: {note}" for note in started.notes]
        if not configuration.enabled:
            continue
        if rejection:
            problems.append(f"{where}: {rule}: {rejection_text(rule, rejection.requested, rejection.available)}")
        else:
            usable.append(configuration.gpu_count)
    if not recipe.configurations:
        problems.append("there are no configurations")
    elif not any(configuration.enabled for configuration in recipe.configurations):
        problems.append("no configuration is enabled")
    table = known_products(config.hardware)
    if table.product(recipe.hardware) is None:
        near = table.nearest(recipe.hardware)
        notes.append(
            f"hardware {recipe.hardware!r} is in no table{f' (did you mean {near}?)' if near else ''}: memory and "
            "precision are checked by the labels of nodes that have it, or by the setting hardware"
        )
    notes += _unknown_architecture(recipe)
    if recipe.facts is None:
        notes.append("memory is not checked: the recipe has no facts")
    return RecipeCheck(tuple(sorted(usable)), tuple(problems), tuple(notes))


def _unknown_architecture(recipe: RecipeSpec) -> list[str]:
    """That the engine's version has no such architecture; of an image that the recipe names, nothing is known."""
    name = recipe.facts.architecture if recipe.facts and recipe.image is None else None
    found = not_loaded(recipe.backend, name) if name else ""
    backend = engine(recipe.backend)
    return [f"{backend.title} {backend.version} has no model architecture {found}"] if found else []


def model_of(raw: Raw) -> str | None:
    """The model of a recipe, which may be invalid otherwise."""
    return _named(raw, "modelId")


def is_on_several_nodes(raw: Raw) -> bool:
    """Whether a configuration of a recipe, which may be invalid otherwise, is on more than one node."""
    spec = raw.get("spec")
    found = spec.get("configurations") if isinstance(spec, dict) else None
    listed = found if isinstance(found, list) else []
    return any(isinstance(one, dict) and one.get("nodes", 1) != 1 for one in listed)


def loaded_by(raw: Raw) -> str | None:
    """The repository that a recipe or AIMModel loads, which may be invalid otherwise.

    What an AIMModel has on a server is stored by its id.
    """
    source = _named(raw, "source") or ""
    return _named(raw, "checkpoint") or ("" if "://" in source else source) or model_of(raw)


def _named(raw: Raw, field: str) -> str | None:
    spec = raw.get("spec")
    name = spec.get(field) if isinstance(spec, dict) else None
    return name if isinstance(name, str) else None


def catalogue_labels(raw: Raw) -> dict[str, str]:
    """The labels of a recipe or AIMModel, by which endpoints and caches select it."""
    draft, _ = draft_of(raw.get("spec") or {})
    drafts = {DRAFT_LABEL: model_label(draft)} if draft else {}
    loaded = {MODEL_LABEL: model_of(raw), CHECKPOINT_LABEL: loaded_by(raw)}
    return {label: model_label(name or "") for label, name in loaded.items()} | drafts
