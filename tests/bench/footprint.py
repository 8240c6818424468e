"""Memory of the hook server's processes after load, beside those of the bare route."""

from contextlib import ExitStack
from pathlib import Path

from tests.bench.latency import cases, crowd
from tests.bench.processes import memory
from tests.bench.report import Goal, Part, Row, Table
from tests.bench.server import BARE, HOOKS, Server, serving


def run(folder: Path, seconds: float) -> Part:
    """Every case from many callers at once, each for `seconds`, then the memory."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(app, folder)) for name, app in (("hook", HOOKS), ("bare", BARE))}
        fresh = {name: rows(name, server) for name, server in servers.items()}
        for case in cases():
            for server in servers.values():
                crowd(case, server, seconds)
        loaded = {name: rows(name, server) for name, server in servers.items()}
    table = [
        {"process": before["process"], "fresh RSS MiB": before["RSS"], "fresh PSS MiB": before["PSS"]}
        | {"RSS MiB": after["RSS"], "PSS MiB": after["PSS"]}
        for name in servers
        for before, after in zip(fresh[name], loaded[name], strict=True)
    ]
    largest = max(row["RSS"] for row in loaded["hook"] if "worker" in str(row["process"]))
    goal = Goal("memory of the largest worker after load (RSS)", float(largest), 100, "MiB")
    note = "after load: every kind of request from 20 callers, inventories of 1,000 nodes among them"
    return Part("memory", [Table("memory", table, note)], [goal])


def rows(name: str, server: Server) -> list[Row]:
    """One row per process; RSS counts shared pages in full, PSS in parts."""
    found = [("master", server.process.pid), *((f"worker {number}", pid) for number, pid in enumerate(server.workers))]
    return [
        {"process": f"{name} {role}", "RSS": used.rss, "PSS": used.pss} for role, pid in found for used in [memory(pid)]
    ]
