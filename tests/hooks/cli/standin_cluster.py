"""A cluster of a kubeconfig in memory, in place of LiveCluster: what commands read, and what they changed."""

import json
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from aimlib.api import API_VERSION
from hooks.cli import files
from hooks.cli.absent import AbsentEndpointError
from hooks.cli.endpoint_progress import patched
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError
from hooks.planning import simulate
from tests.hooks.cli.commandline import recipe

MODEL = "example/model"
RESOLVED = {
    "decidedFor": "x",
    "recipe": "one",
    "modelId": MODEL,
    "checkpoint": MODEL,
    "backend": "vllm",
    "precision": "bf16",
    "gpuCount": 2,
    "image": "a:b",
    "product": "MI300X",
    "vendor": "amd",
}


def condition(kind, status, reason, message="", generation=1):
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
    }


READY = {
    "phase": "Ready",
    "model": MODEL,
    "conditions": [condition("Ready", "True", "Ready")],
    "resolved": RESOLVED,
    "replicas": {"desired": 1, "ready": 1},
    "endpoints": {"internal": "http://it.team.svc:8000/v1"},
}


def stored(name="it", status=READY, **spec):
    """An AIMEndpoint as the cluster has it."""
    metadata = {"name": name, "namespace": "team", "generation": 1}
    spec = {"modelId": MODEL, **spec}
    return {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": metadata, "spec": spec, "status": status}


def pod(name="it-1", created="2026-01-01T00:00:00Z", ready="True", **status):
    return {
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {"nodeName": "node-1", "containers": [{"ports": [{"containerPort": 8000}]}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}], **status},
    }


class StandInCluster:
    """Endpoints with what becomes of them, one status after the other."""

    namespace = "team"

    def __init__(self, *endpoints, **given):
        self.found = {one["metadata"]["name"]: one for one in endpoints}
        self.becomes, self.its_pods, self.its_events = (
            [*given.get(name, ())] for name in ("becomes", "pods", "events")
        )
        self.its_log, self.server, self.refuses = given.get("log", ""), given.get("server"), given.get("refuses", ())
        self.created, self.patches, self.opened = [], [], []

    def endpoint(self, name):
        if name not in self.found:
            raise AbsentEndpointError(self.namespace, name, self.endpoints())
        if self.created or self.patches:
            self.found[name] = {**self.found[name], "status": self.becomes.pop(0) if self.becomes else READY}
        return self.found[name]

    def endpoints(self):
        return [*self.found.values()]

    def create_endpoint(self, endpoint):
        self.created.append(endpoint)
        name = endpoint["metadata"]["name"]
        self.found[name] = {**endpoint, "metadata": {"name": name, "namespace": "team", "generation": 1}}

    def patch_endpoint(self, name, change):
        self.patches.append(change)
        self.found[name] = patched(self.found[name], change)

    def pods(self, _name):
        return self.its_pods

    def events(self, _name):
        return self.its_events

    def log(self, pod, lines, *, previous):
        self.opened.append((pod, lines, previous))
        return self.its_log

    def open_port(self, pod, port):
        self.opened.append((pod, port))
        return HTTPConnection("127.0.0.1", self.server.server_port)

    def all(self, plural):
        if plural in self.refuses:
            raise CommandError(f"{plural} is forbidden", CLUSTER_ERROR_CODE)
        found = files.recipe_catalogue([("here", recipe("one").encode())])
        return [simulate.simulate_recipe(one) for one in found] if plural == "aimrecipes" else []

    def caches(self, _namespace):
        return []

    gateways = caches

    def declared_children(self):
        return None

    def inventory(self):
        return simulate.simulate_inventory(simulate.usual_nodes(["MI300X"]))


class Engine(ThreadingHTTPServer):
    """A server on loopback that answers chats in pieces, or with what a test gives it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.events = [
            {"choices": [{"delta": {"role": "assistant"}}]},
            {"choices": [{"delta": {"content": "Hel"}}]},
            {"choices": [{"delta": {"content": "lo"}}]},
            {"choices": [], "usage": {"completion_tokens": 2}},
            "[DONE]",
        ]
        self.models = {"data": [{"id": MODEL}]}
        self.status, self.error = 200, b""
        self.requests = []

    def __enter__(self):
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self._send(200, json.dumps(self.server.models).encode())

    def do_POST(self):
        self.server.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if self.server.status == 200:
            lines = [f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in self.server.events]
            self._send(200, f": comment\n\n{''.join(lines)}".encode())
        else:
            self._send(self.server.status, self.server.error)

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
