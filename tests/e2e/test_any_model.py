"""Models that nobody described: a Job finds their facts, and an endpoint goes on by itself, or says what to do."""

import json
import re

import pytest

from aimlib.api import API_VERSION
from aimlib.naming import OPERATOR_NAMESPACE
from tests.e2e.space import endpoint
from tests.hooks.cli.test_model_commands import CONFIG
from tests.hooks.jobs.volume.test_inspection import safetensors
from tests.hub import Fault

pytestmark = pytest.mark.e2e

FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    **{f"model-0000{place}-of-00002.safetensors": safetensors((1024, 2048), after=50_000) for place in (1, 2)},
}
LOADED = sum(len(content) for path, content in FILES.items() if path != "config.json")


def served_from(hub, name, model, **spec):
    """An endpoint whose engine downloads from that hub, which is one that gets tokens: others are no endpoint's."""
    return endpoint(name, modelId=model, engine={"env": [{"name": "HF_ENDPOINT", "value": hub.url}]}, **spec)


def inspection(space, kind, name):
    return space.get(kind, name).get("status", {}).get("inspection", {})


def test_an_endpoint_goes_from_apply_to_ready_by_itself(space, token_hub):
    hub = token_hub
    commit = hub.add("acme/mine-8b", FILES).commit
    hub.fault = Fault(status=503, times=2)  # which is retried
    space.apply(served_from(hub, "chat", "acme/mine-8b"))
    space.ready("chat")
    found = space.get("aimendpoint", "chat")["status"]
    assert found["resolved"]["derivedFrom"] == f"the files of acme/mine-8b at {commit[:12]}"
    assert re.fullmatch("derived-mine-8b-.*-bf16(-sglang)?", found["selectedRecipe"]["name"])
    read = found["inspection"]
    assert (read["state"], read["commit"], read["facts"]["layers"]) == ("Found", commit, 36)
    assert read["foundAt"]
    assert hub.sent("acme/mine-8b") <= LOADED + 10_000, "the weights themselves are not read"

    # What runs stays, whatever becomes of the Job, of the reports and of the files at the hub.
    before = space.deployment("chat")["spec"]
    hub.add("acme/mine-8b", {**FILES, "config.json": json.dumps({**CONFIG, "num_hidden_layers": 48}).encode()})
    space.kubectl("delete", "configmap", "chat-inspection")
    space.kubectl("delete", "jobs", "--all")
    space.wait("the reports to be there again", lambda: "configmap/chat-inspection" in space.names("configmaps"))
    assert space.names("jobs") == []
    assert inspection(space, "aimendpoint", "chat")["commit"] == commit
    assert space.deployment("chat")["spec"] == before
    space.ready("chat")


CASES = {
    "gated": ("TokenMissing", "acme/gated at http://127.0.0.1:[0-9]+ is gated, and there is no token: accept"),
    "none": ("NotFound", "has no model acme/none, or it is private and there is no token: correct the id"),
    "bin": ("NotSafetensors", r"its weights are PyTorch's \(pytorch_model\.bin\), .* has safetensors"),
    "gguf": ("NotSafetensors", r"its weights are GGUF \(mine-Q4\.gguf\), .* they were made from"),
    "odd": ("UnknownArchitecture", "the config.json of acme/odd lacks .* describe the model by an AIMModel"),
}
"""By the name of the model: the reason, and the words."""


def test_each_way_to_fail_says_what_to_do(space, token_hub):
    hub = token_hub
    hub.add("acme/gated", FILES, gated=True)
    hub.add("acme/bin", {"config.json": FILES["config.json"], "pytorch_model.bin": 20_000})
    hub.add("acme/gguf", {"mine-Q4.gguf": 20_000})
    hub.add("acme/odd", {**FILES, "config.json": b'{"architectures": ["NewForCausalLM"], "depth": 12}'})
    space.apply(*(served_from(hub, name, f"acme/{name}") for name in CASES))
    for name, (reason, words) in CASES.items():
        message = space.becomes(name, "ModelNotInspected")
        assert re.search(f"no recipe for model acme/{name}; .*{words}", message)
        assert re.search(rf"tried again within an hour, or at once when Job {name}-inspection-\w+ is deleted", message)
        found = space.get("aimendpoint", name)["status"]
        assert (found["phase"], found["inspection"]["reason"]) == ("Pending", reason)
        assert space.condition(name, "RecipeSelected")["reason"] == "ModelNotInspected"
    assert space.names("deployments") == []

    # Once access is there, a deleted Job is enough.
    hub.tokens["secret-of-mine"] = {"acme/gated"}
    hub.add("acme/gated", FILES)
    space.kubectl("delete", "job", inspection(space, "aimendpoint", "gated")["job"])
    space.ready("gated")


def test_an_aimmodel_without_facts_gets_them_and_serves(space, hub):
    commit = hub.add("acme/registered", FILES).commit
    name = f"registered-{space.namespace[-4:]}"
    spec = {"modelId": "acme/registered", "hub": {"endpoint": hub.url}}
    model = {"apiVersion": API_VERSION, "kind": "AIMModel", "metadata": {"name": name}, "spec": spec}
    try:
        space.apply(model)
        space.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"aimmodel/{name}")
        status = space.get("aimmodel", name)["status"]
        assert status["inspection"]["facts"]["architecture"] == "Qwen3ForCausalLM"
        assert (status["inspection"]["commit"], bool(status["inspection"]["foundAt"])) == (commit, True)
        assert status["candidates"]
        assert status["phase"] == "Ready"
        space.apply(endpoint("chat", modelId="acme/registered"))
        space.ready("chat")
        found = space.get("aimendpoint", "chat")["status"]
        assert found["resolved"]["derivedFrom"] == f"AIMModel {name}"
        assert "inspection" not in found
        assert f"configmap/{name}-inspection" in space.kubectl(
            "get", "configmaps", "--output=name", f"--namespace={OPERATOR_NAMESPACE}"
        )
    finally:
        space.kubectl("delete", "aimmodel", name)
