"""Valid hook calls and reviews while anonymous clients hold connections: idle ones, half open ones, endless bodies."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.bench import bodies
from tests.bench.latency import FEW
from tests.bench.measure import p50, p99, timed
from tests.bench.report import Goal, Part, Row, Table
from tests.kustomize import ROOT
from tests.reviews import reviewed
from tests.secured import REVIEW_PATH, Secured, ask, secured, with_token
from tests.world import parent

IDLE, SLOW = 500, 60
WORKERS = 2
PAUSE_SECONDS = 0.02
"""Between two calls of a client: the measure is how long a call takes, not how many there may be."""
LARGE_NODES = 5000

Play = Callable[[], int]


def run(folder: Path, seconds: float, idle: int = IDLE, slow: int = SLOW) -> Part:
    """Each for `seconds`: alone, with the crowd on the port of the hooks, and on that of admission."""
    with secured(folder, AIM_WORKERS=str(WORKERS)) as server:
        rows = measured(server, seconds, "nobody")
        for name, port in (("hooks", server.port), ("admission", server.admission)):
            with crowd(port, idle, slow):
                rows += measured(server, seconds, f"on the port of {name}")
    goals = [
        Goal(f"longest {row['request']}, crowd: {row['crowd']}", row["longest ms"] / 1000, 1, "s")  # type: ignore[operator]
        for row in rows
    ]
    goals.append(Goal("valid requests that were refused or failed", sum(float(row["failed"]) for row in rows), 0, ""))
    note = (
        f"the crowd is {idle} idle connections and {slow} slow senders without a token, each back as soon as it is "
        "closed; TLS; all requests at the same time; clients and crowd use the same processors as the server"
    )
    return Part("crowded", [Table("valid requests beside a crowd", rows, note)], goals)


@contextlib.contextmanager
def crowd(port: int, idle: int, slow: int) -> Iterator[None]:
    """Anonymous clients in a process of their own."""
    command = [sys.executable, "-m", "tests.anonymous", str(port), str(idle), str(slow)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":  # type: ignore[union-attr]
                raise RuntimeError("the crowd cannot connect")
            yield
        finally:
            process.communicate("", timeout=60)


def requests(server: Secured, stack: contextlib.ExitStack) -> dict[str, Play]:
    """What is sent, by name; each returns the status."""
    sync = bodies.packed(with_controller(bodies.endpoint_steady("qwen", FEW)))
    large = bodies.packed(with_controller(bodies.inventory_sync(LARGE_NODES)))
    endpoint = {"endpoint": {"spec": {"modelId": FEW}}}
    review = bodies.packed(reviewed(parent("endpoint", endpoint)))
    kept, kept_large, kept_review = (
        stack.enter_context(contextlib.closing(server.connect(port)))
        for port in (server.port, server.port, server.admission)
    )
    return {
        "hook call, kept connection": lambda: ask(kept, "POST", "/endpoint/sync", sync)[0],
        "hook call, new connection": lambda: server.call("POST", "/endpoint/sync", sync)[0],
        f"hook call, {LARGE_NODES} nodes": lambda: ask(kept_large, "POST", "/inventory/sync", large)[0],
        "review, kept connection": lambda: ask(kept_review, "POST", REVIEW_PATH, review)[0],
        "review, new connection": lambda: server.call("POST", REVIEW_PATH, review, server.admission)[0],
    }


def with_controller(body: Any) -> Any:
    """The body with the token where Metacontroller's program has it."""
    metadata = {**body["controller"].get("metadata", {}), **with_token({})["controller"]["metadata"]}
    return {**body, "controller": {**body["controller"], "metadata": metadata}}


def measured(server: Secured, seconds: float, beside: str) -> list[Row]:
    """One row for each kind of request; all of them are sent at once."""
    with contextlib.ExitStack() as stack:
        plays = requests(server, stack)
        taken: dict[str, list[float]] = {name: [] for name in plays}
        failed = dict.fromkeys(plays, 0)
        over = time.monotonic() + seconds

        def play(name: str) -> None:
            codes: list[int] = []
            while not taken[name] or time.monotonic() < over:
                try:
                    taken[name].append(timed(lambda: codes.append(plays[name]())))
                except (OSError, HTTPException):
                    codes.append(0)
                failed[name] = sum(code != 200 for code in codes)
                time.sleep(PAUSE_SECONDS)

        threads = [threading.Thread(target=play, args=(name,)) for name in plays]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return [
        {
            "crowd": beside,
            "request": name,
            "turns": len(found),
            "failed": failed[name],
            "p50 ms": p50(found) * 1000,
            "p99 ms": p99(found) * 1000,
            "longest ms": max(found) * 1000,
        }
        for name, found in taken.items()
    ]
