"""Steady state: who writes, calls and computes when nothing happens but heartbeats."""

import time
from collections import Counter

from aimlib.diagnosis.scheduling import CLAIM_GRACE_SECONDS
from tests.bench import usage
from tests.bench.report import Goal, Part, Row, Table
from tests.bench.usage import Used
from tests.cluster import audit
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane

SETTLE_SECONDS = CLAIM_GRACE_SECONDS + 5
"""The hook asks for one more call when it has been patient with a new child."""


def measured(plane: ControlPlane, running: Operator, what: str, seconds: float) -> Part:
    """A while of quiet, after what came before has died down."""
    time.sleep(SETTLE_SECONDS)
    before = usage.read(plane, running)
    time.sleep(seconds)
    return part("quiet", what, usage.since(plane, running, before), plane)


def part(name: str, what: str, used: Used, plane: ControlPlane) -> Part:
    """The findings of a while of quiet."""
    minutes = used.seconds / 60
    own = used.by(audit.METACONTROLLER).total()
    others = Counter(
        f"write: {write.verb} {write.resource} by {write.user.rpartition(':')[2]}"
        for write in used.writes
        if write.user != audit.METACONTROLLER
    )
    calls = {f"call: {path}": count for path, count in used.calls.most_common()}
    figures = {"write: anything by Metacontroller": own, **dict(others.most_common()), **calls}
    rows: list[Row] = [{"what": figure, "per minute": count / minutes} for figure, count in figures.items()]
    tables = [
        Table(f"{what} at rest for {used.seconds:.0f} s", rows),
        Table(f"{what} at rest: processes", usage.processes(plane, used)),
    ]
    return Part(name, tables, [Goal(f"writes by Metacontroller per minute, {what} at rest", own / minutes, 0, "")])
