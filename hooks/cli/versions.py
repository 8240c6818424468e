"""The versions of an endpoint, as rows of a table, and the one that is tried, in words."""

from collections.abc import Sequence

from aimlib.api.canary import CanaryStatus
from aimlib.api.history import HistoryEntry
from hooks.cli.tables import Cell

VERSION_HEAD = ("VERSION", "SINCE", "OUTCOME", "READY", "WHY")


def version_row(entry: HistoryEntry) -> Sequence[Cell]:
    """A version under VERSION_HEAD."""
    why = f"{entry.why}: {entry.message}" if entry.message else entry.why
    return entry.number, entry.since, entry.outcome or "Serving", "yes" if entry.ready else "no", why


def canary_text(state: CanaryStatus) -> str:
    """How far a canary is, and why."""
    part = f", {state.part}" if state.phase == "Progressing" else ""
    why = state.message if state.reason == state.phase else f"{state.reason}: {state.message}"
    return f"{state.phase}{part}: {why}"
