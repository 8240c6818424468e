"""What the API server answered where a child could not be written, as Metacontroller tells it in Events of the parent.

An Event SyncError has all errors of one sync, in no order, each in the API server's own words. Most name their object;
what names none is about a child only where no other could be meant.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.diagnosis.engine_errors import shortened
from aimlib.diagnosis.log_lines import stable

EVENT_READ_LENGTH = 16384
"""Characters of an Event's message that are read."""
MOST_EVENTS, MOST_ERRORS = 20, 64
"""Events that are read, the newest, and errors of each: client-go writes ten Events in ten minutes before it combines
them, and a sync has an error for a child at most. Whoever may create Events can write any number of either."""
ABOUT_CHILDREN = re.compile(
    r"(?:\(combined from similar events\): )?Sync error: can't reconcile children for \S{1,64} \S{1,512}: "
)
"""What comes before the errors of children (composite/controller.go; client-go combines what is repeated)."""
NAMELESS = ('admission webhook "', "Internal error occurred: ")
"""How errors begin that need not name their object: those of webhooks, and that one cannot be called."""
ERROR_STARTS = (
    r'[A-Za-z][\w.-]* "[^"]*" (?:is forbidden: |is invalid: |not found|already exists)',
    r"[a-z][\w.-]* is forbidden: ",
    *map(re.escape, NAMELESS),
    r"can't delete |discovery: |Operation cannot be fulfilled on |Timeout: |the server |etcdserver: ",
    r'(?:Get|Post|Put|Patch|Delete) "',
)
"""How an error begins: what is written by Kubernetes' apimachinery, and by Metacontroller."""
NEXT = re.compile(rf", (?={'|'.join(ERROR_STARTS)})")
"""Between two errors of one Event."""


class SyncError(NamedTuple):
    """One Event SyncError of a parent."""

    message: str
    at: datetime
    """When Metacontroller last had it."""


def words_about(children: Sequence[Raw], messages: Iterable[str], *, alone: bool = False) -> str:
    """The API server's words about the first of these desired children that an Event has an error of; empty for none.

    `messages` are those of Events, the newest first. The child's name is left out of the words where there is one
    child. It is `alone` where no other child is to be written, so that an error without a name is about it.
    """
    told = [*islice(filter(None, map(child_errors, messages)), MOST_EVENTS)]
    for child in children:
        for errors in told:
            sole = alone and len(children) == len(errors) == 1
            found = next(filter(None, map(partial(_about, child, sole=sole), errors)), None)
            if found:
                named, words = found
                return shortened(stable(words if len(children) == 1 else f"{named}{words}"))
    return ""


def child_errors(message: str) -> list[str]:
    """The errors of children in the message of an Event; none where it is about something else."""
    message = message[:EVENT_READ_LENGTH]
    about = ABOUT_CHILDREN.match(message)
    if about is None:
        return []
    text = message[about.end() :]
    return NEXT.split(text[1:].removesuffix("]"), MOST_ERRORS)[:MOST_ERRORS] if text.startswith("[") else [text]


def _about(child: Raw, error: str, *, sole: bool) -> tuple[str, str] | None:
    """An error in two parts, what names the child and the rest, where it is about the child."""
    kind, name = child["kind"], child["metadata"]["name"]
    group, slash, _ = child["apiVersion"].partition("/")
    suffix = re.escape(f".{group}") if slash else ""
    lower = kind.lower()
    resource = rf"(?:{lower}s|{lower}es|{lower.removesuffix('y')}ies|{kind}){suffix}"
    named = re.match(rf'{resource} "{re.escape(name)}" (?:is (?:forbidden|invalid): )?', error)
    # That nobody may create such objects, which is asked before there is a name.
    named = named or re.match(rf"{resource} is forbidden: (?=User )", error)
    if named and error[named.end() :].strip():
        return (named.group(), error[named.end() :]) if named.group().endswith(": ") else ("", error)
    from_webhook = error.startswith(NAMELESS)
    blocked = from_webhook and re.search(rf"\b{kind}/[\w.-]+/{re.escape(name)}(?![\w.-])", error)  # as Kyverno names it
    return ("", error) if blocked or (from_webhook and sole) else None
