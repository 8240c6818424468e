"""What an endpoint requests, step by step: by its spec, then by each of its fallbacks."""

from aimlib.api.base import Model
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_choice import Fallback
from aimlib.api.precision import AUTO
from aimlib.memo import once_per_value
from aimlib.naming import full_digest
from aimlib.printable import printable
from aimlib.selection.candidates import Requirements
from aimlib.selection.rules import NONE

EARLIER_LENGTH = 8
"""Hexadecimal digits of `decidedFor` in the statuses of earlier releases."""


@once_per_value
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


@once_per_value
def selection_steps(spec: EndpointSpec) -> tuple[tuple[Requirements, str], ...]:
    """The requirements of the spec and of each fallback, with the text of the fallback."""
    choice = spec.recipe
    backend = choice.backend or (None if choice.auto_select or choice.custom_recipe else "vllm")
    engine = spec.engine.model_copy(update={"compile_cache": None})  # of no matter to what is selected
    first = Requirements(
        model_id=spec.requested_model.id or "",
        recipe=choice.custom_recipe.name if choice.custom_recipe else None,
        backend=_free(backend),
        precision=_free(choice.precision),
        hardware=_requested(choice.hardware),
        gpu_count=choice.gpu_count,
        revision=spec.requested_model.pinned,
        own_image=bool(spec.image.repository),
        engine=engine if engine != NONE else None,
        tolerations=spec.tolerations or None,
        gpu_budget=choice.gpu_budget,
        workload=choice.workload,
        objectives=choice.objectives,
        validated_only=choice.validated_only,
        draft=choice.draft,
        adapters=spec.adapters or None,
        allocation=spec.accelerators.allocation if spec.accelerators.allocation != "Auto" else None,
        gpu_share=spec.accelerators.gpu_share,
        time_sliced=spec.accelerators.allow_time_sliced,
    )
    return ((first, ""), *((_relaxed(first, step), _fallback_text(step)) for step in choice.fallback))


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
