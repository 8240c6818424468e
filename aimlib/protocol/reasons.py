"""The table of reasons: what each means, and the phase of an object that is not Ready because of it."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from aimlib.data import load_data
from aimlib.protocol.conditions import Verdict

RESTING = frozenset({"Stopped", "Suspended", "Idle"})
"""Reasons why an endpoint that is Ready has no replicas."""
SERIOUS_PHASES = frozenset({"Pending", "Failed"})
"""Phases of an object that does not come to what was requested by itself."""


class Advice(NamedTuple):
    """What to do about a reason, and the command that shows more; each may be empty."""

    remedy: str
    command: str


def advice(kind: str, reason: str, name: str) -> Advice:
    """What to do about the reason why an object is as it is; nothing for a reason of a later release."""
    row = next((row for row in _rows(kind) if row["reason"] == reason), {})
    return Advice(row.get("remedy", ""), row.get("command", "").replace("NAME", name))


def phase(kind: str, ready: Verdict, *, serves: bool = False) -> str:
    """The phase of an object of a kind that goes with its condition Ready.

    Pending: a change of other objects may help. Reconciling, Downloading: time does. Failed: the user must act.
    Stopped and Idle are Ready, since they are what was requested.
    Degraded instead of Pending and Failed while it `serves`: requests are answered, though not as was requested.
    """
    if ready.met:
        return _phases(kind).get(ready.reason, "Ready")
    found = _phases(kind).get(ready.reason, "Failed")
    return "Degraded" if serves and (found in SERIOUS_PHASES or ready.reason in _degrading(kind)) else found


@cache
def _phases(kind: str) -> Mapping[str, str]:
    """The phase by reason, of the reasons why an object of a kind is not Ready."""
    return {row["reason"]: row["phase"] for row in _rows(kind) if "phase" in row}


@cache
def _degrading(kind: str) -> frozenset[str]:
    """The reasons that make a phase Degraded although they pass by themselves."""
    return frozenset(row["reason"] for row in _rows(kind) if row.get("degrades"))


def _rows(kind: str) -> Iterator[Mapping[str, str]]:
    return (row for place in load_data("reasons")["places"] if place["kind"] == kind for row in place["reasons"])
