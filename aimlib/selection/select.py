"""Selects the configuration that serves an endpoint, with an explanation.

The result does not depend on the order of recipes and GPU classes. Only what is listed is put into words.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import Candidate, ScoreTerm, Selection
from aimlib.api.node import InventoryStatus
from aimlib.api.recipe import RecipeSpec
from aimlib.api.resolved import Resolved
from aimlib.config import Config
from aimlib.hardware.placement import node_selector
from aimlib.selection.allocation import allocation_text
from aimlib.selection.best_kind import on_best_kind, part_text
from aimlib.selection.cache_capacity import capacity_of
from aimlib.selection.candidates import NOTHING_KNOWN, Case, Requirements, Room
from aimlib.selection.entries import CatalogueEntry
from aimlib.selection.launch import NOTHING, Launch, launch
from aimlib.selection.node_rules import hardware_distance
from aimlib.selection.parallel import layout_text
from aimlib.selection.ranking import Row, preferred, ranked
from aimlib.selection.resolution import resolve
from aimlib.selection.result_texts import (
    NO_CONFIGURATIONS,
    RejectedCase,
    candidate_row,
    full_text,
    passed_over,
    refusal,
    rejected_row,
    selected_message,
    unlisted_notes,
)
from aimlib.selection.rules import LATER_RULES, RULE_ORDER, apply_rules, rules_about
from aimlib.selection.speeds import speed_model, workload_of
from aimlib.selection.steps import decided_for, selection_steps

Downloads = Callable[[str], bool]
"""Whether a repository is downloaded to the node."""


def nothing_downloaded(_: str) -> bool:
    """Of models that are on volumes."""
    return False


class Decision(NamedTuple):
    """The selected configuration, if any fits, and the explanation."""

    resolved: Resolved | None
    selection: Selection


def _cases(  # noqa: PLR0913 - all that an endpoint relates
    spec: EndpointSpec,
    requirements: Requirements,
    catalogue: Iterable[CatalogueEntry],
    *,
    inventory: InventoryStatus,
    config: Config,
    downloads: Downloads,
    room: Room,
    groups: bool,
) -> list[Case]:
    """The candidates of entries, in the order of their names."""
    entries = sorted(catalogue, key=lambda one: one.name)
    figures = (entry.published for entry in entries)
    speeds = speed_model(workload_of(spec.recipe), figures, own_arguments=requirements.engine is not None)
    return [
        Case(
            *(requirements, config, entry.name, entry.spec, configuration, launched, inventory.classes),
            *(inventory.left_out, spec.resources, downloads(entry.spec.loaded), room, speeds),
            *(entry.derived_from, node_selector(config.node_selector, spec.node_selector), entry.hardware),
            *(inventory.classes, groups),
        )
        for entry in entries
        if entry.spec
        for configuration, launched in zip(
            entry.spec.configurations, _launches(entry.spec, entry, requirements), strict=True
        )
    ]


def _launches(recipe: RecipeSpec, entry: CatalogueEntry, requirements: Requirements) -> Sequence[Launch]:
    """How each configuration starts its engine, with what the endpoint states for it."""
    engine, adapters = requirements.engine, requirements.adapters or ()
    if engine is None and not adapters:
        return entry.launches
    return [launch(recipe, one, engine or NOTHING, adapters) for one in recipe.configurations]


Derive = Callable[[], Sequence[CatalogueEntry]]
"""Derives entries for what no recipe has; called where no candidate of a recipe fits."""


def select(  # noqa: PLR0913 - all that a decision depends on
    spec: EndpointSpec,
    catalogue: Sequence[CatalogueEntry],
    inventory: InventoryStatus,
    config: Config,
    *,
    downloads: Downloads = nothing_downloaded,
    room: Room = NOTHING_KNOWN,
    derive: Derive = tuple,
    groups: bool = True,
) -> Decision:
    """Selects for `spec` among the catalogue's configurations on the inventory's hardware; possibly none.

    `downloads` tells of a repository that it is downloaded to the node, which needs the space; `room` is what is known
    of free devices. Where no configuration of a recipe fits what is requested, those that `derive` returns are
    candidates, before any fallback. `groups` is whether the cluster has what runs a replica on several nodes.
    """
    steps = selection_steps(spec)
    related = partial(_cases, inventory=inventory, config=config, downloads=downloads, room=room, groups=groups)
    build = partial(related, spec, steps[0][0])
    cases = build(catalogue)
    derived: list[Case] | None = None
    unreadable = [_unusable(one) for one in sorted(catalogue, key=lambda one: one.name) if not one.launches]
    explain = partial(_selection, key := decided_for(spec), unreadable=unreadable, most=config.listed_candidates)
    refusals: list[str] = []
    first_rejected: list[RejectedCase] = []
    for step, (requirements, text) in enumerate(steps):
        fitting, rejected = _divided(cases, requirements)
        if not fitting:
            derived = build(_derived(requirements, derive)) if derived is None else derived
            fitting, more = _divided(derived, requirements)
            rejected = rejected + more if fitting or _say_more(more, rejected) else rejected
        if fitting:
            order = ranked([on_best_kind(one, spec.recipe.goal) for one in fitting], spec.recipe.goal)
            best = order[0].case
            message = selected_message(best, len(fitting), len(fitting) + len(rejected) + len(unreadable))
            message += part_text(best) + allocation_text(best)
            message += "".join(f"; {full_text(one)}" for one in room.full) + passed_over(best, preferred(order).case)
            if step:
                message = f"fallback {step} ({text}): {message}; {'; '.join(refusals)}"
            closest = _closest_first(rejected, config.listed_candidates - len(fitting))
            selection = explain(message, order, closest, fallback=step or None)
            notes = tuple(note[:1024] for note in (*unlisted_notes(best), *best.launch.notes))
            layout = layout_text(best.launch.parallel, best.recipe.facts)
            about = {"notes": notes, "full": room.full, "free": room.free, "layout": layout, **_cache_of(best)}
            return Decision(resolve(best, key, config), selection.model_copy(update=about))
        rejected = _closest_first(rejected, config.listed_candidates)
        refusals.append(refusal(requirements, rejected, unreadable, text))
        first_rejected = first_rejected or rejected
    return Decision(None, explain("; ".join(refusals), (), first_rejected))


def _cache_of(case: Case) -> dict[str, float]:
    """What the KV cache of a replica holds, for the status."""
    capacity = capacity_of(case)
    return {"cache_tokens": capacity.tokens, "cache_sequences": round(capacity.sequences, 1)} if capacity else {}


def _derived(requirements: Requirements, derive: Derive) -> Sequence[CatalogueEntry]:
    """What is derived for an endpoint: nothing where it names a recipe, or wants what somebody validated."""
    return () if requirements.recipe or requirements.validated_only else derive()


def _say_more(derived: list[RejectedCase], rejected: list[RejectedCase]) -> bool:
    """Whether the closest derived candidate passed more rules than the closest one of a recipe."""
    passed, least = (max((RULE_ORDER[one.rule] for one in found), default=-1) for found in (derived, rejected))
    return passed > least


def _unusable(entry: CatalogueEntry) -> Candidate:
    """The candidate in place of those that a recipe does not bring, so that it is not taken for missing."""
    found = NO_CONFIGURATIONS if entry.spec else entry.error
    return Candidate(recipe=entry.name, gpu_count=0, rule="valid", asked="a recipe that can be read", found=found)


def _divided(cases: Iterable[Case], requirements: Requirements) -> tuple[list[Case], list[RejectedCase]]:
    """The candidates that fit what is required, and the rejected ones."""
    fitting, rejected, names = [], [], rules_about(requirements)
    for case in cases:
        asked = case if case.requirements is requirements else case._replace(requirements=requirements)
        checked, rule, rejection = apply_rules(asked, names)
        if rejection:
            rejected.append(RejectedCase(checked, rule, rejection))
        else:
            fitting.append(checked)
    return fitting, rejected


def _closest_first(rejected: Iterable[RejectedCase], most: int) -> list[RejectedCase]:
    """The rejected candidates, those first that passed the most rules; in order as far as the first `most`."""
    by_rule: dict[str, list[RejectedCase]] = {}
    for one in rejected:
        by_rule.setdefault(one.rule, []).append(one)
    found: list[RejectedCase] = []
    for rule in sorted(by_rule, key=RULE_ORDER.__getitem__, reverse=True):
        found += sorted(by_rule[rule], key=_distance) if len(found) < most else by_rule[rule]
    return found


def _distance(one: RejectedCase) -> tuple[int, int, float, str, int]:
    """Sort key of what one rule rejected, closest first: the next rule, the hardware, GPUs, GiB that each holds."""
    case, requested = one.case, one.case.requirements.gpu_count
    _, next_rule, _ = apply_rules(case, LATER_RULES.get(one.rule, ()))
    count, facts = case.configuration.gpu_count, case.recipe.facts
    difference: float = abs(count - requested) if requested is not None else 0
    if requested is None and facts and one.rule == "memory":
        difference = facts.weights_gib / max(count, 1)
    return -RULE_ORDER.get(next_rule, len(RULE_ORDER)), hardware_distance(case), difference, case.name, count


def _fitting_row(row: Row, rank: int) -> Candidate:
    score = tuple(ScoreTerm(name=name, value=text) for name, text in row.texts.items())
    return candidate_row(row.case).model_copy(update={"rank": rank, "score": score})


def _selection(  # noqa: PLR0913 - all that is explained
    key: str,
    message: str,
    fitting: Sequence[Row],
    rejected: Sequence[RejectedCase],
    *,
    unreadable: Sequence[Candidate],
    most: int,
    fallback: int | None = None,
) -> Selection:
    """The explanation, with the first `most` candidates: those that fit, then the closest that do not."""
    ranks = (_fitting_row(row, rank) for rank, row in enumerate(fitting, start=1))
    closest = map(rejected_row, rejected)
    return Selection(
        decided_for=key,
        message=message[:4096],
        considered=len(fitting) + len(rejected) + len(unreadable),
        fallback=fallback,
        candidates=tuple(islice(chain(ranks, closest, unreadable), most)),
    )
