"""A gateway of the tests: Envoy with rendered files, in front of simulated engines on addresses of pods."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from aimlib.gateway.render import Listening, bootstrap, render
from aimlib.gateway.table import ModelTable
from tests import envoy
from tests.cluster.components import answers
from tests.cluster.plane import ROOT
from tests.cluster.processes import Process, running
from tests.dataplane import commands
from tests.dataplane.names import Names

ADDRESS, PORT, ADMIN = "10.244.127.1", 8080, 9901
START_SECONDS = 60


@dataclass
class Engines:
    """Replicas of models by the name of their headless Service, such as `chat-pods`."""

    names: Names
    logs: Path
    stack: ExitStack
    processes: dict[str, Process] = field(default_factory=dict)
    """By address."""

    def add(self, service: str, model: str, count: int, *more: str) -> list[str]:
        """Start so many replicas, and wait until all answer; their addresses."""
        first = len(self.processes) + 1
        made = [f"10.244.126.{first + at}" for at in range(count)]
        for address in made:
            words = ("vllm", "serve", model, "--host", address, "--port", str(commands.PORT), *more)
            command = (sys.executable, "-m", "tests.dataplane.simulated", *words)
            self.processes[address] = self.stack.enter_context(
                running(f"engine-{address}", command, self.logs, PYTHONPATH=str(ROOT))
            )
        for address in made:
            url = f"http://{address}:{commands.PORT}/health"
            self.processes[address].wait_until(lambda url=url: answers(url), START_SECONDS)
        self.names.own[self.host(service)] = made
        return made

    def kill(self, address: str) -> None:
        """End a replica as a node does that fails; its name stays for now."""
        self.processes[address].stop(0)

    @staticmethod
    def host(service: str) -> str:
        """The name of a Service."""
        return f"{service}.team-a.svc.cluster.local"

    def target(self, service: str, **more: Any) -> dict[str, Any]:
        """A target of the table."""
        name = f"team-a/{service}/a"
        return {"name": name, "host": self.host(service), "port": commands.PORT, **more}


@dataclass
class Gateway:
    """A running Envoy."""

    folder: Path
    process: Process
    number: int = 0
    """Of those that run at once."""

    @property
    def address(self) -> str:
        """Of its pod."""
        return f"10.244.127.{1 + self.number}"

    @property
    def admin(self) -> int:
        """The port of its own page, on the loopback that all have in common here."""
        return ADMIN + self.number

    @property
    def url(self) -> str:
        """Where clients send their requests."""
        return f"http://{self.address}:{PORT}"

    def take(self, table: dict[str, Any], keys: Mapping[str, Sequence[str]]) -> None:
        """Go by another table from now on: Envoy has taken all files when this returns."""
        before = self.counts()
        files = render(ModelTable.model_validate(table), keys, Listening(str(self.folder), PORT, ADDRESS))
        changed = [name for name, text in files.items() if self.text(name) != text]
        envoy.write(self.folder, {name: files[name] for name in changed})
        self.process.wait_until(
            lambda: all(self.counts()[UPDATES[name]] > before[UPDATES[name]] for name in changed), START_SECONDS
        )

    def text(self, name: str) -> str:
        """A file as it is now."""
        file = self.folder / name
        return file.read_text() if file.exists() else ""

    def counts(self) -> dict[str, int]:
        """Envoy's own counts by name."""
        page = requests.get(f"http://127.0.0.1:{self.admin}/stats?format=json", timeout=10).json()["stats"]
        return dict.fromkeys(UPDATES.values(), 0) | {one["name"]: one["value"] for one in page if "value" in one}

    def post(self, path: str, body: Any = None, key: str | None = "key-of-red", **options: Any) -> requests.Response:
        """One request with a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"Content-Type": "application/json", **options.pop("headers", {})}
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        return requests.post(f"{self.url}{path}", data=data, headers=headers, timeout=60, **options)

    def chat(self, model: str, text: str = "Hi.", key: str | None = "key-of-red", **more: Any) -> requests.Response:
        """One chat."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.post("/v1/chat/completions", body, key)


UPDATES = {
    "cds.json": "cluster_manager.cds.update_success",
    "lds.json": "listener_manager.lds.update_success",
    "rds.json": "http.gateway.rds.models.update_success",
}


@contextmanager
def engines(names: Names, logs: Path) -> Iterator[Engines]:
    """No engines yet; all that were added are stopped afterwards."""
    with ExitStack() as stack:
        yield Engines(names, logs, stack)
    names.own.clear()


@contextmanager
def started(folder: Path, table: dict[str, Any], keys: Mapping[str, Sequence[str]]) -> Iterator[Gateway]:
    """An Envoy that goes by this table, and answers."""
    files = render(ModelTable.model_validate(table), keys, Listening(str(folder), PORT, ADDRESS))
    envoy.write(folder, {"bootstrap.json": bootstrap(str(folder), ADMIN), **files})
    command = (envoy.program(), "--config-path", folder / "bootstrap.json", "--concurrency", "2", "--log-level", "warn")
    with running("envoy", (*command, "--base-id", base_id()), folder) as process:
        made = Gateway(folder, process)
        process.wait_until(lambda: serves(made), START_SECONDS)
        yield made


def base_id() -> str:
    """Tells this Envoy's shared memory from that of others on the machine."""
    return str(time.time_ns() % 10**6)


def serves(gateway: Gateway) -> bool:
    """Whether it answers at all."""
    try:
        return requests.get(gateway.url, timeout=5).status_code in {401, 404}
    except requests.ConnectionError:
        return False
