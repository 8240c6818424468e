"""Latency of the hook server on realistic bodies, beside a bare route that only parses them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aimlib.api import API_VERSION
from tests.bench import bodies
from tests.bench.cache_body import cache_steady
from tests.bench.measure import p50, p99, timed, turns
from tests.bench.processes import cpu_seconds
from tests.bench.report import Goal, Part, Row, Table
from tests.bench.server import BARE, HOOKS, Connection, Server, serving

FEW, MANY = "microsoft/phi-4", "Qwen/Qwen3-32B"
"""Models with three recipes, as most have, and with more than any other."""
ENDPOINTS = 20
"""Endpoints of each model that take turns."""
CALLERS = 20
ROUNDS = 4
RELATED_KINDS = (f"AIMRecipe.{API_VERSION}", f"AIMInventory.{API_VERSION}")
MARK = b'"@version"'
FIRST_VERSION = 10**6

Make = Callable[[int], bytes]


class Case(NamedTuple):
    """One kind of request: `make(number)` gives the body of a turn."""

    title: str
    path: str
    make: Make
    strict: bool = True
    """Whether the goals hold for it."""
    callers: int = CALLERS
    """How many may come at once: there is but one inventory."""


def turning(made: list[Any]) -> Make:
    """Bodies that take turns."""
    packed = [bodies.packed(body) for body in made]
    return lambda number: packed[number % len(packed)]


def unremembered(body: Any) -> Make:
    """The body with other resource versions of all related objects in each turn, so that nothing is remembered."""
    marked = {
        kind: {
            name: {**one, "metadata": {**one["metadata"], "resourceVersion": "@version"}} for name, one in found.items()
        }
        for kind, found in body["related"].items()
    }
    pieces = bodies.packed({**body, "related": marked}).split(MARK)
    return lambda number: f'"{FIRST_VERSION + number}"'.encode().join(pieces)


def cases() -> Iterator[Case]:
    """Everything that is measured."""
    steady = {
        model: [bodies.endpoint_steady(f"qwen-{number}", model) for number in range(ENDPOINTS)] for model in (FEW, MANY)
    }
    for model, made in steady.items():
        known = len(bodies.recipes_of(model))
        yield Case(f"endpoint sync, Ready, {known} recipes", "/endpoint/sync", turning(made))
    for model in steady:
        first = [bodies.endpoint_first(f"qwen-{number}", model) for number in range(ENDPOINTS)]
        yield Case(f"endpoint sync, first, {len(bodies.recipes_of(model))} recipes", "/endpoint/sync", turning(first))
    for model, made in steady.items():
        title = f"endpoint sync, all related objects new, {len(bodies.recipes_of(model))} recipes"
        yield Case(title, "/endpoint/sync", unremembered(made[0]), strict=False)
    asking = [{"controller": body["controller"], "parent": body["parent"]} for body in steady[FEW]]
    yield Case("endpoint customize", "/endpoint/customize", turning(asking))
    for users in (2, 200):
        title = f"cache sync, Ready, {users} endpoints"
        yield Case(title, "/cache/sync", turning([cache_steady(users)]), strict=users < 100)
    yield Case("node sync (recorded)", "/node/sync", turning([bodies.recorded("decorator-sync-node-steady")]))
    recipes = [{"object": one} for one in bodies.catalogue()]
    yield Case("recipe sync", "/recipe/sync", turning(recipes), strict=False)
    fleet = turning([bodies.inventory_sync(1000)])
    yield Case("inventory sync, 1,000 AIMNodes", "/inventory/sync", fleet, strict=False, callers=1)


def run(folder: Path, seconds: float) -> Part:
    """All cases one after the other, each for `seconds`; then the first with many callers."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(app, folder)) for name, app in (("hook", HOOKS), ("bare", BARE))}
        chosen = list(cases())
        alone = [sequential(case, servers, seconds) for case in chosen]
        crowd = [concurrent(case, servers, seconds) for case in chosen[:2]]
    goals = []
    for case, row in zip(chosen, alone, strict=True):
        if case.strict:
            goals += [
                Goal(f"{case.title}: p50 over the bare route's", row["times bare"], 2, "x"),
                Goal(f"{case.title}: p50", row["hook p50 ms"], 5, "ms"),
                Goal(f"{case.title}: p99", row["hook p99 ms"], 20, "ms"),
            ]
            if row["bare CPU ms"]:  # its clock ticks each hundredth of a second
                times = float(row["hook CPU ms"]) / float(row["bare CPU ms"])
                goals.append(Goal(f"{case.title}: CPU over the bare route's", times, 2, "x"))
    note = (
        "hook and bare take turns on one kept-alive connection each; CPU is the mean of all processes of a server, and "
        "the measure that a busy machine distorts least; `parse` is json.loads in this process"
    )
    crowded = (
        f"{CALLERS} callers at once; hook and bare take turns of a few seconds; the callers use the same two cores"
    )
    return Part(
        "latency", [Table("latency, one caller", alone, note), Table("latency, many callers", crowd, crowded)], goals
    )


def sequential(case: Case, servers: dict[str, Server], seconds: float) -> Row:
    """One caller, alternating between the servers."""
    with ExitStack() as stack:
        lines = {name: stack.enter_context(Connection(server)) for name, server in servers.items()}

        def post(line: Connection, number: int) -> float:
            return line.post(case.path, case.make(number))

        contestants = {name: partial(post, line) for name, line in lines.items()}
        for number in range(ENDPOINTS):
            for play in contestants.values():
                play(number)
        contestants["parse"] = lambda number: timed(partial(json.loads, case.make(number)))
        before = {name: cpu_seconds(server.process.pid) for name, server in servers.items()}
        # What is remembered must not be met again, so numbers go on after those of the warm-up.
        found = turns(
            {name: lambda number, play=play: play(number + ENDPOINTS) for name, play in contestants.items()}, seconds
        )
    cpu = {name: cpu_seconds(server.process.pid) - before[name] for name, server in servers.items()}
    return {
        "request": case.title,
        "kB": len(case.make(0)) / 1000,
        "turns": len(found["hook"]),
        "hook p50 ms": p50(found["hook"]) * 1000,
        "hook p99 ms": p99(found["hook"]) * 1000,
        "bare p50 ms": p50(found["bare"]) * 1000,
        "bare p99 ms": p99(found["bare"]) * 1000,
        "parse ms": p50(found["parse"]) * 1000,
        "hook CPU ms": cpu["hook"] / len(found["hook"]) * 1000,
        "bare CPU ms": cpu["bare"] / len(found["bare"]) * 1000,
        "times bare": p50(found["hook"]) / p50(found["bare"]),
    }


def concurrent(case: Case, servers: dict[str, Server], seconds: float) -> Row:
    """Many callers, the servers in turns."""
    taken: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            taken[name] += crowd(case, server, seconds / 2)
    row: Row = {"request": case.title}
    for name, samples in taken.items():
        row |= {
            f"{name} per s": len(samples) / (ROUNDS * seconds / 2),
            f"{name} p50 ms": p50(samples) * 1000,
            f"{name} p99 ms": p99(samples) * 1000,
        }
    return row


def crowd(case: Case, server: Server, seconds: float) -> list[float]:
    """The times of all requests that many callers made; the first failure is raised."""
    taken: list[float] = []
    failed: list[Exception] = []
    over = time.monotonic() + seconds

    def call(first: int) -> None:
        try:
            with Connection(server) as line:
                number = first
                while time.monotonic() < over:
                    taken.append(line.post(case.path, case.make(number)))
                    number += 1
        except (OSError, RuntimeError) as error:
            failed.append(error)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(case.callers)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    if failed:
        raise failed[0]
    return taken
