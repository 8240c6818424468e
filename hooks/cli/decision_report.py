"""Reports decisions as Markdown, for the comment on a change in Git: what each endpoint gets, and what is different."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.kube.server_kinds import is_server, pods_template
from aimlib.printable import printable
from hooks.planning.explanation import Explanation, verdict_text
from hooks.planning.plan import EndpointResponse, PlannedObject

LONGEST = 600
"""Characters of one value: a comment is read by people, and bounded."""
CLOSEST = 3
"""Candidates that are named where nothing fits."""


class DecisionChange(NamedTuple):
    """What is decided for one endpoint, and what was before; None where there is or was no such endpoint."""

    title: str
    before: EndpointResponse | None
    after: EndpointResponse | None

    @property
    def facts(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """By name, before and after."""
        return _facts(self.before), _facts(self.after)

    @property
    def restarts(self) -> bool:
        """Whether pods that serve are replaced by others."""
        earlier, later = _templates(self.before), _templates(self.after)
        return any(later[name] != template for name, template in earlier.items() if name in later)

    @property
    def outcome(self) -> str:
        """What becomes of the endpoint, in words."""
        if self.after is None:
            return "is removed"
        if not self.after.explanation.fits:
            return "fits nothing"
        if self.before is None:
            return "is new"
        earlier, later = self.facts
        if self.restarts:
            return "restarts" if earlier == later else "changes and restarts"
        return "stays" if earlier == later else "changes"


def decisions(before: Iterable[EndpointResponse], after: Iterable[EndpointResponse]) -> list[DecisionChange]:
    """Those of two states, by endpoint."""
    earlier, later = ({one.explanation.title: one for one in some} for some in (before, after))
    return [DecisionChange(title, earlier.get(title), later.get(title)) for title in sorted({*earlier, *later})]


def markdown_report(found: Sequence[DecisionChange], others: Sequence[PlannedObject], *, compared: bool) -> str:
    """The whole report; `others` are caches. What users wrote stands as code, where it can neither link nor mention."""
    shown = [one for one in found if not compared or one.outcome != "stays"]
    stay = [one.title for one in found if one not in shown]
    lines = ["## What the endpoints get", ""]
    lines += [_summary(found, compared=compared), ""]
    for one in shown:
        lines += [*_section(one, compared=compared), ""]
    lines += [f"- {code(one.title)}: {code(one.message)}" for one in others]
    if stay:
        lines += ["", f"As before: {', '.join(map(code, stay))}."]
    return EMPTY_LINES.sub("\n\n", "\n".join(lines)).rstrip("\n") + "\n"


EMPTY_LINES = re.compile(r"\n{3,}")


def code(text: str) -> str:
    """A text as code in one line, in a table, too."""
    cleaned = " ".join(printable(text, LONGEST).replace("`", "'").split())
    return f"`{cleaned.replace('|', BAR)}`" if cleaned else ""


BAR = "\u2502"
"""Looks like the character that ends a cell of a table, and does not."""


def _summary(found: Sequence[DecisionChange], *, compared: bool) -> str:
    """How many of each outcome."""
    if not compared:
        fitting = sum(one.after is not None and one.after.explanation.fits for one in found)
        return f"**{fitting} of {len(found)} endpoints {'fits' if fitting == 1 else 'fit'}.**"
    counts = [(word, sum(one.outcome == word for one in found)) for word in OUTCOME_COUNTS]
    return f"**{'; '.join(f'{count} {OUTCOME_COUNTS[word]}' for word, count in counts if count)}.**"


OUTCOME_COUNTS = {
    "fits nothing": "for which nothing fits",
    "changes and restarts": "with another decision and a restart",
    "restarts": "with a restart",
    "changes": "changed without a restart",
    "is new": "new",
    "is removed": "removed",
    "stays": "as before",
}
"""What becomes of endpoints, and how several of them are counted."""


def _section(one: DecisionChange, *, compared: bool) -> Iterator[str]:
    """One endpoint: its facts before and after, why, and what is closest where nothing fits."""
    yield f"### {code(one.title)}{f' {one.outcome}' if compared else ''}"
    yield ""
    earlier, later = one.facts
    if earlier and later:
        names = {**later, **earlier}
        different = [name for name in names if earlier.get(name) != later.get(name) or name == RECIPE]
        yield "| | before | after |"
        yield "|---|---|---|"
        yield from (f"| {name} | {code(earlier.get(name, ''))} | {code(later.get(name, ''))} |" for name in different)
        yield f"| pods | | {'restart' if one.restarts else 'go on'} |"
    elif later:
        yield "| | |"
        yield "|---|---|"
        yield from (f"| {name} | {code(value)} |" for name, value in later.items())
    if one.after:
        yield ""
        yield code(one.after.explanation.message)
        yield from (f"\n- {code(text)}" for text in one.after.explanation.status.warnings)
        if not later:
            yield from _closest(one.after.explanation)


def _closest(explanation: Explanation) -> Iterator[str]:
    candidates = explanation.selection.candidates if explanation.selection else ()
    for candidate in candidates[:CLOSEST]:
        yield f"- {code(candidate.recipe)}: {code(verdict_text(candidate))}"


RECIPE = "recipe"


def _facts(response: EndpointResponse | None) -> dict[str, str]:
    """What is selected for an endpoint; nothing where nothing fits."""
    resolved = response.explanation.status.resolved if response else None
    if response is None or resolved is None:
        return {}
    spec: Raw = response.explanation.endpoint["spec"]
    adapters = ", ".join(one.name for one in resolved.adapters or ())
    return {
        "model": resolved.model_id,
        RECIPE: resolved.recipe,
        "hardware": resolved.product,
        "GPUs per replica": str(resolved.gpu_count),
        "replicas": str(spec.get("replicas", 1)),
        "precision": resolved.precision,
        "image": resolved.image,
        **({"adapters": adapters} if adapters else {}),
    }


def _templates(response: EndpointResponse | None) -> dict[str, Raw]:
    """The templates of pods, by the name of their Deployment."""
    children = response.children if response else ()
    return {one["metadata"]["name"]: pods_template(one) for one in children if is_server(one)}
