"""The table of reasons: what each means, and the phase of an object that is not Ready because of it."""

from collections.abc import Mapping
from functools import cache

from aimlib.data import load_data
from aimlib.protocol.conditions import Verdict


def phase(kind: str, ready: Verdict) -> str:
    """The phase of an object of a kind that goes with its condition Ready.

    Pending: a change of other objects may help. Reconciling, Downloading: time does. Failed: the user must act.
    """
    return "Ready" if ready.met else _phases(kind).get(ready.reason, "Failed")


@cache
def _phases(kind: str) -> Mapping[str, str]:
    """The phase by reason, of the reasons why an object of a kind is not Ready."""
    rows = (row for place in load_data("reasons")["places"] if place["kind"] == kind for row in place["reasons"])
    return {row["reason"]: row["phase"] for row in rows if "phase" in row}
