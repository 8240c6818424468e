"""Why children cannot be written, by what the API server answered: what messages about them end with.

Errors of applying children reach no hook. Metacontroller sends them as Events of the parent, which an observer of the
server reads where children are given up.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.diagnosis.refusals import SyncError, words_about
from aimlib.kube.timestamp import parse_time
from aimlib.protocol.last_applied import is_written
from aimlib.protocol.observed import ChildState

RECENT_EVENT = timedelta(minutes=10)
"""How old an Event may be: while the error lasts, client-go writes it again each five minutes at least. One that is as
far in the future counts, since clocks differ; whoever writes Events may date them as they like."""


class ServerAnswers(NamedTuple):
    """What is known of the API server's answers to the children of one parent."""

    errors: Sequence[SyncError] | None
    """The Events SyncError of the parent, the newest first; None where nobody read them."""
    before: Raw
    """The condition of the status so far that tells of children."""
    generation: int | None
    """That of the parent's spec."""
    changed_at: str | None
    """When the parent was last changed by anyone but its status writer."""
    now: datetime

    def message(self, what: str, children: Sequence[Raw], otherwise: str, *, alone: bool) -> str:
        """What is the case with these children, and why: by the Events, as it was told before, or `otherwise`.

        What was told stays while the same children are in the same case, since Events are gone after an hour, and the
        API server may not answer.
        """
        words = words_about(children, self._recent(), alone=alone)
        return f"{what}: {words or self._told(what) or otherwise}"

    def _recent(self) -> list[str]:
        """The messages of Events since the children are in this case."""
        changes = filter(None, (parse_time(self.changed_at), parse_time(self.before.get("lastTransitionTime"))))
        since = max((*changes, self.now - RECENT_EVENT))
        return [one.message for one in self.errors or () if since <= one.at < self.now + RECENT_EVENT]

    def _told(self, what: str) -> str:
        """Why, by the status so far; empty where it has something else, or was about another spec."""
        lead, _, why = str(self.before.get("message") or "").partition(f"{what}: ")
        same = self.before.get("observedGeneration") == self.generation
        return why if same and (not lead or lead.endswith(("; ", ": "))) else ""


def one_to_write(states: Iterable[ChildState]) -> bool:
    """Whether exactly one of a parent's desired children is to be created or changed."""
    return sum(not is_written(state.observed, state.desired) for state in states) == 1
