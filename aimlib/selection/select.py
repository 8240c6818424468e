"""Selection: which configuration of which recipe serves an endpoint, and the whole explanation of why.

The same input gives the same answer, in any order of recipes and GPU classes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_choice import Fallback
from aimlib.api.endpoint_status import Candidate, Resolved, ScoreTerm, Selection
from aimlib.api.node import InventoryStatus
from aimlib.api.precision import AUTO
from aimlib.api.recipe import RecipeSpec
from aimlib.caching.capacity import HEADROOM
from aimlib.config import Config
from aimlib.hardware.products import product
from aimlib.kube.quantity import canonical_quantity, from_gib
from aimlib.naming import short_digest
from aimlib.schema.error_messages import validation_messages
from aimlib.selection.launch import Launch, launch
from aimlib.selection.ranking import Term, ranked
from aimlib.selection.rules import (
    LATER_RULES,
    RULE_ORDER,
    Case,
    Rejection,
    Requirements,
    apply_rules,
    engine_image,
    format_gpus,
)


class CatalogueEntry(NamedTuple):
    """One recipe of the catalogue, read once: its spec and what its arguments say, or why it cannot be read."""

    name: str
    spec: RecipeSpec | None
    launches: tuple[Launch, ...] = ()
    error: str = ""


def read_entry(name: str, raw: object) -> CatalogueEntry:
    """A recipe's raw spec as an entry. One that cannot be read is a rejected candidate, never a failed endpoint."""
    try:
        spec = RecipeSpec.model_validate(raw)
    except ValidationError as error:
        return CatalogueEntry(name, None, error="; ".join(validation_messages(error))[:1024])
    return CatalogueEntry(name, spec, tuple(launch(spec, configuration) for configuration in spec.configurations))


def entry_name(one: CatalogueEntry) -> str:
    return one.name


class Decision(NamedTuple):
    """The outcome: the winner, if any, and the explanation."""

    resolved: Resolved | None
    selection: Selection


class RejectedCase(NamedTuple):
    case: Case
    rule: str
    objection: Rejection


def decided_for(spec: EndpointSpec) -> str:
    """Digest of what a spec asks for, however it is said; equal ones need no new decision.

    Only what is stated counts, by name: a release that knows more requirements decides nothing anew for what runs.
    """
    return short_digest([_stated(ask) for ask, _ in _asks(spec)], spec.recipe.goal)


def _stated(ask: Requirements) -> dict[str, object]:
    return {name: value for name, value in ask._asdict().items() if value is not None and value is not False}


def _asks(spec: EndpointSpec) -> list[tuple[Requirements, str]]:
    """What is asked first, and then each fallback, with words for it."""
    choice = spec.recipe
    backend = choice.backend or (None if choice.auto_select or choice.custom_recipe else "vllm")
    first = Requirements(
        model_id=spec.wanted.id or "",
        recipe=choice.custom_recipe.name if choice.custom_recipe else None,
        backend=_free(backend),
        precision=_free(choice.precision),
        gpu_count=choice.gpu_count,
        revision=spec.wanted.revision,
        own_image=bool(spec.image.repository),
    )
    return [(first, ""), *((_stepped(first, step), _step_words(step)) for step in choice.fallback)]


def _free(value: str | None) -> str | None:
    return None if value == AUTO else value


def _stepped(ask: Requirements, step: Fallback) -> Requirements:
    return ask._replace(
        backend=_free(step.backend) if step.backend else ask.backend,
        precision=_free(step.precision) if step.precision else ask.precision,
        gpu_count=ask.gpu_count if step.gpu_count is None else step.gpu_count,
    )


def _step_words(step: Fallback) -> str:
    return ", ".join(f"{key} {value}" for key, value in step.wire().items())


def _cases(
    catalogue: Iterable[CatalogueEntry], inventory: InventoryStatus, config: Config, ask: Requirements
) -> list[Case]:
    return [
        Case(ask, config, one.name, one.spec, configuration, started, inventory.classes)
        for one in sorted(catalogue, key=entry_name)
        if one.spec
        for configuration, started in zip(one.spec.configurations, one.launches, strict=True)
    ]


def select(
    spec: EndpointSpec, catalogue: Sequence[CatalogueEntry], inventory: InventoryStatus, config: Config
) -> Decision:
    """Choose for `spec` among the catalogue's configurations on the inventory's hardware; none fitting is an answer."""
    asks = _asks(spec)
    cases = _cases(catalogue, inventory, config, asks[0][0])
    unreadable = [
        Candidate(recipe=one.name, gpu_count=0, rule="valid", asked="a recipe that can be read", found=one.error)
        for one in sorted(catalogue, key=entry_name)
        if not one.spec
    ]
    key = decided_for(spec)
    refusals: list[str] = []
    first_rejected: list[RejectedCase] = []
    for step, (ask, words) in enumerate(asks):
        fitting, rejected = _sorted_out(case._replace(ask=ask) for case in cases)
        if fitting:
            order = ranked(fitting, spec.recipe.goal)
            chosen = order[0][0]
            listed = [_fitting_row(case, rank, terms) for rank, (case, terms) in enumerate(order, start=1)]
            listed += [_rejected_row(one) for one in rejected]
            message = _chosen_words(chosen, len(fitting), len(cases) + len(unreadable))
            if step:
                message = f"fallback {step} ({words}): {message}; {'; '.join(refusals)}"
            selection = _selection(key, message, listed + unreadable, step or None, config)
            return Decision(_resolved(chosen, key, config), selection)
        refusals.append(_refusal(ask, rejected, unreadable, words))
        first_rejected = first_rejected or rejected
    message = "; ".join(refusals)
    return Decision(
        None, _selection(key, message, [_rejected_row(one) for one in first_rejected] + unreadable, None, config)
    )


def _sorted_out(cases: Iterable[Case]) -> tuple[list[Case], list[RejectedCase]]:
    """Those that fit, and those that do not: the closest first."""
    fitting, rejected = [], []
    for case in cases:
        walked, rule, objection = apply_rules(case)
        if objection:
            rejected.append(RejectedCase(walked, rule, objection))
        else:
            fitting.append(walked)
    return fitting, sorted(rejected, key=_distance)


def _distance(one: RejectedCase) -> tuple[int, int, int, str, int]:
    """How far from fitting: first who came farther, then who would come farther but for what it broke."""
    case, asked = one.case, one.case.ask.gpu_count
    _, next_rule, _ = apply_rules(case, LATER_RULES.get(one.rule, ()))
    has = case.configuration.gpu_count
    beside = 0 if asked is None else abs(has - asked)
    return -RULE_ORDER[one.rule], -RULE_ORDER.get(next_rule, len(RULE_ORDER)), beside, case.name, has


def _fitting_row(case: Case, rank: int, terms: tuple[Term, ...]) -> Candidate:
    score = tuple(ScoreTerm(name=term.name, value=term.words) for term in terms)
    return Candidate(recipe=case.name, gpu_count=case.configuration.gpu_count, rank=rank, score=score)


def _rejected_row(one: RejectedCase) -> Candidate:
    return Candidate(
        recipe=one.case.name,
        gpu_count=one.case.configuration.gpu_count,
        rule=one.rule,
        asked=one.objection.asked[:1024],
        found=one.objection.found[:1024],
    )


def _chosen_words(chosen: Case, fitting: int, considered: int) -> str:
    best = "the only one that fits" if fitting == 1 else f"the best of {fitting} that fit"
    rank = "the only configuration" if considered == 1 else f"{best} of {considered} configurations"
    return f"{chosen.name} with {format_gpus(chosen.configuration.gpu_count)}: {rank}"


def _refusal(ask: Requirements, rejected: list[RejectedCase], unreadable: list[Candidate], words: str) -> str:
    """Why nothing fits what was asked: the counts by rule, and the candidate that came farthest."""
    lead = f"fallback ({words}): " if words else ""
    broken = [f"recipe {one.recipe} cannot be read: {one.found}" for one in unreadable]
    if not rejected:
        nothing = f"no recipe {f'named {ask.recipe}' if ask.recipe else f'for model {ask.model_id}'}"
        return lead + ("; ".join(broken) or nothing)
    counts = Counter(one.rule for one in rejected)
    by_rule = ", ".join(f"{rule}: {counts[rule]}" for rule in sorted(counts, key=lambda rule: -RULE_ORDER[rule]))
    closest = rejected[0]
    sentence = (
        f"none of {len(rejected)} configurations for {ask.model_id} fits (rejected by {by_rule}); closest is "
        if len(rejected) > 1
        else f"the only configuration for {ask.model_id} does not fit: "
    )
    numbers = f"asked {closest.objection.asked}, found {closest.objection.found}"
    where = f"{closest.case.name} with {format_gpus(closest.case.configuration.gpu_count)}"
    return "; ".join((f"{lead}{sentence}{where}: {numbers}", *broken))


def _selection(key: str, message: str, candidates: list[Candidate], fallback: int | None, config: Config) -> Selection:
    return Selection(
        decided_for=key,
        message=message[:4096],
        considered=len(candidates),
        fallback=fallback,
        candidates=tuple(candidates[: config.listed_candidates]),
    )


def _resolved(case: Case, key: str, config: Config) -> Resolved:
    """The choice, with the first of the classes that serve it: whole GPUs before partitions."""
    recipe, hardware = case.recipe, product(case.recipe.hardware)
    chosen = min(case.classes, key=lambda one: (one.partition or "", one.resource))
    same = [one for one in case.classes if (one.partition, one.resource) == (chosen.partition, chosen.resource)]
    known_ids = hardware.device_ids if hardware else ()
    asked = case.configuration.resources
    return Resolved(
        decided_for=key,
        recipe=case.name,
        model_id=recipe.model_id,
        checkpoint=recipe.loaded,
        backend=recipe.backend,
        precision=recipe.precision,
        gpu_count=case.configuration.gpu_count,
        image=engine_image(case) or "",
        product=chosen.product,
        vendor=chosen.vendor,
        resource=chosen.resource if case.configuration.gpu_count else None,
        partition=chosen.partition,
        device_ids=known_ids if chosen.vendor == "amd" else (),
        node_products=tuple(sorted({one.node_product for one in same if one.node_product})),
        tolerations=config.tolerated_taints.get(chosen.vendor, ()),
        args=case.launch.args,
        env=case.launch.env,
        resources=asked.model_copy(
            update={
                "requests": {name: canonical_quantity(amount) for name, amount in sorted(asked.requests.items())},
                "limits": {name: canonical_quantity(amount) for name, amount in sorted(asked.limits.items())},
            }
        ),
        cache_size=from_gib(recipe.facts.weights_gib * HEADROOM) if recipe.facts else None,
    )
