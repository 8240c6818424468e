"""How large a cache's volume has to be: what its models need, and a tenth."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from aimlib.api.cache import CachedModelSpec
from aimlib.api.meta import Raw
from aimlib.kube.quantity import GIB, from_gib, parse_quantity

HEADROOM = Fraction(11, 10)
"""Room beyond the files: what AMD's aim-engine adds (caching.go, 10 %)."""


class RequiredSpace(NamedTuple):
    """The bytes of a number of models, and those of which no size is known."""

    bytes: int
    unknown: tuple[str, ...]

    @property
    def size(self) -> str:
        """The size of a claim that holds them with headroom, in whole Gi."""
        return from_gib(self.bytes * HEADROOM / GIB)


def recipe_sizes(recipes: Iterable[Raw]) -> Mapping[str, int]:
    """Bytes of a repository by its id, as the recipes that load it say; the largest where they differ."""
    known: dict[str, int] = {}
    for recipe in recipes:
        spec = recipe.get("spec") or {}
        model = spec.get("checkpoint") or spec.get("modelId")
        weights = (spec.get("facts") or {}).get("weightsGiB")
        if isinstance(model, str) and isinstance(weights, int | float) and weights > 0:
            known[model] = max(known.get(model, 0), int(weights * GIB))
    return known


def model_sizes(models: Iterable[CachedModelSpec], known: Mapping[str, int]) -> Mapping[str, int | None]:
    """Bytes of each model: by the recipes' facts, else its maxSize, else unknown."""
    return {
        one.id: known.get(one.id) or (int(parse_quantity(one.max_size)) if one.max_size else None) for one in models
    }


def required_space(amounts: Mapping[str, int | None]) -> RequiredSpace:
    """The sum of what is known."""
    unknown = tuple(sorted(one for one, amount in amounts.items() if amount is None))
    return RequiredSpace(sum(amount for amount in amounts.values() if amount), unknown)
