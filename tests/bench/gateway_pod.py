"""A pod of a gateway on loopback, with its agent and Envoy, and the peer that takes turns with it."""

import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aimlib.gateway.listener import EXTENSIONS
from tests import envoy
from tests.cluster import mounts
from tests.cluster.plane import ROOT
from tests.cluster.processes import Process, free_ports, running

KEY = "key-of-red"
CHAT = "/v1/chat/completions"
QUESTION = [{"role": "user", "content": "Say something."}]
START_SECONDS = 120
PEER = "smg"
"""A router of models that is published as a package: the one there is, to be measured beside."""
FORWARDER = "forwarder"
"""An Envoy that forwards everything to one place and looks at nothing: the least that a proxy adds on this machine."""


@dataclass(frozen=True)
class Pod:
    """A running one."""

    port: int
    folder: Path
    envoy: Process
    agent: Process

    def mount(self, table: dict[str, Any]) -> None:
        """Another table, as a kubelet brings it."""
        mounts.write(self.folder / "table", {"table.json": json.dumps(table).encode()})


@contextmanager
def pod(folder: Path, table: dict[str, Any]) -> Iterator[Pod]:
    """A pod that goes by this table, in the order in which its containers start."""
    port, admin, hold, pages = free_ports(4)
    for name in ("run", "tls"):
        (folder / name).mkdir(parents=True)
    mounts.write(folder / "table", {"table.json": json.dumps(table).encode()})
    mounts.write(folder / "clients", {"red": KEY.encode()})
    places = [f"--{name}={folder / name}" for name in ("table", "clients", "tls")]
    ports = {"port": port, "hold-port": hold, "metrics-port": pages, "admin-port": admin, "drain-seconds": 0}
    options = [f"--{name}={value}" for name, value in ports.items()]
    program = (sys.executable, "-m", "hooks.gateway_agent", *places, *options, f"--files={folder / 'run'}")
    command = (*program, "--address=127.0.0.1")
    with running("files", (*command, "--once"), folder, PYTHONPATH=str(ROOT)) as once:
        if code := once.popen.wait(START_SECONDS):
            raise RuntimeError(f"the agent wrote no files, code {code}: {once.tail()}")
    with (
        running("envoy", _proxy(folder / "run" / "bootstrap.json"), folder) as first,
        running("agent", command, folder, PYTHONPATH=str(ROOT)) as second,
    ):
        first.wait_until(lambda: _is_ready(pages), START_SECONDS)
        yield Pod(port, folder, first, second)


@contextmanager
def forwarder(folder: Path, model: str, behind: int) -> Iterator[tuple[int, Process]]:
    """A forwarder in front of an engine; its port and its process."""
    [port] = free_ports(1)
    folder.mkdir()
    config = folder / "envoy.json"
    config.write_text(json.dumps({"static_resources": _forwarding(port, behind)}))
    with running(FORWARDER, _proxy(config), folder) as process:
        process.wait_until(lambda: answers(port, model), START_SECONDS)
        yield port, process


@contextmanager
def engine(folder: Path, model: str) -> Iterator[int]:
    """A simulated engine that answers; its port."""
    [port] = free_ports(1)
    command = (sys.executable, "-m", "tests.dataplane.simulated", "vllm", "serve", model, "--host", "127.0.0.1")
    with running("engine", (*command, "--port", str(port)), folder, PYTHONPATH=str(ROOT)) as process:
        process.wait_until(lambda: answers(port, model), START_SECONDS)
        yield port


@contextmanager
def peer(folder: Path, model: str, behind: int) -> Iterator[tuple[int, Process]]:
    """The peer in front of an engine, keeping prefixes together as ours does; its port and its process."""
    port, pages = free_ports(2)
    options = {"host": "127.0.0.1", "port": port, "worker-urls": f"http://127.0.0.1:{behind}", "policy": "cache_aware"}
    more = {"prometheus-host": "127.0.0.1", "prometheus-port": pages, "log-level": "error"}
    words = [word for name, value in {**options, **more}.items() for word in (f"--{name}", str(value))]
    with running(PEER, (sys.executable, "-m", "smg.launch_router", *words), folder) as process:
        process.wait_until(lambda: answers(port, model), START_SECONDS)
        yield port, process


def connection(port: int) -> http.client.HTTPConnection:
    """A kept-alive connection without delays of its own."""
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    made.connect()
    made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def begin(line: http.client.HTTPConnection, body: dict[str, Any]) -> http.client.HTTPResponse:
    """One chat, as far as its head; RuntimeError where it is not answered."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    line.request("POST", CHAT, json.dumps(body), headers)
    reply = line.getresponse()
    if reply.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{reply.status}: {reply.read().decode(errors='replace')}")
    return reply


def answers(port: int, model: str) -> bool:
    """Whether a chat with a model is answered there."""
    try:
        with closing(connection(port)) as line:
            begin(line, {"model": model, "messages": QUESTION, "max_tokens": 1}).read()
    except (OSError, RuntimeError, http.client.HTTPException):
        return False
    return True


def _proxy(config: Path) -> tuple[object, ...]:
    quiet = ("--log-level", "error", "--base-id", str(time.time_ns() % 10**6))
    return (envoy.program(), "--config-path", config, "--concurrency", "2", *quiet)


def _forwarding(port: int, behind: int) -> dict[str, Any]:
    """The resources of Envoy that this takes."""
    listen, to = (
        {"address": {"socket_address": {"address": "127.0.0.1", "port_value": number}}} for number in (port, behind)
    )
    hosts = [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "engine"}}]}]
    router = {"name": "router", "typed_config": {"@type": f"{EXTENSIONS}.http.router.v3.Router"}}
    manager = {
        "@type": f"{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": FORWARDER,
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [router],
    }
    members = {"cluster_name": "engine", "endpoints": [{"lb_endpoints": [{"endpoint": to}]}]}
    return {
        "listeners": [{**listen, "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}],
        "clusters": [{"name": "engine", "type": "STATIC", "load_assignment": members}],
    }


def _is_ready(port: int) -> bool:
    try:
        with closing(connection(port)) as line:
            line.request("GET", "/ready")
            return line.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
