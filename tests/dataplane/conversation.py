"""What an engine answers to the requests of tests/testdata/engine-answers, in a form that can be compared.

`python -m tests.dataplane.conversation URL MODEL` prints the answers of one, as they are recorded there.
"""

import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.kustomize import ROOT

RECORDED = ROOT / "tests" / "testdata" / "engine-answers"
LONG = "word " * 20000
"""More than the context of any engine here."""
WORDS = {"object", "role", "finish_reason", "stop_reason", "code", "param", "owned_by"}
"""Keys whose texts are part of the protocol; other texts are any."""
Raw = dict[str, Any]


def ask(url: str, model: str) -> dict[str, Raw]:
    """The answer to each request, by its name."""
    asked = yaml.safe_load((RECORDED / "requests.yaml").read_text())
    return {name: answer(url, model, request) for name, request in asked.items()}


def answer(url: str, model: str, request: Raw) -> Raw:
    """Status, type of the content, and the content: JSON, the events of a stream, or text."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
    try:
        body = json.dumps(request["body"]) if "body" in request else request.get("text")
        if "body" in request:
            body = body.replace("{model}", model).replace("{long}", LONG)
        method = "GET" if body is None else "POST"
        connection.request(method, request["path"], body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        kind, text = (reply.headers.get("Content-Type") or "").partition(";")[0], reply.read().decode()
    finally:
        connection.close()
    return {"status": reply.status, "type": kind, "content": _content(kind, text)}


def _content(kind: str, text: str) -> Any:
    if kind == "application/json":
        return json.loads(text)
    if kind == "text/event-stream":
        data = [event.removeprefix("data: ") for event in text.strip().split("\n\n")]
        return [one if one == "[DONE]" else json.loads(one) for one in data]
    return text


def shape(value: Any, key: str = "") -> Any:
    """A value without what differs from one answer to the next: times, ids, texts, numbers."""
    if isinstance(value, dict):
        return {name: shape(one, name) for name, one in value.items()}
    if isinstance(value, list):
        shapes = [shape(one) for one in value]
        return [one for at, one in enumerate(shapes) if not at or one != shapes[at - 1]]  # as many pieces as there are
    if isinstance(value, str) and key not in WORDS and value != "[DONE]":
        return "" if not value else "text"
    if isinstance(value, int | float) and not isinstance(value, bool) and key not in {"status", "code", "index"}:
        return "number"
    return value


if __name__ == "__main__":
    answers = ask(*sys.argv[1:])
    print(yaml.safe_dump(answers, sort_keys=False, width=120), end="")
