"""What a gateway adds: a simulated engine asked directly, through a gateway and through its peer, in turns."""

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.bench.gateway_pod import FORWARDER, PEER, QUESTION, begin, connection, engine, forwarder, peer, pod
from tests.bench.measure import p50, p99, timed, turns
from tests.bench.processes import cpu_seconds, memory_of_group
from tests.bench.report import Goal, Part, Row, Table
from tests.cluster.processes import Process
from tests.dataplane import commands

MODEL = "small"
WARM_UP = 50
TOKEN_SECONDS = 0.01
CASES = (("a chat of 3 KB, in whole", 3000, {}), ("a stream of 19 tokens", 3000, {"stream": True}))

PARTS = {"p50": p50, "p99": p99}
MOST = {"p50": 0.5, "p99": 3}
"""Milliseconds that the gateway may add."""
MOST_DELAY = 0.5
"""Milliseconds that it may add to the time between two tokens."""
MOST_MEMORY = 200
"""MiB of a pod that does nothing: half of what Envoy and its agent request."""

Lines = Mapping[str, http.client.HTTPConnection]


def run(folder: Path, seconds: float) -> Part:
    """Each case for `seconds`, by all in turns."""
    folder.mkdir()
    with ExitStack() as stack:
        behind = stack.enter_context(engine(folder, MODEL))
        target = {"name": "bench/small/a", "host": "localhost", "port": behind}
        table = {"models": [{"name": MODEL, "targets": [target]}]}
        ours = stack.enter_context(pod(folder / "pod", table))
        port, process = stack.enter_context(peer(folder, MODEL, behind))
        least, only = stack.enter_context(forwarder(folder / FORWARDER, MODEL, behind))
        idle = memory({"gateway: envoy": ours.envoy, "gateway: agent": ours.agent, PEER: process})
        ports = {"bare": behind, "gateway": ours.port, PEER: port, FORWARDER: least}
        lines = {name: stack.enter_context(closing(connection(number))) for name, number in ports.items()}
        on_the_way = {"gateway": ours.envoy, PEER: process, FORWARDER: only}
        added = [case(title, size, more, lines, on_the_way, seconds=seconds) for title, size, more in CASES]
        commands.request("127.0.0.1", "/simulation", {"token_seconds": TOKEN_SECONDS}, behind)
        paced, delay = tokens(lines, seconds)
    note = (
        f"one caller, a kept-alive connection each; the engine's own thread is most of all; {PEER} checks no key here;"
        f" {FORWARDER} is an Envoy that looks at nothing: the least that a proxy adds on this machine"
    )
    held = sum(float(row["RSS MiB"]) for row in idle if str(row["process"]).startswith("gateway"))
    return Part(
        "gateway",
        [
            Table("a gateway beside the bare engine and its peer", [row for row, _ in added], note),
            Table(f"a stream with a token every {TOKEN_SECONDS * 1000:.0f} ms", paced, "times as the client has them"),
            Table("memory of a gateway of one model that does nothing", idle),
        ],
        [
            *(goal for _, goals in added for goal in goals),
            Goal("time between two tokens: p50 added", delay, MOST_DELAY, "ms"),
            Goal("memory of an idle gateway (RSS)", held, MOST_MEMORY, "MiB"),
        ],
    )


def case(  # noqa: PLR0913 - all that makes one
    title: str, size: int, more: dict[str, Any], lines: Lines, on_the_way: Mapping[str, Process], *, seconds: float
) -> tuple[Row, list[Goal]]:
    """One kind of request by all in turns."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "once " * (size // 5)}], **more}
    plays = {name: partial(whole, line, body) for name, line in lines.items()}
    contestants = {name: timed_play(play) for name, play in plays.items()}
    before = {name: cpu_seconds(process.pid) for name, process in on_the_way.items()}
    found = turns(contestants, seconds)
    used = {name: cpu_seconds(process.pid) - before[name] for name, process in on_the_way.items()}
    row: Row = {"request": title, "turns": len(found["bare"])}
    for name, taken in found.items():
        row |= {f"{name} {of} ms": part(taken) * 1000 for of, part in PARTS.items()}
    for name in (one for one in found if one != "bare"):
        row |= {f"{name} {of} added": float(row[f"{name} {of} ms"]) - float(row[f"bare {of} ms"]) for of in PARTS}
    row |= {f"{name} CPU ms": seconds_of * 1000 / len(found[name]) for name, seconds_of in used.items()}
    goals = [Goal(f"{title}: {of} added", float(row[f"gateway {of} added"]), most, "ms") for of, most in MOST.items()]
    return row, goals


def timed_play(play: Callable[[], object]) -> Callable[[int], float]:
    """The time of a turn, after turns that are not counted."""
    for _ in range(WARM_UP):
        play()
    return lambda _: timed(play)


def whole(line: http.client.HTTPConnection, body: dict[str, Any]) -> None:
    """One chat, read to its end."""
    begin(line, body).read()


def tokens(lines: Lines, seconds: float) -> tuple[list[Row], float]:
    """How evenly the tokens of a stream arrive, and the milliseconds that the gateway adds between two of them."""
    found = turns({name: lambda _, line=line: arrivals(line) for name, line in lines.items()}, seconds)
    rows: list[Row] = []
    for name, streams in found.items():
        gaps = [later - earlier for _, *at in streams for earlier, later in pairwise(at)]
        first = [at[1] - at[0] for at in streams]
        row: Row = {"by": name, "streams": len(streams), "first token p50 ms": p50(first) * 1000}
        rows.append(row | {f"between two {of} ms": part(gaps) * 1000 for of, part in PARTS.items()})
    middle = {str(row["by"]): float(row["between two p50 ms"]) for row in rows}
    return rows, middle["gateway"] - middle["bare"]


def arrivals(line: http.client.HTTPConnection) -> Sequence[float]:
    """When a stream was asked for, and when each of its tokens came."""
    at = [time.perf_counter()]
    with begin(line, {"model": MODEL, "messages": QUESTION, "stream": True}) as reply:
        at += [time.perf_counter() for text in reply if b'"content":' in text]
    return at


def memory(processes: Mapping[str, Process]) -> list[Row]:
    """What each holds now."""
    held = {name: memory_of_group(process.pid) for name, process in processes.items()}
    return [{"process": name, "RSS MiB": one.rss, "PSS MiB": one.pss} for name, one in held.items()]
