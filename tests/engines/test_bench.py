"""`aim bench` with the generator that vLLM publishes, against the real engine: its command, and what it prints."""

import json
import os
import subprocess

import pytest

from aimlib.data import load_data
from hooks.cli import cluster
from tests.dataplane.test_serving import MODEL
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import READY, RESOLVED, StandInCluster, stored

pytestmark = pytest.mark.engines

REQUESTS = 8
GENERATOR_SECONDS = 900
"""It imports the engine, which takes minutes on a loaded machine."""
COMPLETE = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}


class OneReplica(StandInCluster):
    """A cluster whose replica is the engine on loopback, and whose Jobs are processes on this machine."""

    def __init__(self, engine):
        container = {
            "name": "engine",
            "image": "vllm",
            "command": ["vllm", "serve", str(engine.model)],
            "ports": [{"containerPort": engine.port}],
        }
        pod = {
            "metadata": {"name": "it-1"},
            "spec": {"nodeName": "here", "containers": [container]},
            "status": {"podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
        }
        status = {**READY, "resolved": {**RESOLVED, "modelId": MODEL, "checkpoint": MODEL}}
        super().__init__(stored(status=status), pods=[pod])
        self.engine = engine

    def change(self, method, _path, body=None):
        if method == "POST":
            [container] = body["spec"]["template"]["spec"]["containers"]
            done = subprocess.run(
                [*container["command"], *container["args"]],
                cwd=container["workingDir"],
                env={**os.environ, **self.engine.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=GENERATOR_SECONDS,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout
            self.its_log = done.stdout
        return {"metadata": {"name": "it-bench-x"}}

    def read(self, path):
        return {"items": [{"metadata": {"name": "it-bench-x-1"}, "status": {}}]} if "pods" in path else COMPLETE


def test_every_figure_is_read_from_what_the_real_generator_prints(engine, monkeypatch):
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: OneReplica(engine))
    done = aim("bench", "it", "--workload", "32/16@4", "--requests", str(REQUESTS), "-o", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    measured = found["measured"]
    assert measured.keys() == load_data("load_generators")["results"].keys()
    assert (measured.pop("completed"), measured.pop("failed")) == (REQUESTS, 0)
    assert min(measured.values()) > 0
    assert measured["firstTokenMs"] <= measured["firstTokenP99Ms"]
    title = found["measurement"]["workload"]
    assert title.startswith(f"32 tokens in, 16 out, 4 at once, {REQUESTS} requests of random tokens")
