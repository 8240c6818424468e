"""Computes the size of a cache's volume: the size of its models and 10 % more."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from aimlib.api.cache import CachedModelSpec
from aimlib.api.meta import Raw
from aimlib.api.model_facts import MAX_WEIGHTS_GIB
from aimlib.caching.weight_files import HUGGING_FACE, draft_of, loaded_model, recipe_forms
from aimlib.kube.quantity import GIB, from_gib, parse_quantity

HEADROOM = Fraction(11, 10)
"""Space in addition to the files, as in AMD's aim-engine (caching.go, 10 %)."""


class RequiredSpace(NamedTuple):
    """The total size of models in bytes, and the models of unknown size."""

    bytes: int
    unknown: tuple[str, ...]

    @property
    def size(self) -> str:
        """The size of a PersistentVolumeClaim for them with headroom, in whole Gi."""
        return _size_of(self.bytes)


@lru_cache(maxsize=1024)
def _size_of(files: int) -> str:
    """The size for so many bytes of files; a sync asks for the same one dozens of times."""
    return from_gib(files * HEADROOM / GIB)


def recipe_sizes(recipes: Iterable[Raw]) -> Mapping[str, int]:
    """Bytes of each repository by the facts of the recipes that load it; the largest where they differ.

    Weights that recipes load in two forms are there twice.
    """
    found: dict[str, dict[str, int]] = {}
    for recipe in recipes:
        spec = recipe.get("spec") or {}
        model = loaded_model(spec)
        weights = (spec.get("facts") or {}).get("weightsGiB")
        if model and isinstance(weights, int | float) and 0 < weights <= MAX_WEIGHTS_GIB:
            of_model = found.setdefault(model, {})
            for form in recipe_forms(spec):
                of_model[form] = max(of_model.get(form, 0), int(weights * GIB))
        drafting, draft = draft_of(spec)
        its_weights = (draft.get("facts") or {}).get("weightsGiB")
        if drafting and isinstance(its_weights, int | float) and 0 < its_weights <= MAX_WEIGHTS_GIB:
            of_draft = found.setdefault(drafting, {})
            of_draft[HUGGING_FACE] = max(of_draft.get(HUGGING_FACE, 0), int(its_weights * GIB))
    return {model: sum(amounts.values()) for model, amounts in found.items()}


def model_sizes(models: Iterable[CachedModelSpec], found: Mapping[str, int]) -> Mapping[str, int | None]:
    """Bytes of each model: by the recipes' facts, else its maxSize, else unknown."""
    return {
        model.id: found.get(model.id) or (int(parse_quantity(model.max_size)) if model.max_size else None)
        for model in models
    }


def required_space(amounts: Mapping[str, int | None]) -> RequiredSpace:
    """The sum of the known sizes, and the models of unknown size."""
    unknown = tuple(sorted(one for one, amount in amounts.items() if amount is None))
    return RequiredSpace(sum(amount for amount in amounts.values() if amount), unknown)
