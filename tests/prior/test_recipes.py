"""Recipes of the earlier API: every field of theirs does something, or is commented on in words."""

from collections.abc import Mapping
from typing import Any

import pytest

from aimlib.api import API_VERSION
from tests.outcome import Outcome, limits, requests
from tests.playing import call, play
from tests.schema import crd, objections

CONFIGURATION = {"gpuCount": 1, "enabled": True, "args": ["--max-model-len", "8192"]}
RECIPE = {
    "modelId": "Qwen/Qwen3-32B",
    "hardware": "MI300X",
    "precision": "bfloat16",
    "backend": "vllm",
    "configurations": [CONFIGURATION],
}


def serve_with(spec: Mapping[str, Any]) -> Outcome:
    """The answer to an endpoint that leaves everything to this one recipe, and the recipe hook's own status."""
    recipe = {"apiVersion": API_VERSION, "kind": "AIMRecipe", "metadata": {"name": "earlier"}, "spec": dict(spec)}
    asked = {"model": {"id": "Qwen/Qwen3-32B"}, "recipe": {"customRecipe": {"name": "earlier"}}}
    world = {"endpoint": {"spec": asked}, "recipes": [recipe], "inventory": "mi300x-and-mi325x"}
    said = play("endpoint", "/endpoint/sync", world).answer.said
    examined = call("recipe", "/recipe/sync", {"object": recipe}).said
    return Outcome({**said, "examined": examined})


def configured(**changes: Any) -> dict[str, Any]:
    return {"configurations": [{**CONFIGURATION, **changes}]}


def sourced(source: Mapping[str, Any]) -> dict[str, Any]:
    return configured(env=[{"name": "X", "valueFrom": dict(source)}])


def environment(outcome: Outcome) -> dict[str, Any]:
    return next((one for one in outcome.engine.get("env", ()) if one["name"] == "X"), {})


def source(outcome: Outcome, kind: str) -> dict[str, Any]:
    return environment(outcome).get("valueFrom", {}).get(kind, {})


ELSEWHERE = {"secretKeyRef": {"name": "other", "key": "other"}}
NAMED = {"name": "n", "key": "k"}

AIMRECIPE = (
    ("modelId", {"modelId": "Qwen/Qwen3-0.6B"}, lambda one: "available Qwen/Qwen3-0.6B" in one.status["message"]),
    ("hardware", {"hardware": "MI325X"}, lambda one: one.selected["hardware"] == "MI325X"),
    ("precision", {"precision": "float16"}, lambda one: one.selected["precision"] == "fp16"),
    ("backend", {"backend": "sglang", **configured(args=[])}, lambda one: one.selected["backend"] == "sglang"),
    ("configurations[].gpuCount", configured(gpuCount=2), lambda one: limits(one, "amd.com/gpu") == "2"),
    ("configurations[].enabled", configured(enabled=False), lambda one: "enabled: false" in one.status["message"]),
    ("configurations[].args[]", configured(args=["--seed", "7"]), lambda one: one.runs_with("--seed", "7")),
    (
        "configurations[].args[] with true as a word",
        configured(args=["--trust-remote-code", "true", "--seed", "7"]),
        lambda one: one.runs_with("--trust-remote-code", "--seed", "7"),
    ),
    ("configurations[].env[].name", configured(env=[{"name": "X", "value": "1"}]), environment),
    (
        "configurations[].env[].value",
        configured(env=[{"name": "X", "value": "1"}]),
        lambda one: environment(one).get("value") == "1",
    ),
    (
        "configurations[].env[] that would hide GPUs",
        configured(env=[{"name": "HIP_VISIBLE_DEVICES", "value": "0"}]),
        lambda one: "HIP_VISIBLE_DEVICES is dropped" in one.said["examined"]["status"].get("message", ""),
    ),
    *(
        (
            f"configurations[].env[].valueFrom.{kind}.{field}",
            sourced({kind: {**required, field: value}}),
            lambda one, kind=kind, field=field, value=value: source(one, kind).get(field) == value,
        )
        for kind, required, field, value in (
            ("configMapKeyRef", NAMED, "key", "k"),
            ("configMapKeyRef", NAMED, "name", "n"),
            ("configMapKeyRef", NAMED, "optional", True),
            ("secretKeyRef", NAMED, "key", "k"),
            ("secretKeyRef", NAMED, "name", "n"),
            ("secretKeyRef", NAMED, "optional", True),
            ("fieldRef", {"fieldPath": "metadata.name"}, "fieldPath", "metadata.name"),
            ("fieldRef", {"fieldPath": "metadata.name"}, "apiVersion", "v1"),
            ("resourceFieldRef", {"resource": "limits.cpu"}, "resource", "limits.cpu"),
            ("resourceFieldRef", {"resource": "limits.cpu"}, "containerName", "engine"),
            ("resourceFieldRef", {"resource": "limits.cpu"}, "divisor", "1m"),
        )
    ),
    (
        "configurations[].resources.requests",
        configured(resources={"requests": {"cpu": "5", "memory": "40Gi", "ephemeral-storage": "9Gi"}}),
        lambda one: [requests(one, name) for name in ("cpu", "memory", "ephemeral-storage")] == ["5", "40Gi", "9Gi"],
    ),
    (
        "configurations[].resources.limits",
        configured(resources={"limits": {"cpu": "6", "memory": "50Gi"}}),
        lambda one: (limits(one, "cpu"), limits(one, "memory")) == ("6", "50Gi"),
    ),
)


@pytest.mark.parametrize(("path", "changes", "effect"), AIMRECIPE, ids=[path for path, _, _ in AIMRECIPE])
def test_every_field_of_a_recipe_is_honoured_or_answered_with_a_message(path, changes, effect):
    spec = RECIPE | changes
    assert list(objections(spec, crd("aimrecipes")["properties"]["spec"])) == [], path
    assert effect(serve_with(spec))
    plain = serve_with(RECIPE)
    assert plain.child("Deployment")
    assert not effect(Outcome({**plain.said, "status": {"message": "", **plain.status}}))


@pytest.mark.parametrize(
    "told",
    [
        {"description": "Qwen3 32B"},
        {"performance": {"expectedTokensPerSecond": 900}},
        {"performance": {"expectedLatencyMs": 120}},
        {"performance": {"maxBatchSize": 64}},
    ],
    ids=str,
)
def test_what_a_recipe_tells_people_is_kept_and_decides_nothing(told):
    assert list(objections(RECIPE | told, crd("aimrecipes")["properties"]["spec"])) == []
    assert serve_with(RECIPE | told).said == serve_with(RECIPE).said
