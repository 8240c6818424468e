"""Many nodes: until all are in the inventory, and what their heartbeats cost afterwards."""

import time

from tests.bench import quiet, usage
from tests.bench.client import Client
from tests.bench.report import Part, Row, Table
from tests.cluster import audit, operator
from tests.cluster.controlplane import control_plane
from tests.cluster.fleet import add_fleet

INVENTORY = "/apis/aim.engine.amd.com/v1alpha1/aiminventories/cluster"
HEARTBEAT = "1m"
PATIENCE_SECONDS = 300


def run(count: int, seconds: float) -> Part:
    """A fleet joins, then rests."""
    with control_plane() as plane:
        plane.add_nodes("mi300x")
        running = operator.install(plane)
        client = Client(plane)
        before, began = usage.read(plane, running), time.monotonic()

        def known() -> bool:
            return client.call("GET", INVENTORY)["status"]["nodes"] > count

        add_fleet(plane, "mi325x", count, HEARTBEAT)
        created = time.monotonic() - began
        plane.wait_for(f"{count} nodes in the inventory", known, PATIENCE_SECONDS)
        joined = time.monotonic() - began
        used = usage.since(plane, running, before)
        calm = quiet.measured(plane, running, f"{count:,} nodes", seconds)
    rows: list[Row] = [
        {"what": "all nodes created and ready", "value": created, "unit": "s"},
        {"what": "all in the inventory", "value": joined, "unit": "s"},
        {
            "what": "writes by Metacontroller",
            "value": used.by(audit.METACONTROLLER).total() / count,
            "unit": "per node",
        },
        *({"what": f"call: {path}", "value": calls / count, "unit": "per node"} for path, calls in used.calls.items()),
        {"what": "CPU of the hooks", "value": used.cpu["hooks"] / count * 1000, "unit": "ms per node"},
    ]
    return Part("nodes", [Table(f"{count:,} nodes join", rows), *calm.tables], calm.goals)
