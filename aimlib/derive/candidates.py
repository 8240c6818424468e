"""Derives candidates: checkpoints x the GPU products of the cluster x engines, as far as no recipe has them.

They are computed when a decision is made, and are no objects. Arguments are those of the nearest recipe of the
checkpoint: all where the GPUs run the same binaries, else those that are about the model. The others are the table's.
The rules of selection are not repeated here: they choose degrees and context length, and reject what is left later.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aimlib.api.node import GpuClass
from aimlib.api.recipe import ComputeResources, Configuration, RecipeSpec
from aimlib.config import Config
from aimlib.derive.rules import computes, default_settings, lengths, rules
from aimlib.derive.sources import Checkpoint, checkpoints, filled_cells, nearest, same_architecture
from aimlib.engines.catalogue import Engine, engines, parse_args
from aimlib.hardware.products import CPU, Product, known_products
from aimlib.hardware.shapes import shapes_of
from aimlib.selection.candidates import Case, Requirements
from aimlib.selection.launch import launch
from aimlib.selection.rules import apply_rules
from aimlib.selection.select import CatalogueEntry

DERIVED = "derived"
"""The first word of the names of derived candidates, by which `kubectl get aimendpoints -o wide` shows them."""


class Gap(NamedTuple):
    """What no recipe has: a checkpoint on a product with an engine."""

    checkpoint: Checkpoint
    target: Product
    engine: Engine
    classes: tuple[GpuClass, ...]
    """The devices of the product."""
    config: Config
    spec: RecipeSpec
    """A recipe for it, without configurations."""
    near: CatalogueEntry | None
    """The recipe whose arguments are taken."""

    def passes(self, configuration: Configuration, rule: str) -> bool:
        """What one of selection's own rules says of a configuration on these devices."""
        asked, started = Requirements(self.spec.model_id), launch(self.spec, configuration)
        case = Case(asked, self.config, "", self.spec, configuration, started, self.classes)
        return apply_rules(case, (rule,))[2] is None


def derived_entries(
    entries: Sequence[CatalogueEntry],
    described: Sequence[Checkpoint],
    classes: Iterable[GpuClass],
    config: Config,
) -> tuple[CatalogueEntry, ...]:
    """The candidates of one model that its recipes `entries` lack on these GPUs, in the order of their names.

    `described` are the checkpoints that AIMModels describe.
    """
    if config.derive == "Never":
        return ()
    sources = checkpoints(entries, described) if config.derive == "Always" else list(described)
    filled = filled_cells(entries)
    found = [
        _entry(_gap(checkpoint, target, backend, group, config))
        for checkpoint in sources
        for target, group in _by_product(classes, config)
        if (target.name, checkpoint.precision) not in filled
        and computes(target, checkpoint.precision, checkpoint.facts)
        for backend in engines()
        if backend.image(target.vendor, target.architecture)
    ]
    first = {entry.name: entry for entry in reversed(found)}
    return tuple(first[name] for name in sorted(first))


def _gap(
    checkpoint: Checkpoint, target: Product, backend: Engine, classes: tuple[GpuClass, ...], config: Config
) -> Gap:
    stated = {
        "modelId": checkpoint.model_id,
        "checkpoint": checkpoint.repository if checkpoint.repository != checkpoint.model_id else None,
        "hardware": target.name,
        "precision": checkpoint.precision,
        "backend": backend.name,
        "facts": checkpoint.facts.wire(),
    }
    spec = RecipeSpec.model_validate({key: value for key, value in stated.items() if value is not None})
    return Gap(checkpoint, target, backend, classes, config, spec, nearest(checkpoint, backend.name, target))


def _by_product(classes: Iterable[GpuClass], config: Config) -> Iterator[tuple[Product, tuple[GpuClass, ...]]]:
    """The GPUs by product; processors are left out, since a model that nobody tried there is too slow to be useful."""
    found: dict[str, list[GpuClass]] = {}
    for one in classes:
        found.setdefault(one.product, []).append(one)
    for name, group in found.items():
        if (known := known_products(config.hardware).find(name, group)) and known.name != CPU:
            yield known, tuple(group)


def recipe_name(model_id: str, hardware: str, precision: str, backend: str) -> str:
    """The name of a recipe as the shipped ones have it: model, hardware and precision, and the engine unless vLLM."""
    model = re.sub(r"[^a-z0-9]+", "-", model_id.rpartition("/")[2].lower())[:NAME_OF_MODEL].strip("-")
    parts = (model or "model", hardware.lower().replace(" ", "-"), precision)
    return "-".join((*parts, *((backend,) if backend != "vllm" else ())))


NAME_OF_MODEL = 160
"""Most characters of a model's name in the name of a recipe, which has 253 at most."""


def _entry(gap: Gap) -> CatalogueEntry:
    """The candidates of a gap: one for each legal degree."""
    most = max(shape.devices for one in gap.classes for shape in shapes_of(one))
    degrees = [degree for degree in rules().degrees if degree <= most]
    made = tuple(
        one for degree in degrees for one in [_configuration(gap, degree)] if gap.passes(one, "tensorParallel")
    )
    spec = gap.spec.model_copy(update={"configurations": made})
    origin = f"recipe {gap.near.name}" if gap.near else gap.checkpoint.origin
    name = f"{DERIVED}-{recipe_name(spec.model_id, spec.hardware, spec.precision, spec.backend)}"
    return CatalogueEntry(name, spec, tuple(launch(spec, one) for one in made), derived_from=origin)


def _configuration(gap: Gap, degree: int) -> Configuration:
    """The configuration of a degree, with the longest context that fits, or the shortest where none does."""
    found = list(_by_length(gap, degree))
    return next((one for one in found if gap.passes(one, "memory")), found[-1])


def _by_length(gap: Gap, degree: int) -> Iterator[Configuration]:
    flags, name = gap.engine.flags, gap.engine.name
    model, usual = _taken(gap, degree), default_settings(name, gap.target)
    args = parse_args(name, usual.args).overridden_by(parse_args(name, model.args)).render()
    env = {one.name: one for one in (*usual.env, *model.env)}
    own = (f"{flags.tensor_parallel}={degree}",) if degree > 1 else ()
    for length in lengths(gap.checkpoint.facts):
        stated = (*own, f"{flags.max_model_len}={length}", *args)
        yield model.model_copy(update={"args": stated, "env": tuple(env.values())})


def _taken(gap: Gap, degree: int) -> Configuration:
    """What the nearest recipe has for about as many GPUs and holds on these, too."""
    near = gap.near
    if near is None or near.spec is None:
        return Configuration(gpu_count=degree)
    source = min(near.spec.configurations, key=lambda one: (abs(one.gpu_count - degree), one.gpu_count))
    same, name = same_architecture(near, gap.target), gap.engine.name
    parsed = parse_args(name, source.args)
    own, portable = rules().own[name], rules().portable[name]
    others = [one.flag for one in parsed.arguments if one.flag in own or not (same or one.flag in portable)]
    return Configuration(
        gpu_count=degree,
        args=parsed.without(*others).render(),
        env=source.env if same else (),
        resources=source.resources if source.gpu_count == degree else ComputeResources(),
    )
