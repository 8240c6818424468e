"""Selects the configuration that serves an endpoint, with an explanation.

The result does not depend on the order of recipes and GPU classes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.base import Model
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_choice import Fallback
from aimlib.api.endpoint_status import Candidate, FullHardware, Resolved, ScoreTerm, Selection
from aimlib.api.node import InventoryStatus
from aimlib.api.precision import AUTO
from aimlib.api.recipe import RecipeSpec
from aimlib.config import Config
from aimlib.naming import full_digest
from aimlib.printable import printable
from aimlib.schema.error_messages import validation_messages
from aimlib.selection.cache_capacity import capacity_of
from aimlib.selection.candidates import Case, Requirements
from aimlib.selection.launch import Launch, launch
from aimlib.selection.node_rules import hardware_distance
from aimlib.selection.ranking import Term, ranked
from aimlib.selection.resolution import resolve
from aimlib.selection.result_texts import (
    NO_CONFIGURATIONS,
    RejectedCase,
    candidate_row,
    full_text,
    refusal,
    rejected_row,
    selected_message,
    unlisted_notes,
)
from aimlib.selection.rules import LATER_RULES, NONE, RULE_ORDER, apply_rules
from aimlib.selection.speeds import Published, published, speed_model, workload_of


class CatalogueEntry(NamedTuple):
    """A recipe: its spec and parsed arguments, or why it cannot be read."""

    name: str
    spec: RecipeSpec | None
    launches: tuple[Launch, ...] = ()
    error: str = ""
    published: Published = Published()
    """Its published figures, beside what is predicted for each."""
    derived_from: str = ""
    """What it is derived from, where it is no recipe."""


def read_entry(name: str, raw: object) -> CatalogueEntry:
    """Parses a recipe's spec. A recipe that cannot be read is a rejected candidate and no error of the endpoint."""
    try:
        spec = RecipeSpec.model_validate(raw)
    except ValidationError as error:
        return CatalogueEntry(name, None, error="; ".join(validation_messages(error))[:1024])
    launches = tuple(launch(spec, configuration) for configuration in spec.configurations)
    return CatalogueEntry(name, spec, launches, published=published(name, spec, launches))


def entry_name(entry: CatalogueEntry) -> str:
    return entry.name


class Decision(NamedTuple):
    """The selected configuration, if any fits, and the explanation."""

    resolved: Resolved | None
    selection: Selection


EARLIER_LENGTH = 8
"""Hexadecimal digits of `decidedFor` in the statuses of earlier releases."""


def decided_for(spec: EndpointSpec) -> str:
    """Digest of what a spec requests, in any spelling; specs with equal digests have the same decision.

    Only what is stated counts, so that a release with more requirements does not decide again for running endpoints.
    """
    return full_digest([_stated(requirements) for requirements, _ in selection_steps(spec)], spec.recipe.goal)


def is_decided_for(written: str, key: str) -> bool:
    """Whether a digest in a status is that of `key`; earlier releases wrote its first eight digits."""
    return written == key or (len(written) == EARLIER_LENGTH and key.startswith(written))


def _stated(requirements: Requirements) -> dict[str, object]:
    stated = {name: value for name, value in requirements._asdict().items() if value is not None and value is not False}
    return {name: _plain(value) for name, value in stated.items()}


def _plain(value: object) -> object:
    """A requirement as JSON."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.wire() if isinstance(value, Model) else value


def selection_steps(spec: EndpointSpec) -> list[tuple[Requirements, str]]:
    """The requirements of the spec and of each fallback, with the text of the fallback."""
    choice = spec.recipe
    backend = choice.backend or (None if choice.auto_select or choice.custom_recipe else "vllm")
    first = Requirements(
        model_id=spec.requested_model.id or "",
        recipe=choice.custom_recipe.name if choice.custom_recipe else None,
        backend=_free(backend),
        precision=_free(choice.precision),
        hardware=_requested(choice.hardware),
        gpu_count=choice.gpu_count,
        revision=spec.requested_model.revision,
        own_image=bool(spec.image.repository),
        engine=spec.engine if spec.engine != NONE else None,
        tolerations=spec.tolerations or None,
        gpu_budget=choice.gpu_budget,
        workload=choice.workload,
        objectives=choice.objectives,
        validated_only=choice.validated_only,
    )
    return [(first, ""), *((_relaxed(first, step), _fallback_text(step)) for step in choice.fallback)]


def _free(value: str | None) -> str | None:
    return None if value == AUTO else value


def _requested(hardware: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The requested products in one order; none where any will do."""
    return tuple(sorted({*hardware})) if hardware else None


def _relaxed(first: Requirements, step: Fallback) -> Requirements:
    return first._replace(
        backend=_free(step.backend) if step.backend else first.backend,
        precision=_free(step.precision) if step.precision else first.precision,
        hardware=first.hardware if step.hardware is None else _requested(step.hardware),
        gpu_count=first.gpu_count if step.gpu_count is None else step.gpu_count,
    )


def _fallback_text(step: Fallback) -> str:
    return printable(", ".join(f"{key} {_step_value(value)}" for key, value in step.wire().items()), 1024)


def _step_value(value: object) -> str:
    return " or ".join(value) or "any" if isinstance(value, list) else str(value)


def _cases(  # noqa: PLR0913 - all that an endpoint relates
    spec: EndpointSpec,
    catalogue: Iterable[CatalogueEntry],
    inventory: InventoryStatus,
    config: Config,
    *,
    downloads: bool,
    full: tuple[FullHardware, ...],
) -> list[Case]:
    requirements, _ = selection_steps(spec)[0]
    entries = sorted(catalogue, key=entry_name)
    figures = (entry.published for entry in entries)
    speeds = speed_model(workload_of(spec.recipe), figures, own_arguments=requirements.engine is not None)
    cluster = (inventory.left_out, spec.resources, downloads, full, speeds)
    return [
        Case(
            *(requirements, config, entry.name, entry.spec, configuration, launched, inventory.classes, *cluster),
            entry.derived_from,
        )
        for entry in entries
        if entry.spec
        for configuration, launched in zip(
            entry.spec.configurations, _launches(entry.spec, entry, requirements), strict=True
        )
    ]


def _launches(recipe: RecipeSpec, entry: CatalogueEntry, requirements: Requirements) -> Sequence[Launch]:
    """How each configuration starts its engine, with what the endpoint states for it."""
    engine = requirements.engine
    return [launch(recipe, one, engine) for one in recipe.configurations] if engine else entry.launches


Derive = Callable[[], Sequence[CatalogueEntry]]
"""Derives entries for what no recipe has; called where no candidate of a recipe fits."""


def select(  # noqa: PLR0913 - all that a decision depends on
    spec: EndpointSpec,
    catalogue: Sequence[CatalogueEntry],
    inventory: InventoryStatus,
    config: Config,
    *,
    downloads: bool = False,
    full: tuple[FullHardware, ...] = (),
    derive: Derive = tuple,
) -> Decision:
    """Selects for `spec` among the catalogue's configurations on the inventory's hardware; possibly none.

    `downloads` tells that the model is downloaded to the node, which needs the room; `full` is hardware on which the
    scheduler found no room for the endpoint. Where no configuration of a recipe fits what is requested, those that
    `derive` returns are candidates, before any fallback.
    """
    steps = selection_steps(spec)
    cases = _cases(spec, catalogue, inventory, config, downloads=downloads, full=full)
    derived: list[Case] | None = None
    unreadable = [_unusable(one) for one in sorted(catalogue, key=entry_name) if not one.launches]
    key = decided_for(spec)
    refusals: list[str] = []
    first_rejected: list[RejectedCase] = []
    for step, (requirements, text) in enumerate(steps):
        fitting, rejected = _divided(case._replace(requirements=requirements) for case in cases)
        if not fitting:
            if derived is None:
                entries = _derived(requirements, derive)
                derived = _cases(spec, entries, inventory, config, downloads=downloads, full=full)
            fitting, more = _divided(case._replace(requirements=requirements) for case in derived)
            rejected = sorted([*rejected, *more], key=_distance) if fitting or _say_more(more, rejected) else rejected
        if fitting:
            order = ranked(fitting, spec.recipe.goal)
            best = order[0].case
            listed = [_fitting_row(row.case, rank, row.terms) for rank, row in enumerate(order, start=1)]
            listed += [rejected_row(one) for one in rejected]
            message = selected_message(best, len(fitting), len(listed) + len(unreadable))
            message += "".join(f"; {full_text(one)}" for one in full)
            if step:
                message = f"fallback {step} ({text}): {message}; {'; '.join(refusals)}"
            selection = _selection(key, message, listed + unreadable, step or None, config)
            notes = tuple(note[:1024] for note in (*unlisted_notes(best), *best.launch.notes))
            about = {"notes": notes, "full": full, **_cache_of(best)}
            return Decision(resolve(best, key, config), selection.model_copy(update=about))
        refusals.append(refusal(requirements, rejected, unreadable, text))
        first_rejected = first_rejected or rejected
    message = "; ".join(refusals)
    return Decision(
        None, _selection(key, message, [rejected_row(one) for one in first_rejected] + unreadable, None, config)
    )


def _cache_of(case: Case) -> dict[str, float]:
    """What the KV cache of a replica holds, for the status."""
    capacity = capacity_of(case)
    return {"cache_tokens": capacity.tokens, "cache_sequences": round(capacity.sequences, 1)} if capacity else {}


def _derived(requirements: Requirements, derive: Derive) -> Sequence[CatalogueEntry]:
    """What is derived for an endpoint: nothing where it names a recipe, or wants what somebody validated."""
    return () if requirements.recipe or requirements.validated_only else derive()


def _say_more(derived: list[RejectedCase], rejected: list[RejectedCase]) -> bool:
    """Whether the closest derived candidate passed more rules than the closest one of a recipe."""
    return bool(derived) and (not rejected or RULE_ORDER[derived[0].rule] > RULE_ORDER[rejected[0].rule])


def _unusable(entry: CatalogueEntry) -> Candidate:
    """The candidate in place of those that a recipe does not bring, so that it is not taken for missing."""
    found = NO_CONFIGURATIONS if entry.spec else entry.error
    return Candidate(recipe=entry.name, gpu_count=0, rule="valid", asked="a recipe that can be read", found=found)


def _divided(cases: Iterable[Case]) -> tuple[list[Case], list[RejectedCase]]:
    """The candidates that fit, and the rejected ones, closest first."""
    fitting, rejected = [], []
    for case in cases:
        checked, rule, rejection = apply_rules(case)
        if rejection:
            rejected.append(RejectedCase(checked, rule, rejection))
        else:
            fitting.append(checked)
    return fitting, sorted(rejected, key=_distance)


def _distance(one: RejectedCase) -> tuple[int, int, int, int, str, int]:
    """Sort key, closest first: the rule that rejected it, the next rule that would, the hardware, the GPU count."""
    case, requested = one.case, one.case.requirements.gpu_count
    _, next_rule, _ = apply_rules(case, LATER_RULES.get(one.rule, ()))
    count = case.configuration.gpu_count
    difference = 0 if requested is None else abs(count - requested)
    later = -RULE_ORDER.get(next_rule, len(RULE_ORDER))
    return -RULE_ORDER[one.rule], later, hardware_distance(case), difference, case.name, count


def _fitting_row(case: Case, rank: int, terms: tuple[Term, ...]) -> Candidate:
    score = tuple(ScoreTerm(name=term.name, value=term.text) for term in terms)
    return candidate_row(case).model_copy(update={"rank": rank, "score": score})


def _selection(key: str, message: str, candidates: list[Candidate], fallback: int | None, config: Config) -> Selection:
    return Selection(
        decided_for=key,
        message=message[:4096],
        considered=len(candidates),
        fallback=fallback,
        candidates=tuple(candidates[: config.listed_candidates]),
    )
