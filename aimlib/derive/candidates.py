"""Derives candidates: checkpoints x the GPU products of the cluster x engines, as far as no recipe has them.

They are computed when a decision is made, and are no objects. Arguments are those of the nearest recipe of the
checkpoint: all where the GPUs run the same binaries, else those that are about the model, and where kernels are
chosen alike those that choose them. The others are the table's. The rules of selection are not repeated here: they
choose degrees and context length, and reject what is left later.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, reduce
from typing import NamedTuple

from aimlib.api.node import GpuClass
from aimlib.api.recipe import ComputeResources, Configuration, RecipeSpec
from aimlib.config import Config
from aimlib.derive.recommended import NOTHING_RECOMMENDED, recommended
from aimlib.derive.rules import Settings, computes, default_settings, lengths, rules
from aimlib.derive.sources import (
    Checkpoint,
    checkpoints,
    drafting,
    filled_cells,
    filled_drafts,
    nearest,
    same_architecture,
    same_family,
)
from aimlib.engines.catalogue import Engine, ParsedArgs, engines, parse_args
from aimlib.hardware.products import CPU, Product, known_products
from aimlib.hardware.shapes import shapes_of
from aimlib.kube.quantity import GIB
from aimlib.selection.candidates import Case, Requirements
from aimlib.selection.entries import CatalogueEntry
from aimlib.selection.launch import OWN_DRAFTS, Launch, launch
from aimlib.selection.rules import apply_rules

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
    drafts: bool = False
    """Whether layers of the checkpoint draft tokens."""

    def passes(self, configuration: Configuration, started: Launch, rule: str) -> bool:
        """What one of selection's own rules says of a configuration on these devices."""
        asked = Requirements(self.spec.model_id)
        case = Case(asked, self.config, "", self.spec, configuration, started, self.classes, listed=self.target)
        return apply_rules(case, (rule,))[2] is None


def derived_entries(
    entries: Sequence[CatalogueEntry],
    described: Sequence[Checkpoint],
    classes: Iterable[GpuClass],
    config: Config,
    *,
    with_drafts: bool = False,
) -> tuple[CatalogueEntry, ...]:
    """The candidates of one model that its recipes `entries` lack on these GPUs, in the order of their names.

    `described` are the checkpoints that AIMModels describe. Those with a second model that drafts are derived for who
    requests one.
    """
    if config.derive == "Never":
        return ()
    groups = [*_by_product(classes, config)]
    sources = checkpoints(entries, described) if config.derive == "Always" else list(described)
    filled = filled_cells(entries)
    found = [
        _entry(_gap(checkpoint, target, backend, group, config)._replace(drafts=drafts))
        for checkpoint in sources
        for target, group in groups
        if (target.name.casefold(), checkpoint.precision) not in filled
        and computes(target, checkpoint.precision, checkpoint.facts)
        for backend in engines()
        if backend.image(target.vendor, target.architecture)
        for drafts in ((False, True) if checkpoint.facts.drafting and backend.flags.drafting else (False,))
    ]
    if with_drafts and config.derive == "Always":
        found += _with_drafts(entries, groups, config)
    first = {entry.name: entry for entry in reversed(found)}
    return tuple(first[name] for name in sorted(first))


def derivation_key(classes: Iterable[GpuClass]) -> tuple[str, ...]:
    """All that derivation looks at in these classes: not how many nodes there are, which changes much more often."""
    return tuple(one.model_dump_json(exclude={"nodes", "total"}) for one in classes)


def _with_drafts(
    entries: Sequence[CatalogueEntry], groups: Sequence[tuple[Product, tuple[GpuClass, ...]]], config: Config
) -> Iterator[CatalogueEntry]:
    """What recipes with a draft have, for GPUs that run the same binaries: a draft is for a checkpoint, not for a GPU.

    On others nobody has shown that the engine drafts with it: kernels that check several tokens at once differ.
    """
    filled = filled_drafts(entries)
    for entry, checkpoint in drafting(entries):
        draft = entry.spec.draft if entry.spec else None
        for target, group in groups:
            missing = draft and (target.name.casefold(), checkpoint.precision, draft.repository) not in filled
            if (
                missing
                and same_architecture(entry, target)
                and computes(target, checkpoint.precision, checkpoint.facts)
            ):
                backend = next(one for one in engines() if entry.spec and one.name == entry.spec.backend)
                gap = _gap(checkpoint, target, backend, group, config)
                yield _entry(gap._replace(spec=gap.spec.model_copy(update={"draft": draft}), near=entry))


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


def recipe_name(model_id: str, hardware: str, precision: str, backend: str, *, drafts: str = "") -> str:
    """The name of a recipe as the shipped ones have it: model, hardware, precision, engine unless vLLM, what drafts."""
    model = re.sub(r"[^a-z0-9]+", "-", model_id.rpartition("/")[2].lower())[:NAME_OF_MODEL].strip("-")
    parts = (model or "model", hardware.lower().replace(" ", "-"), precision)
    return "-".join((*parts, *((backend,) if backend != "vllm" else ()), *((drafts,) if drafts else ())))


NAME_OF_MODEL = 160
"""Most characters of a model's name in the name of a recipe, which has 253 at most."""


def _entry(gap: Gap) -> CatalogueEntry:
    """The candidates of a gap: one for each legal degree."""
    most = max(shape.devices for one in gap.classes for shape in shapes_of(one))
    degrees = (degree for degree in rules().degrees if degree <= most)
    made = [one for one in (_way(gap, degree) for degree in degrees) if one]
    spec = gap.spec.model_copy(update={"configurations": tuple(configuration for configuration, _ in made)})
    origin = f"recipe {gap.near.name}" if gap.near else gap.checkpoint.origin
    drafts = spec.draft.method if spec.draft else OWN_DRAFTS if gap.drafts else ""
    stem = recipe_name(spec.model_id, spec.hardware, spec.precision, spec.backend, drafts=drafts)
    name = f"{DERIVED}-{stem}"
    return CatalogueEntry(name, spec, tuple(started for _, started in made), derived_from=origin, hardware=gap.target)


def _way(gap: Gap, degree: int) -> tuple[Configuration, Launch] | None:
    """The configuration of a degree, with the longest context that fits, or the shortest where none does.

    None where the model cannot be divided so, whatever its context.
    """
    of_length, tried = _configurations(gap, degree), lengths(gap.checkpoint.facts)
    longest = of_length(tried[0])
    started = launch(gap.spec, longest)
    if not gap.passes(longest, started, "tensorParallel"):
        return None
    chosen = _longest(tried, lambda length: gap.passes(longest, replace(started, max_length=length), "memory"))
    if chosen != tried[0]:
        longest = of_length(chosen)
        started = launch(gap.spec, longest)
    bounded = _with_sequences(gap, longest, started)
    return (longest, started) if bounded == longest else (bounded, launch(gap.spec, bounded))


def _longest(lengths: Sequence[int], fits: Callable[[int], bool]) -> int:
    """The first of these lengths that fits, or the last where none does. A shorter one never needs more memory."""
    if fits(lengths[0]):
        return lengths[0]
    shortest_first = lengths[::-1]
    fitting = bisect_left(shortest_first, True, hi=len(lengths) - 1, key=lambda length: not fits(length))
    return shortest_first[max(fitting - 1, 0)]


def _with_sequences(gap: Gap, configuration: Configuration, started: Launch) -> Configuration:
    """The configuration, with as many sequences at once as the smallest device has states for.

    Each needs one, and vLLM refuses to start with fewer than the sequences that it may compute (1024 on most GPUs). It
    divides its KV cache into blocks of as many layers as the rarer kind has, each as large as a state.
    """
    facts, required = gap.checkpoint.facts, started.required
    flag, linear = rules().sequences.get(gap.engine.name), facts.linear_attention
    if flag is None or linear is None or required is None or not linear.state_kib:
        return configuration
    seen_gib = known_products(gap.config.hardware).seen_gib
    size = min(map(seen_gib, gap.classes))
    needed = required(size)
    left = started.usable(size) - needed.weights - needed.overhead
    layers = min(facts.layers, linear.layers)
    block = WIDER * linear.state_kib * layers / started.parallel.tensor * 1024 / GIB
    most = int(left / block * SURE)
    parsed = _parsed(gap.engine.name, configuration.args)
    if not 0 < most < (parsed.value(flag, int) or USUAL_SEQUENCES):
        return configuration
    args = (*parsed.without(flag).render(), f"{flag}={min(1 << (most.bit_length() - 1), LEAST_USUAL)}")
    return configuration.model_copy(update={"args": args})


USUAL_SEQUENCES = 1024
"""vLLM's default on devices of 70 GiB and more."""
LEAST_USUAL = 256
"""Its default on the others."""
WIDER = 2
"""States may be kept in 32 bit, and facts have them in 16."""
SURE = 0.75
"""The part of the computed number that is relied on."""


def _configurations(gap: Gap, degree: int) -> Callable[[int], Configuration]:
    """The configuration of a degree for a context length."""
    flags, name = gap.engine.flags, gap.engine.name
    model, theirs = _taken(gap, degree), _recommended(gap)
    usual = default_settings(name, gap.target, gap.checkpoint.facts)
    chosen = rules().alike[name] if gap.near and same_family(gap.near, gap.target) else ()
    kept = _parsed(name, usual.args).without(*chosen).render()
    stacked = (_parsed(name, args) for args in (kept, theirs.args, model.args))
    args = reduce(ParsedArgs.overridden_by, stacked).render()
    env = {one.name: one for one in (*usual.env, *theirs.env, *model.env)}
    own = (*((f"{flags.tensor_parallel}={degree}",) if degree > 1 else ()), *_drafting(gap))

    def of_length(length: int) -> Configuration:
        stated = (*own, f"{flags.max_model_len}={length}", *args)
        return model.model_copy(update={"args": stated, "env": tuple(env.values())})

    return of_length


def _drafting(gap: Gap) -> tuple[str, ...]:
    """The argument by which layers of the checkpoint draft as many tokens as were measured."""
    drafting = gap.checkpoint.facts.drafting
    if drafting is None or not gap.drafts:
        return ()
    stated = {"method": OWN_DRAFTS, "num_speculative_tokens": drafting.tokens}
    return (f"{gap.engine.flags.drafting}={json.dumps(stated)}",)


@lru_cache(maxsize=256)
def _parsed(engine: str, args: tuple[str, ...]) -> ParsedArgs:
    """The arguments of a recipe or of the table, which are the same for many gaps."""
    return parse_args(engine, args)


def _recommended(gap: Gap) -> Settings:
    """What the engine's makers recommend, where no recipe here tells how to run the model."""
    checkpoint = gap.checkpoint
    names = (checkpoint.repository, checkpoint.model_id)
    return NOTHING_RECOMMENDED if gap.near else recommended(gap.engine, names, gap.target)


def _taken(gap: Gap, degree: int) -> Configuration:
    """What the nearest recipe has for about as many GPUs and holds on these, too."""
    near = gap.near
    if near is None or near.spec is None:
        return Configuration(gpu_count=degree)
    source = min(near.spec.configurations, key=lambda one: (abs(one.gpu_count - degree), one.gpu_count))
    same, name = same_architecture(near, gap.target), gap.engine.name
    parsed = _parsed(name, source.args)
    own = rules().own[name]
    portable = (*rules().portable[name], *(rules().alike[name] if same_family(near, gap.target) else ()))
    others = [one.flag for one in parsed.arguments if one.flag in own or not (same or one.flag in portable)]
    return Configuration(
        gpu_count=degree,
        args=parsed.without(*others).render(),
        env=source.env if same else (),
        resources=source.resources if source.gpu_count == degree else ComputeResources(),
    )
