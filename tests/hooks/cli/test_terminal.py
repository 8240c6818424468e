"""Nothing that objects, volumes or a cluster contain controls the terminal that it is printed on."""

import json
from types import SimpleNamespace

import pytest
import yaml

from aimlib.api import API_VERSION
from aimlib.printable import printable
from hooks.cli import cluster
from tests.hooks.cli.commandline import aim, endpoint, recipe

ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b31m\u202eab\x08\x7f"
MODEL = "example/model"


RESOLVED = {
    "decidedFor": "x",
    "recipe": "one",
    "modelId": MODEL,
    "checkpoint": MODEL,
    "backend": "vllm",
    "precision": "bf16",
    "gpuCount": 1,
    "image": "a:b",
    "product": "MI300X",
    "vendor": "amd",
}


def hostile(name="one", **spec):
    """A recipe with escapes in every free text."""
    made = yaml.safe_load(recipe(name))
    made["spec"] |= {"description": ESCAPES, "hardware": f"MI300X{ESCAPES}", **spec}
    made["spec"]["facts"] |= {"source": ESCAPES, "license": ESCAPES}
    made["spec"]["configurations"][0]["args"].append(f"--nope={ESCAPES}")
    return yaml.safe_dump(made)


def assert_harmless(done):
    for text in (done.stdout, done.stderr):
        assert printable(text, newlines=True) == text


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml"])
def test_recipes_with_escapes(output):
    done = aim("recipes", "--recipes", hostile(), "-o", output)
    assert "MI300X" in done.stdout
    assert_harmless(done)


@pytest.mark.parametrize("command", ["plan", "explain"])
def test_endpoints_and_recipes_with_escapes(command):
    asked = endpoint(modelId=MODEL, monitoring={"enabled": True, "grafana": {"enabled": True, "dashboard": ESCAPES}})
    assert_harmless(aim(command, "-f", asked, "--recipes", hostile()))
    assert_harmless(aim(command, "-f", asked, "--recipes", recipe("one")))


def test_names_and_keys_with_escapes_in_what_is_refused():
    made = {"apiVersion": API_VERSION, "kind": f"AIMEndpoint{ESCAPES}", "metadata": {"name": f"x{ESCAPES}"}, "spec": {}}
    for changed in (made, {**made, "kind": "AIMEndpoint"}, {**made, ESCAPES: 1, "kind": "AIMEndpoint"}):
        done = aim("plan", "-f", json.dumps(changed) + "\n")
        assert done.exit_code == 2
        assert_harmless(done)


def test_a_cluster_with_escapes(monkeypatch):
    status = {
        "message": ESCAPES,
        "conditions": [{"type": "Ready", "status": "False", "reason": "Odd", "message": f"it is {ESCAPES}"}],
        "warnings": [ESCAPES],
        "selection": {"decidedFor": "x", "message": ESCAPES, "considered": 0},
        "resolved": RESOLVED,
    }
    made = yaml.safe_load(endpoint(modelId=MODEL)) | {"status": status}
    found = SimpleNamespace(
        namespace="default",
        endpoint=lambda _: made,
        all=lambda _: [yaml.safe_load(hostile())],
        inventory=dict,
        caches=lambda _: [],
    )
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: found)
    for words in (("recipes", "--live"), ("explain", "it")):
        assert_harmless(aim(*words))
