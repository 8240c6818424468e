"""Explains a selection: the candidates, each with facts of its recipe and its verdict."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aimlib.api.endpoint_status import Candidate, EndpointStatus, Selection
from aimlib.api.inspection import Inspection
from aimlib.api.meta import Raw
from aimlib.api.source import parse_source
from aimlib.caching.weight_files import repositories_text
from aimlib.selection.rules import rejection_text
from hooks.planning.numbers import numbers_of

CANDIDATE_HEAD = ("RANK", "RECIPE", "GPUS", "HARDWARE", "PRECISION", "ENGINE", "VERDICT")
CANDIDATE_OMISSIBLE = ("ENGINE", "PRECISION", "HARDWARE")
"""Columns that a narrow terminal does without, since the names of recipes have it; `-o wide` has all."""
IN_COLUMNS = frozenset({"gpus", "weights", "engine"})
"""Terms of a score that the columns say; the checkpoint is in a wide table."""
WIDE_CANDIDATE_HEAD = (*CANDIDATE_HEAD[:-1], "CHECKPOINT", "VERDICT")


NEVER_READ = frozenset({"HubInvalid", "Offline"})
"""Reasons for which no Job reads the files in the cluster either."""
INSPECTED_THERE = (
    "; in the cluster a Job reads its files, and candidates are derived from what it finds; here, "
    "`aim model inspect {model}` writes what `aim explain -f` takes besides"
)
"""What is not simulated here: it takes a network."""


class Explanation(NamedTuple):
    """An endpoint's selection, and the recipes of its candidates."""

    endpoint: Raw
    status: EndpointStatus
    recipes: Mapping[str, Raw]

    @property
    def title(self) -> str:
        metadata = self.endpoint["metadata"]
        return f"AIMEndpoint {metadata.get('namespace', 'default')}/{metadata['name']}"

    @property
    def stored(self) -> bool:
        """Whether it was stored by the cluster, not computed here."""
        return bool(self.endpoint.get("status"))

    @property
    def fits(self) -> bool:
        """Whether a configuration is selected."""
        return self.status.resolved is not None

    @property
    def selection(self) -> Selection | None:
        return self.status.selection

    @property
    def any_considered(self) -> bool:
        """Whether there was any candidate."""
        return self.selection is None or self.selection.considered > 0

    @property
    def message(self) -> str:
        """The selection's message."""
        if self.selection is None:
            return self.status.message or "no decision has been made yet"
        if self.any_considered:
            return self.selection.message
        inspection = self.status.inspection
        if inspection and inspection.message and (self.stored or inspection.reason in NEVER_READ):
            return f"{self.selection.message}; {inspection.message}"
        found = INSPECTED_THERE.format(model=_place(inspection)) if inspection else ""
        return f"{self.selection.message}{found}"

    def rows(self, *, wide: bool = False) -> list[tuple[str | int | None, ...]]:
        """A row per candidate, those that fit first."""
        return [self._row(candidate, wide=wide) for candidate in self.selection.candidates] if self.selection else []

    def _row(self, candidate: Candidate, *, wide: bool) -> tuple[str | int | None, ...]:
        facts = self._facts(candidate)
        columns = ("hardware", "precision", "backend", *(("checkpoint",) if wide else ()))
        return (
            candidate.rank,
            candidate.recipe,
            candidate.gpu_count,
            *(facts.get(name) for name in columns),
            verdict_text(candidate),
        )

    def _facts(self, candidate: Candidate) -> dict[str, Any]:
        """Facts of the present recipe, or of what was derived instead of one."""
        if candidate.derived:
            return candidate.derived.wire()
        spec = (self.recipes.get(candidate.recipe) or {}).get("spec")
        found = spec if isinstance(spec, dict) else {}
        facts = {name: found.get(name) for name in ("hardware", "precision", "backend")}
        return facts | {"checkpoint": repositories_text(found)}

    def data(self) -> Raw:
        """The explanation as an object, for programs."""
        metadata = {name: self.endpoint["metadata"].get(name) for name in ("name", "namespace")}
        data = {
            "apiVersion": self.endpoint["apiVersion"],
            "kind": self.endpoint["kind"],
            "metadata": metadata,
            "model": self.status.model,
            "fits": self.fits,
            "message": self.message,
            "warnings": list(self.status.warnings),
        }
        if self.selection is None:
            return data
        selection = self.selection.wire()
        candidates = [
            {**candidate.wire(), **numbers_of(candidate), **self._facts(candidate)}
            for candidate in self.selection.candidates
        ]
        return {**data, **selection, "message": self.message, "candidates": candidates}


def explanation_of(endpoint: Raw, status: Raw, recipes: Iterable[Raw]) -> Explanation:
    """The explanation in a status, stored or new."""
    by_name = {candidate["metadata"]["name"]: candidate for candidate in recipes}
    return Explanation(endpoint, EndpointStatus.model_validate(status), by_name)


def verdict_text(candidate: Candidate) -> str:
    """The terms of the score, or the rule that rejected the candidate, with both values; derived ones are named so."""
    origin = f"derived from {candidate.derived.origin}: " if candidate.derived else ""
    if candidate.rule:
        rejection = rejection_text(candidate.rule, candidate.asked or "", candidate.found or "")
        return f"{origin}{candidate.rule}: {rejection}"
    return origin + ", ".join(f"{term.name} {term.value}" for term in candidate.score if term.name not in IN_COLUMNS)


def _place(inspection: Inspection) -> str:
    """What a person inspects to find the same."""
    source, model = inspection.source, inspection.repository
    where = "FOLDER" if source and parse_source(source).kind == "pvc" else source
    return f"{where} --as {model}" if where else model
