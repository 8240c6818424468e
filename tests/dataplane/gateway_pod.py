"""The pod of a gateway: its files mounted as a kubelet does it, the agent's program, and Envoy beside it."""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests import envoy
from tests.cluster import mounts
from tests.cluster.plane import ROOT
from tests.cluster.processes import Process, running, start
from tests.dataplane.gateway import PORT, Gateway, base_id, serves

HOLD_PORT, METRICS_PORT = 8081, 9090
START_SECONDS = 60
CHANGES = "aim_gateway_changes_total"


@dataclass
class GatewayPod(Gateway):
    """One replica of a gateway."""

    logs: Path = Path()
    agent: Process | None = None

    def mount_table(self, table: dict[str, Any]) -> None:
        """The ConfigMap of the table, as it is from now on."""
        mounts.write(self.logs / "table", {"table.json": json.dumps(table).encode()})

    def use_table(self, table: dict[str, Any]) -> None:
        """Mount a table, and wait until Envoy has taken what it changes."""
        if json.loads((self.logs / "table" / "table.json").read_text()) == table:
            return
        before = self.metric(CHANGES)
        self.mount_table(table)
        self.process.wait_until(lambda: self.metric(CHANGES) > before, START_SECONDS)

    def mount_keys(self, keys: Mapping[str, str]) -> None:
        """The Secret of the clients."""
        mounts.write(self.logs / "clients", {name: text.encode() for name, text in keys.items()})

    def mount_certificate(self, certificate: str, key: str) -> None:
        """The Secret of the certificate."""
        mounts.write(self.logs / "tls", {"tls.crt": certificate.encode(), "tls.key": key.encode()})

    def command(self, *more: str) -> list[str]:
        """The agent's, of this pod."""
        folders = [f"--{name}={self.logs / name}" for name in ("table", "clients", "tls")]
        ports = [f"--port={PORT}", f"--hold-port={HOLD_PORT + self.number}", f"--metrics-port={METRICS_PORT}"]
        own = [
            f"--files={self.folder}",
            f"--admin-port={self.admin}",
            f"--address={self.address}",
            "--drain-seconds=30",
        ]
        return [sys.executable, "-m", "hooks.gateway_agent", *folders, *ports, *own, *more]

    def start_agent(self) -> None:
        """Start it, and wait until it answers."""
        self.agent = start("agent", self.command(), self.logs, {"PYTHONPATH": str(ROOT)})
        self.agent.wait_until(lambda: self.page("/healthz") is not None, START_SECONDS)

    def stop_agent(self, grace_seconds: float = 10) -> None:
        """End it; at once without a grace."""
        if self.agent:
            self.agent.stop(grace_seconds)

    def drain(self) -> None:
        """What a kubelet does first with a pod that is to end: Envoy, a sidecar, is ended after the agent."""
        assert self.agent
        os.kill(self.agent.pid, signal.SIGTERM)

    def page(self, path: str) -> str | None:
        """A page of the agent; None where it does not answer."""
        try:
            return requests.get(f"http://{self.address}:{METRICS_PORT}{path}", timeout=10).text
        except requests.ConnectionError:
            return None

    def metric(self, line: str) -> float:
        """The value of a metric with these labels; 0 where there is none."""
        found = [one for one in (self.page("/metrics") or "").splitlines() if one.startswith(f"{line} ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


@contextmanager
def pod(
    logs: Path,
    table: dict[str, Any],
    keys: Mapping[str, str],
    certificate: tuple[str, str] | None = None,
    number: int = 0,
) -> Iterator[GatewayPod]:
    """A pod that serves by this table."""
    folder = logs / "run"
    folder.mkdir()
    with ExitStack() as stack:
        made = GatewayPod(folder, None, number, logs)  # type: ignore[arg-type] - Envoy comes after its files
        made.mount_table(table)
        made.mount_keys(keys)
        if certificate:
            made.mount_certificate(*certificate)
        once = start("agent-once", made.command("--once"), logs, {"PYTHONPATH": str(ROOT)})
        assert once.popen.wait(START_SECONDS) == 0, once.tail()
        command = (envoy.program(), "--config-path", folder / "bootstrap.json", "--concurrency", "2")
        quiet = ("--log-level", "warn", "--base-id", base_id())
        made.process = stack.enter_context(running("envoy", (*command, *quiet), logs))
        stack.callback(made.stop_agent, 0)
        made.start_agent()
        if certificate is None:
            made.process.wait_until(lambda: serves(made), START_SECONDS)
        yield made
        assert "[error]" not in made.process.log.read_text(), made.process.tail()
