"""The demo as a user runs it, away from a terminal."""

import subprocess
import sys

import pytest

from tests.cluster.plane import ROOT
from tests.dataplane import network

pytestmark = pytest.mark.e2e


def test_the_demo_serves_its_example_explains_it_and_stops_cleanly():
    if why := network.refusal():
        pytest.fail(why)
    command = [sys.executable, "-m", "tests.cluster", "demo"]
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "manifests/examples/endpoint.yaml is Ready" in done.stdout
    for sentence in ("gpuCount 16 is more than any node has: 8 (MI300X, MI325X)", "requested 3 GPUs, available 2 GPUs"):
        warned, refused = (line for line in done.stdout.splitlines() if sentence in line)
        assert warned.startswith("Warning: ")
        assert "denied" in refused
    assert "\nFailed: there is not enough GPU memory: HIP out of memory. Tried to allocate" in done.stdout
    shown = done.stdout[done.stdout.index("$ kubectl get aimendpoints") :]
    assert "Qwen/Qwen3-32B" in shown
    assert "16 x MI300X" in shown
    explained = shown[shown.index("$ aim explain qwen") : shown.index("$ kubectl create secret")].splitlines()[1:]
    assert sum("mi300x" in line for line in explained) > 1, "the candidates that were not chosen are not explained"
    assert "aimgateway.aim.engine.amd.com/models condition met" in shown
    assert "$ curl http://models.default.svc/v1/chat/completions" in shown
    *_, answer, stopped = done.stdout.splitlines()
    assert answer == '"I am a simulated engine; no model runs here, and this is how an answer arrives, word by word."'
    assert stopped.endswith("stopped")
