"""A gateway with many endpoints in its table: how soon a new one can be reached, and what the agent costs.

A kubelet brings a changed table within about a minute, which comes on top.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.gateway_pod import START_SECONDS, Pod, answers, pod
from tests.bench.measure import p50
from tests.bench.processes import cpu_seconds, memory_of_group
from tests.bench.report import Goal, Part, Row, Table
from tests.cluster.plane import ROOT
from tests.cluster.processes import free_ports, running

CHANGES = 5
MOST_SECONDS = 10.0
"""From a table to an answer."""
MOST_SHARE = 2.0
"""Percent of a core for the agent, while nothing changes."""


def run(folder: Path, endpoints: int, seconds: float) -> Part:
    """Start with so many endpoints, add one a few times, and rest for `seconds`."""
    folder.mkdir()
    with answering(folder) as behind:
        began = time.monotonic()
        with pod(folder / "pod", table(behind, endpoints)) as made:
            until(made, endpoints - 1)
            started = time.monotonic() - began
            before = cpu_seconds(made.agent.pid)
            taken = [added(made, behind, endpoints, number) for number in range(CHANGES)]
            changing = (cpu_seconds(made.agent.pid) - before) / (2 * CHANGES)
            used = {name: cpu_seconds(process.pid) for name, process in processes(made)}
            time.sleep(seconds)
            share = {name: 100 * (cpu_seconds(one.pid) - used[name]) / seconds for name, one in processes(made)}
            held = {name: memory_of_group(one.pid) for name, one in processes(made)}
    rows: list[Row] = [
        {"process": name, "% of a core, nothing changes": share[name], "RSS MiB": held[name].rss} for name in held
    ]
    routable: Row = {
        "endpoints": endpoints,
        "all, from the start s": started,
        "one more, p50 s": p50(taken),
        "one more, longest s": max(taken),
        "agent's CPU per change s": changing,
    }
    return Part(
        "gateway-table",
        [Table("time until an endpoint of the table is routable", [routable]), Table("what a large table costs", rows)],
        [
            Goal(f"one more than {endpoints} endpoints is routable", p50(taken), MOST_SECONDS, "s"),
            Goal(f"the agent's CPU with {endpoints} endpoints, nothing changes", share["agent"], MOST_SHARE, "%"),
        ],
    )


def processes(made: Pod) -> Iterator[tuple[str, Any]]:
    yield from (("agent", made.agent), ("envoy", made.envoy))


def table(port: int, endpoints: int, *more: str) -> dict[str, Any]:
    """A table of so many, each with a name and a pod of its own."""
    names = [*(model(number) for number in range(endpoints)), *more]
    return {"models": [{"name": name, "targets": [target(name, port)]} for name in sorted(names)]}


def target(name: str, port: int) -> dict[str, Any]:
    return {"name": f"bench/{name.partition('/')[2]}/a", "host": "localhost", "port": port}


def model(number: int) -> str:
    return f"models/model-{number:05}"


def added(made: Pod, behind: int, endpoints: int, number: int) -> float:
    """Seconds from a table with one more to an answer of it; afterwards it is gone again."""
    name = model(endpoints + number)
    began = time.monotonic()
    made.mount(table(behind, endpoints, name))
    until(made, endpoints + number)
    taken = time.monotonic() - began
    made.mount(table(behind, endpoints))
    made.envoy.wait_until(lambda: not answers(made.port, name), START_SECONDS)
    return taken


def until(made: Pod, number: int) -> None:
    made.envoy.wait_until(lambda: answers(made.port, model(number)), START_SECONDS)


@contextmanager
def answering(folder: Path) -> Iterator[int]:
    """What is asked for its health by everybody, and answers chats; its port."""
    [port] = free_ports(1)
    command = (sys.executable, "-m", "tests.bench.answering", str(port))
    with running("answering", command, folder, PYTHONPATH=str(ROOT)) as process:
        process.wait_until(lambda: answers(port, ""), START_SECONDS)
        yield port
