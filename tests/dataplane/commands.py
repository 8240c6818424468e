"""The pods of an endpoint as a test treats them: asked one by one, and commanded where their engine is simulated."""

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tests.dataplane.simulated.server import CHAT, HITS, WHO
from tests.e2e.space import Raw, Space

PORT = 8000


@dataclass(frozen=True)
class Reply:
    """What came back: `who` answered is the address of a pod."""

    status: int
    body: bytes
    who: str = ""
    cached: int = 0


def request(host: str, path: str, body: Raw | None = None, port: int = PORT) -> Reply:
    """One request on a connection of its own; OSError where nobody answers."""
    with closing(http.client.HTTPConnection(host, port, timeout=60)) as connection:
        method, text = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, path, text, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        who = reply.headers.get(WHO, "").rpartition(":")[0]
        return Reply(reply.status, reply.read(), who, int(reply.headers.get(HITS, 0)))


def chat(host: str, text: str = "Hi.", port: int = PORT, **body: Any) -> Reply:
    """One chat; whichever model is served."""
    return request(host, CHAT, {"messages": [{"role": "user", "content": text}], **body}, port)


def begun(host: str, text: str) -> http.client.HTTPConnection:
    """A chat whose answer nobody waits for; it is there until the connection is closed."""
    connection = http.client.HTTPConnection(host, PORT, timeout=60)
    body = json.dumps({"messages": [{"role": "user", "content": text}], "max_tokens": 3})
    connection.request("POST", CHAT, body, {"Content-Type": "application/json"})
    return connection


def command(pod: str, **given: Any) -> None:
    """Have the engine at the address of a pod do something from now on (behaviour.py)."""
    reply = request(pod, "/simulation", given)
    assert reply.status == 200, reply.body


def addresses(space: Space, name: str) -> list[str]:
    """The addresses of the pods of an endpoint that are ready."""
    pods = space.get("pods", f"--selector=app.kubernetes.io/instance={name}")["items"]
    return [one["status"]["podIP"] for one in pods if is_ready(one)]


def is_ready(pod: Raw) -> bool:
    """Whether a pod is ready."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
