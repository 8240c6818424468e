"""`aim fleet`: how GPUs are used, and what would need fewer of them."""

import json
import re

import pytest

from hooks.cli import files
from hooks.cli.fleet_report import FLEET_HEAD, SUGGESTION_HEAD
from hooks.planning import simulate
from tests.hooks.cli.commandline import recipe
from tests.hooks.cli.standin_cluster import MODEL, READY, RESOLVED, StandInCluster, stored

WIDE = recipe("one", configurations=[{"gpuCount": count, "args": ["--max-model-len=4096"]} for count in (1, 2, 4)])
QUANTISED = recipe("two", precision="fp8", configurations=[{"gpuCount": 1, "args": ["--max-model-len=4096"]}])
LARGE = {"weightsGiB": 300, "layers": 80, "attentionHeads": 64, "keyValueHeads": 8, "headDim": 128, "maxContext": 4096}
MEMORY = {"name": "memory", "value": "74.5 of 230.4 GiB per device (KV cache: 10 tokens, 1.0 sequences)"}
SPEED = {"name": "speed", "value": "600 tokens/s per GPU (predicted)"}
MEASURED = {"requestsRunning": 3, "kvCacheUtilization": 40, "gpuUtilization": 55, "observedAt": "2026-01-01T00:00:00Z"}
IDLE = {"requestsRunning": 0, "requestsWaiting": 0, "kvCacheUtilization": 0}
STARTUP = {"p50Seconds": 60, "p90Seconds": 90, "count": 2, "parts": {"load": 60}}


def status(gpus=4, ready=2, desired=2, **more):
    candidates = [
        {"recipe": "one", "gpuCount": gpus, "rank": 1, "score": [MEMORY, SPEED]},
        {"recipe": "one", "gpuCount": 9, "rule": "gpuCount", "asked": "9", "found": "8"},
    ]
    selection = {"decidedFor": "x", "message": "one", "considered": 2, "candidates": candidates}
    resolved = {**RESOLVED, "gpuCount": gpus}
    return (
        READY | {"resolved": resolved, "selection": selection, "replicas": {"desired": desired, "ready": ready}} | more
    )


class Cluster(StandInCluster):
    recipes = (WIDE,)

    def read(self, path, _query=None):
        named = path.partition("/namespaces/")[2].partition("/")[0]
        found = self.endpoints()
        return {"items": [one for one in found if named in ("", one["metadata"]["namespace"])]}

    def all(self, plural):
        texts = [(str(number), text.encode()) for number, text in enumerate(self.recipes)]
        found = files.recipe_catalogue(texts)
        return [simulate.simulate_recipe(one) for one in found] if plural == "aimrecipes" else []


@pytest.fixture
def fleet(aim_on):
    """What `aim fleet -o json` has of these endpoints; and the text of other words."""

    def run(*endpoints, words=("-o", "json"), recipes=(WIDE,)):
        cluster = Cluster(*endpoints)
        cluster.recipes = recipes
        done = aim_on(cluster, "fleet", *words)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout) if "json" in words else done.stdout + done.stderr

    return run


def test_a_row_adds_up_the_endpoints_of_a_namespace_and_model(fleet):
    endpoints = (
        stored("a", status(metrics=MEASURED)),
        stored("b", status(gpus=1, ready=1, desired=1, metrics=IDLE)),
        stored("nobody-looked", {}),
        stored("on-cpus", status(gpus=0)),
        stored("of-another-release", {"phase": "Strange"}),
    )
    [row] = fleet(*endpoints)["usage"]
    assert row == {
        "namespace": "team",
        "model": MODEL,
        "hardware": "MI300X",
        "gpus": 9,
        "readyGpus": 9,
        "idleGpus": 1,
        "kvCacheUtilization": 40,
        "gpuUtilization": 55,
        "freeMemoryGiB": 155.9,
    }


def test_what_is_not_known_is_absent(fleet):
    bare = {**READY, "replicas": None}
    [row] = fleet(stored("a", bare))["usage"]
    assert row == {"namespace": "team", "model": MODEL, "hardware": "MI300X", "gpus": 0, "readyGpus": 0}
    assert "are measured where spec.monitoring.enabled is true" in fleet(stored("a", bare), words=())


@pytest.mark.parametrize(
    ("spec", "patch"),
    [
        ({"gpuCount": 4}, {"gpuCount": None}),
        ({"recipe": {"gpuCount": 4, "goal": "latency"}}, {"recipe": {"gpuCount": None, "goal": None}}),
        ({"resources": {"gpuCount": 4}}, {"resources": {"gpuCount": None}}),
    ],
)
def test_fewer_gpus_are_suggested_with_their_cost_and_the_patch_in_the_specs_own_words(fleet, spec, patch):
    [found] = fleet(stored("a", status(), **spec))["suggestions"]
    assert found["saves"] == 6
    assert found["what"] == "the fewest GPUs that fit: one with 1 x MI300X instead of 4"
    assert found["patch"] == {"spec": patch}
    assert found["cost"].startswith("2,400 to ")
    assert found["cost"].endswith(" tokens/s per replica (predicted)")


def test_quantised_weights_are_suggested_where_they_need_fewer(fleet):
    whole = recipe("one", facts=LARGE, configurations=[{"gpuCount": 4, "args": ["--max-model-len=4096"]}])
    [found] = fleet(stored("a", status(selection=None)), recipes=(whole, QUANTISED))["suggestions"]
    assert found["what"] == "fp8 weights: two with 1 x MI300X instead of 4"
    assert (found["patch"], found["cost"]) == ({"spec": {"recipe": {"precision": "fp8"}}}, "not predicted")


@pytest.mark.parametrize(
    ("spec", "more"),
    [({}, {}), ({"gpuCount": 1}, {}), ({"precision": "bf16"}, {}), ({"gpuCount": 4}, {"replicas": {"desired": 0}})],
)
def test_nothing_is_suggested_that_saves_nothing(fleet, spec, more):
    assert fleet(stored("a", status(gpus=1) | more, **spec))["suggestions"] == []


def test_by_another_goal_the_predicted_speed_is_that_of_all_gpus(fleet):
    found = status()
    found["selection"]["candidates"][0]["score"] = [{"name": "throughput", "value": "2000 tokens/s (predicted)"}]
    [one] = fleet(stored("a", found, gpuCount=4))["suggestions"]
    assert one["cost"].startswith("2,000 to ")


def test_quantised_weights_are_not_suggested_twice(fleet):
    found = status()
    found["resolved"] = {**found["resolved"], "precision": "fp8"}
    whole = recipe("one", facts=LARGE, configurations=[{"gpuCount": 4, "args": ["--max-model-len=4096"]}])
    assert fleet(stored("a", found), recipes=(whole, QUANTISED))["suggestions"] == []


def test_one_without_requests_needs_no_replicas_and_those_that_save_most_come_first(fleet):
    idle = status(gpus=1, metrics=IDLE, startup=STARTUP)
    endpoints = (
        stored("idle", idle),
        stored("idle-anew", status(gpus=1, metrics=IDLE)),
        stored("to-zero", idle, scaling={"minReplicas": 0}),
        stored("none-left", status(gpus=1, desired=0, ready=0, metrics=IDLE)),
        stored("large", status(metrics=MEASURED), gpuCount=4),
    )
    found = fleet(*endpoints)["suggestions"]
    assert [(one["name"], one["saves"]) for one in found] == [("large", 6), ("idle", 2), ("idle-anew", 2)]
    needs = "requests wait for a start; needs KEDA and an AIMGateway"
    assert [one["cost"] for one in found[1:]] == [f"{needs}, 1m 30s by the last ones", needs]
    assert found[1]["patch"] == {"spec": {"scaling": {"minReplicas": 0}}}


def test_the_table_has_both(fleet):
    shown = fleet(stored("a", status(metrics=MEASURED), gpuCount=4), words=("-n", "team"))
    lines = shown.splitlines()
    columns = [re.split(r" {2,}", line) for line in lines]
    assert columns[0] == [*FLEET_HEAD]
    assert columns[1] == ["team", MODEL, "MI300X", "8", "8", "0", "40 %", "55 %", "155.9 GiB"]
    assert columns[3] == [*SUGGESTION_HEAD]
    assert columns[4][:2] == ["6", "team/a"]
    assert fleet(words=("-n", "other")) == "namespace other: no endpoint has GPUs\n"
