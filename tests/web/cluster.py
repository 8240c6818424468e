"""The cluster of the web page's tests and pictures: objects as the real hooks answer for them, behind an API."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from aimlib.api import API_VERSION, GROUP, VERSION
from hooks.cli import files
from hooks.planning.simulate import simulate_recipe
from tests.dashboards.state import WORLDS, synced
from tests.loopback import Answering, Loopback, answering

Raw = dict[str, Any]
MODELS = (
    *("Qwen/Qwen3-32B", "Qwen/Qwen3-14B", "meta-llama/Llama-3.3-70B-Instruct", "openai/gpt-oss-120b"),
    "mistralai/Ministral-3-14B-Instruct-2512",
)
"""What recipes are there for."""
FIGURES = {
    "throughput": 4.8,
    "tokensPerSecond": 1100,
    "latency": 5200,
    "timeToFirstTokenP95": 210,
    "requestsRunning": 14,
    "requestsWaiting": 0,
    "kvCacheUtilization": 52,
    "gpuUtilization": 78,
    "observedAt": "2026-11-23T12:00:00Z",
}
CANARY = {
    "id": "0f3a9c",
    "phase": "Progressing",
    "step": 1,
    "weight": 10,
    "began": "2026-11-23T11:40:00Z",
    "since": "2026-11-23T11:45:00Z",
    "checkedAt": "2026-11-23T11:59:00Z",
    "stableTrack": "a",
    "reason": "Progressing",
    "message": "10 % of the requests for another 6 minutes",
    "checks": [
        {"name": "error ratio", "stable": "0.1 %", "canary": "0 %", "limit": "2 %", "verdict": "Passed"},
        {"name": "time to first token", "stable": "210 ms", "canary": "195 ms", "limit": "252 ms", "verdict": "Passed"},
    ],
}
HISTORY = [
    {"number": 1, "id": "1a", "since": "2026-11-20T08:00:00Z", "until": "2026-11-22T08:00:00Z", "ready": True}
    | {"why": "Created", "outcome": "Replaced"},
    {"number": 2, "id": "2b", "since": "2026-11-22T08:00:00Z", "ready": True, "why": "SpecChanged"},
]
HOSTILE = (
    "</td><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'`${7*7}{{7*7}}\x1b[31m\u202egnp.exe"
)
"""What a tenant may write where text is free: markup, quotes, templates, a terminal's controls, and of direction."""


def event(reason: str, message: str, minute: int, name: str = "chat", kind: str = "Normal") -> Raw:
    """An Event of an endpoint."""
    return {
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "lastTimestamp": f"2026-11-23T11:{minute:02}:00Z",
        "involvedObject": {"kind": "AIMEndpoint", "name": name},
        "metadata": {"name": f"{name}.{minute}", "namespace": "team-a"},
    }


@cache
def _stored() -> dict[str, list[Raw]]:
    endpoints = [synced("endpoint", name, world) for name, world in WORLDS["endpoints"].items()]
    for one in endpoints:
        one["metadata"].setdefault("generation", 1)
        for condition in one["status"]["conditions"]:
            condition["observedGeneration"] = one["metadata"]["generation"]
    chat = endpoints[0]
    chat["status"] |= {"metrics": FIGURES, "canary": CANARY, "history": HISTORY}
    chat["spec"]["scaling"] = {"minReplicas": 1, "maxReplicas": 4}
    recipes = files.recipe_catalogue(files.read_sources([files.shipped_recipes()]), names=MODELS)
    inventory = {"apiVersion": API_VERSION, "kind": "AIMInventory", "metadata": {"name": "cluster"}}
    return {
        "aimendpoints": endpoints,
        "aimrecipes": [simulate_recipe(one) for one in recipes],
        "aimmodels": [*files.model_catalogue(names=MODELS)],
        "aiminventories": [{**inventory, "status": WORLDS["inventory"]}],
        "events": [
            event("RecipeSelected", "selected ministral-3-14b-2512-mi300x-fp8", 40),
            event("Unhealthy", "a replica did not answer for 30 seconds", 52, kind="Warning"),
        ],
    }


def stored() -> dict[str, list[Raw]]:
    """The objects of the cluster by the plural of their kind, to be changed at will."""
    return deepcopy(_stored())


class Api(Loopback):
    """An API server that has these objects; `requests` has what it was requested, `refused` what it refuses and how."""

    def __init__(self, objects: dict[str, list[Raw]]) -> None:
        super().__init__(_Answering)
        self.objects = objects
        self.requests: list[tuple[str, str]] = []
        self.refused: dict[str, int] = {}


class _Answering(Answering):
    server: Api

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.requests.append(("GET", self.path))
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        inside = parts[2:] if parts[0] == "api" else parts[3:]
        assert parts[: len(parts) - len(inside)] in (["api", "v1"], ["apis", GROUP, VERSION])
        namespace = inside[1] if inside[0] == "namespaces" else None
        plural, *name = inside[2:] if namespace else inside
        if code := self.server.refused.get(plural):
            return self.reply_json(code, {"kind": "Status", "code": code, "message": HOSTILE})
        found = [one for one in self.server.objects[plural] if namespace in {None, one["metadata"].get("namespace")}]
        if name:
            named = [one for one in found if one["metadata"]["name"] == name[0]]
            return self.reply_json(*((200, named[0]) if named else (HTTPStatus.NOT_FOUND, {"code": 404})))
        query = parse_qs(url.query)
        for field in query.get("fieldSelector", [""])[0].split(","):
            path, _, value = field.partition("=")
            found = [one for one in found if not path or one["involvedObject"][path.rpartition(".")[2]] == value]
        begin, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        rest = {"continue": str(begin + limit)} if begin + limit < len(found) else {}
        return self.reply_json(200, {"items": found[begin : begin + limit], "metadata": rest})

    def do_POST(self) -> None:
        self.server.requests.append((self.command, self.path))
        self.reply_json(HTTPStatus.METHOD_NOT_ALLOWED, {"code": 405})

    do_PUT = do_PATCH = do_DELETE = do_POST


@contextmanager
def api(objects: dict[str, list[Raw]] | None = None) -> Iterator[Api]:
    """An API server with these objects, those of the simulated cluster unless others are given."""
    server = Api(stored() if objects is None else objects)
    with answering(server, "API server"):
        yield server
