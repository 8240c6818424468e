"""Many endpoints at once: until their children exist and until all are Ready, beside a client that only writes.

Each run has a control plane of its own, so that neither finds it warm or full.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from aimlib.api import API_VERSION
from tests.bench import bodies, quiet, usage
from tests.bench.client import Client, Column, all_at_once, collection, path
from tests.bench.latency import MANY
from tests.bench.report import Goal, Part, Row, Table
from tests.bench.stored import sent
from tests.bench.usage import Used
from tests.cluster import audit, operator, volumes
from tests.cluster.controlplane import control_plane
from tests.cluster.fleet import add_fleet
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane

GPUS_PER_NODE = 8
HEARTBEAT = "30s"
"""Ten times as often as kubelets write a node's status when nothing changes."""
ENDPOINTS = path(API_VERSION, "aimendpoints")
DEPLOYMENTS = path("apps/v1", "deployments")
CHILDREN = {DEPLOYMENTS: 1, path("v1", "services"): 2, path("v1", "persistentvolumeclaims"): 1}
"""How many of each an endpoint has."""
EXAMPLE = "bench-example"
POLL_SECONDS = 0.2
PATIENCE_SECONDS, SECONDS_EACH = 120, 0.13
"""When a run is given up: so long, and so much longer for each endpoint.

The operator has what the bare client leaves of it, too: 1,000 endpoints take ten minutes at most, or are not measured.
"""


class Times(NamedTuple):
    """Seconds from the first object written."""

    children: float
    """Until all three children of all endpoints exist."""
    pods: float
    """Until all Deployments are available."""
    done: float
    """Until all endpoints say that they are Ready; of the bare client, until it has written all."""


class Result(NamedTuple):
    """One run: its times and what was used meanwhile."""

    times: Times
    used: Used
    processes: list[Row]
    quiet: Part | None = None


@contextmanager
def cluster(size: int) -> Iterator[ControlPlane]:
    """A control plane with GPUs and volumes for so many endpoints."""
    with control_plane() as plane:
        add_fleet(plane, "mi300x", math.ceil(size / GPUS_PER_NODE) + 1, HEARTBEAT)
        volumes.add_volumes(plane, size)
        yield plane


def names(size: int) -> list[str]:
    return [f"bench-{number:04d}" for number in range(size)]


def patience(size: int) -> float:
    """The seconds after which a run with so many endpoints is given up."""
    return PATIENCE_SECONDS + SECONDS_EACH * size


def followed(
    client: Client, size: int, seconds: float, write: Callable[[], object], finished: Callable[[], bool] | None
) -> Times:
    """Write, and meanwhile look what exists; without `finished` all is done once all is written.

    RuntimeError when that does not come to an end within so many seconds, or what `write` raises.
    """
    before = {where: client.count(where) for where in CHILDREN}
    found: dict[str, float] = {}
    with ThreadPoolExecutor(1) as pool, Column(client, DEPLOYMENTS, "Ready") as deployments:
        began = time.monotonic()
        writing = pool.submit(write)
        stages: dict[str, Callable[[], bool]] = {
            "children": lambda: all(
                client.count(where) >= before[where] + size * each for where, each in CHILDREN.items()
            ),
            "pods": lambda: list(deployments.values.values()).count("1/1") >= size,
            "done": finished or writing.done,
        }
        while stages:
            found |= {name: time.monotonic() - began for name, holds in stages.items() if holds()}
            stages = {name: holds for name, holds in stages.items() if name not in found}
            if writing.done():
                writing.result()
            if time.monotonic() - began > seconds:
                raise RuntimeError(f"{size} endpoints: not within {seconds:.0f} s: {', '.join(stages)}")
            time.sleep(POLL_SECONDS)
    return Times(**found)


def bare(size: int) -> Result:
    """A client that writes what the hooks and Metacontroller would write, and nobody who reacts to the endpoints."""
    example = bodies.life(EXAMPLE, MANY)
    text = json.dumps([sent(example.parent), example.chosen, example.children, example.ready])
    uid = example.parent["metadata"]["uid"]

    def write(name: str) -> None:
        parent, chosen, children, ready = json.loads(text.replace(EXAMPLE, name))
        parent = client.call("POST", ENDPOINTS, parent)
        for child in json.loads(json.dumps(children).replace(uid, parent["metadata"]["uid"])):
            client.call("POST", collection(child), child)
        for status in (chosen, ready):
            parent = client.call("PUT", f"{ENDPOINTS}/{name}/status", {**parent, "status": status})

    with cluster(size) as plane:
        client = Client(plane)
        before = usage.read(plane, None)
        times = followed(client, size, patience(size), lambda: all_at_once(write, names(size)), None)
        used = usage.since(plane, None, before)
        return Result(times, used, usage.processes(plane, used))


def operated(size: int, seconds: float, quiet_seconds: float) -> tuple[Result, Operator]:
    """The same endpoints, written by a client and served by the operator; then quiet, if any seconds are given."""
    example = json.dumps(sent(bodies.endpoint_first(EXAMPLE, MANY)["parent"]))
    with cluster(size) as plane:
        running = operator.install(plane)
        client = Client(plane)

        def write(name: str) -> None:
            client.call("POST", ENDPOINTS, json.loads(example.replace(EXAMPLE, name)))

        with Column(client, ENDPOINTS, "Phase") as phases:
            before = usage.read(plane, running)
            times = followed(
                client,
                size,
                seconds,
                lambda: all_at_once(write, names(size)),
                lambda: list(phases.values.values()).count("Ready") >= size,
            )
            used = usage.since(plane, running, before)
        result = Result(times, used, usage.processes(plane, used))
        calm = quiet.measured(plane, running, f"{size:,} endpoints", quiet_seconds) if quiet_seconds else None
        return result._replace(quiet=calm), running


def run(sizes: list[int], quiet_seconds: float) -> Iterator[Part]:
    """Each size, bare and operated, as it is measured; after the last one the quiet, if any seconds are given."""
    for size in sizes:
        plain = bare(size)
        left = 2 * patience(size) - max(plain.times)
        result, running = operated(size, left, quiet_seconds if size == sizes[-1] else 0)
        who = "Metacontroller" if running.real else "the stand-in"
        share = "" if running.real else "; with the stand-in only the hooks' share says something, not its own"
        times = [_times(size, "bare client", plain), _times(size, f"hooks and {who}", result)]
        costs = "what one endpoint costs until all are Ready, and the times over the bare client's"
        tables = (
            Table("endpoints, seconds from the first write", times, f"Metacontroller here: {who}{share}"),
            Table(costs, [costs_of(size, plain, result)]),
            _counts(size, result),
            _processes(size, plain, result),
        )
        yield Part(f"endpoints, {size:,}", tables, goals_of(size, plain, result))
        if result.quiet:
            yield result.quiet


def goals_of(size: int, plain: Result, result: Result) -> list[Goal]:
    """How soon all are Ready, and what one of them costs until then."""
    until = f"from nothing to Ready, {size:,} endpoints"
    found = costs_of(size, plain, result)
    return [
        Goal(f"seconds over the bare client's pods, {until}", float(found["Ready, times bare"]), 1.5, "x"),
        Goal(f"writes per endpoint {until}", float(found["writes"]), 5, ""),
        Goal(f"syncs per endpoint {until}", float(found["syncs"]), 5, ""),
    ]


def rested(size: int, quiet_seconds: float) -> Part:
    """The quiet alone, after so many endpoints."""
    result, _ = operated(size, patience(size), quiet_seconds)
    if result.quiet is None:
        raise ValueError(f"{quiet_seconds} seconds of quiet are none")
    return result.quiet


def _times(size: int, who: str, result: Result) -> Row:
    times, used = result.times, result.used
    row: Row = {"endpoints": f"{size:,}, {who}", "all children s": times.children, "all pods s": times.pods}
    row |= {"all Ready or written s": times.done, "CPU s of all": sum(used.cpu.values())}
    return row


def costs_of(size: int, plain: Result, result: Result) -> Row:
    """One endpoint's part of what was used. Ready is compared with the bare client's pods: nobody makes it Ready."""
    times, used = result.times, result.used
    row: Row = {"endpoints": f"{size:,}", "children, times bare": times.children / plain.times.children}
    row |= {"Ready, times bare": times.done / plain.times.pods, "syncs": used.calls["/endpoint/sync"] / size}
    row |= {"writes": used.by(audit.METACONTROLLER).total() / size}
    return row | {f"{name} CPU ms": 1000 * used.cpu[name] / size for name in ("hooks", "metacontroller")}


def _counts(size: int, result: Result) -> Table:
    writes = result.used.by(audit.METACONTROLLER)
    rows: list[Row] = [{"what": f"write: {what}", "per endpoint": count / size} for what, count in writes.most_common()]
    rows += [{"what": f"call: {path}", "per endpoint": count / size} for path, count in result.used.calls.most_common()]
    return Table(f"{size:,} endpoints: writes by Metacontroller, and hook calls", rows)


def _processes(size: int, plain: Result, result: Result) -> Table:
    alone = {row["process"]: row["CPU s"] for row in plain.processes}
    rows = [{**row, "bare: CPU s": alone.get(row["process"], "")} for row in result.processes]
    return Table(f"{size:,} endpoints: processes until all are Ready", rows)
