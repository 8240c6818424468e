"""Why an endpoint got the recipe that it got: its candidates, each with the facts of its recipe and its verdict."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from aimlib.api.endpoint_status import Candidate, EndpointStatus, Selection
from aimlib.api.meta import Raw
from aimlib.selection.recipe_check import model_of
from hooks.cli import simulate

HEAD = ("RANK", "RECIPE", "GPUS", "HARDWARE", "PRECISION", "ENGINE", "VERDICT")
WIDE_HEAD = (*HEAD[:-1], "CHECKPOINT", "VERDICT")


class Explanation(NamedTuple):
    """A selection, and the recipes that it speaks of."""

    endpoint: Raw
    status: EndpointStatus
    recipes: Mapping[str, Raw]

    @property
    def title(self) -> str:
        metadata = self.endpoint["metadata"]
        return f"AIMEndpoint {metadata.get('namespace', 'default')}/{metadata['name']}"

    @property
    def stored(self) -> bool:
        """Whether this is what a cluster has stored, and not an answer made here."""
        return bool(self.endpoint.get("status"))

    @property
    def fits(self) -> bool:
        """Whether anything was chosen, now or earlier."""
        return self.status.resolved is not None

    @property
    def selection(self) -> Selection | None:
        return self.status.selection

    @property
    def known(self) -> bool:
        """Whether there was any recipe to consider."""
        return self.selection is None or self.selection.considered > 0

    @property
    def message(self) -> str:
        """The outcome in a sentence, with other names where nothing has the name that was asked for."""
        if self.selection is None:
            return self.status.message or "nothing was decided yet"
        near = " or ".join([] if self.known else self.near())
        return f"{self.selection.message}; did you mean {near}?" if near else self.selection.message

    def near(self) -> list[str]:
        """Recipes or models in the catalogue whose names are nearly the one asked for, the nearest first."""
        [*_, rule] = simulate.rules(self.endpoint)
        if "names" in rule:
            return _near(rule["names"][0], self.recipes)
        return _near(self.status.model or "", filter(None, map(model_of, self.recipes.values())))

    def rows(self, *, wide: bool = False) -> list[tuple[str | int | None, ...]]:
        """A row per candidate, those that fit first."""
        return [self._row(one, wide=wide) for one in self.selection.candidates] if self.selection else []

    def _row(self, one: Candidate, *, wide: bool) -> tuple[str | int | None, ...]:
        facts = self._facts(one)
        shown = ("hardware", "precision", "backend", *(("checkpoint",) if wide else ()))
        return (one.rank, one.recipe, one.gpu_count, *(facts.get(name) for name in shown), verdict(one))

    def _facts(self, one: Candidate) -> dict[str, Any]:
        """What the recipe says of itself, as it stands now."""
        spec = (self.recipes.get(one.recipe) or {}).get("spec")
        found = spec if isinstance(spec, dict) else {}
        loaded = found.get("checkpoint") or found.get("modelId")
        return {name: found.get(name) for name in ("hardware", "precision", "backend")} | {"checkpoint": loaded}

    def data(self) -> Raw:
        """The explanation as an object, for programs."""
        metadata = {name: self.endpoint["metadata"].get(name) for name in ("name", "namespace")}
        about = {
            "apiVersion": self.endpoint["apiVersion"],
            "kind": self.endpoint["kind"],
            "metadata": metadata,
            "model": self.status.model,
            "fits": self.fits,
            "message": self.message,
        }
        if self.selection is None:
            return about
        selection = self.selection.wire()
        candidates = [{**one.wire(), **self._facts(one)} for one in self.selection.candidates]
        return {**about, **selection, "message": self.message, "candidates": candidates}


def explained(endpoint: Raw, status: Raw, recipes: Iterable[Raw]) -> Explanation:
    """The explanation in a status, stored or fresh."""
    by_name = {one["metadata"]["name"]: one for one in recipes}
    return Explanation(endpoint, EndpointStatus.model_validate(status), by_name)


def verdict(one: Candidate) -> str:
    """The terms of the score, or the rule that objected with what it asked for and what it found."""
    if one.rule:
        return f"{one.rule}: asked {one.asked}, found {one.found}"
    return ", ".join(f"{term.name} {term.value}" for term in one.score if term.name != "gpus")


def _near(name: str, names: Iterable[str]) -> list[str]:
    folded = {other.casefold(): other for other in sorted(names)}
    return [folded[found] for found in get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
