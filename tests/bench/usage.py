"""What the programs of a control plane use between two moments: processor seconds, hook calls, writes."""

import time
from collections import Counter
from typing import NamedTuple

from tests.bench.processes import cpu_seconds, memory_of_group
from tests.bench.report import Row
from tests.cluster import audit
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane


class Moment(NamedTuple):
    """A reading of all the meters."""

    at: float
    cpu: dict[str, float]
    calls: Counter[str]
    log: int


class Used(NamedTuple):
    """The difference of two readings."""

    seconds: float
    cpu: dict[str, float]
    calls: Counter[str]
    writes: list[audit.Request]

    def by(self, user: str) -> Counter[str]:
        """One user's writes by verb and resource; events are counted too."""
        return Counter(f"{write.verb} {write.resource}" for write in self.writes if write.user == user)


def read(plane: ControlPlane, operator: Operator | None) -> Moment:
    """Read all the meters now."""
    cpu = {name: cpu_seconds(process.pid) for name, process in plane.processes.items()}
    return Moment(time.monotonic(), cpu, _calls(operator), audit.position(plane))


def since(plane: ControlPlane, operator: Operator | None, before: Moment) -> Used:
    """What was used since then."""
    now = read(plane, operator)
    cpu = {name: now.cpu[name] - before.cpu.get(name, 0) for name in now.cpu}
    return Used(now.at - before.at, cpu, now.calls - before.calls, audit.writes(plane, since=before.log))


def _calls(operator: Operator | None) -> Counter[str]:
    """Hook calls by path, from the hook server's own metrics."""
    found: Counter[str] = Counter()
    if operator:
        for line in operator.read("/metrics").splitlines():
            if line.startswith("aim_hook_requests_total{"):
                labels, _, count = line.rpartition(" ")
                found[labels.split('hook="')[1].split('"')[0]] += int(float(count))
    return found


def processes(plane: ControlPlane, used: Used) -> list[Row]:
    """Processor time and memory of every process."""
    rows: list[Row] = []
    for name, process in plane.processes.items():
        held = memory_of_group(process.pid)
        share = 100 * used.cpu[name] / used.seconds
        rows.append(
            {"process": name, "CPU s": used.cpu[name], "% of a core": share, "PSS MiB": held.pss, "RSS MiB": held.rss}
        )
    return rows
