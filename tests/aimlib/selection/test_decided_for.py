"""A running endpoint is decided anew when what it asks for changes, and for nothing else that its user edits."""

import pytest

from aimlib.api.endpoint import EndpointSpec
from aimlib.naming import full_digest
from aimlib.selection.steps import decided_for, is_decided_for
from tests.aimlib.make import MODEL, endpoint

SAME = [
    {"resources": {"cpu": "8", "memory": "64Gi"}},
    {"service": {"type": "NodePort", "port": 80}},
    {"replicas": 3},
    {"recipe": {"updatePolicy": "Auto"}},
    {"recipe": {}},
    {"recipe": {"validatedOnly": False}},
    {"precision": "auto"},
    {"backend": "auto"},
    {"autoSelect": True},
    {"model": {"version": "1.2", "tokenSecret": {"name": "mine"}}},
    {"image": {"pullPolicy": "Always", "tag": "x"}},
    {"nodeSelector": {"pool": "gold"}, "runtimeClassName": "nvidia", "labels": {"team": "a"}},
    {"engine": {}, "tolerations": []},
    {"cache": {"enabled": True, "size": "1Ti"}},
    {"scaling": {"maxReplicas": 4}},
    {"security": {"serviceAccount": {"create": True}}},
    {"monitoring": {"enabled": True}},
    {"deployment": {"strategy": {"type": "Recreate"}}},
]
OTHER = [
    {"modelId": "microsoft/phi-4"},
    {"model": {"revision": "v2"}},
    {"gpuCount": 1},
    {"gpuCount": 0},
    {"precision": "fp8"},
    {"backend": "vllm"},
    {"autoSelect": False, "recipe": {"customRecipe": {"name": "r"}}},
    {"recipe": {"customRecipe": {"name": "r2"}}},
    {"recipe": {"hardware": ["MI300X"]}},
    {"recipe": {"hardware": ["MI300X", "H100"]}},
    {"recipe": {"fallback": [{"hardware": []}]}},
    {"recipe": {"goal": "latency"}},
    {"recipe": {"goal": "cost"}},
    {"recipe": {"validatedOnly": True}},
    {"recipe": {"fallback": [{"gpuCount": 1}]}},
    {"recipe": {"fallback": [{"gpuCount": 2}]}},
    {"recipe": {"fallback": [{"gpuCount": 1}, {"gpuCount": 2}]}},
    {"recipe": {"fallback": [{"gpuCount": 2}, {"gpuCount": 1}]}},
    {"image": {"repository": "example.com/x"}},
    {"engine": {"args": ["--max-model-len=8192"]}},
    {"engine": {"env": [{"name": "TZ", "value": "UTC"}]}},
    {"engine": {"env": [{"name": "TZ", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]}},
    {"tolerations": [{"key": "sku"}]},
    {"tolerations": [{"key": "sku", "operator": "Exists"}]},
]


@pytest.mark.parametrize("change", SAME, ids=str)
def test_what_does_not_decide_needs_no_new_decision(change):
    assert decided_for(endpoint(**change)) == decided_for(endpoint())


@pytest.mark.parametrize("change", OTHER, ids=str)
def test_what_decides_needs_a_new_decision(change):
    others = [decided_for(endpoint(**other)) for other in ({}, *OTHER) if other != change]
    assert decided_for(endpoint(**change)) not in others


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"precision": "bfloat16"}, {"recipe": {"precision": "bf16"}}),
        ({"gpuCount": 1}, {"resources": {"gpuCount": 1}}),
        (
            {"autoSelect": False, "gpuCount": 1, "precision": "fp8"},
            {"autoSelect": False, "gpuCount": 1, "precision": "fp8", "backend": "vllm"},
        ),
        (
            {"recipe": {"customRecipe": {"name": "r", "namespace": "a"}}},
            {"recipe": {"customRecipe": {"name": "r", "namespace": "b"}}},
        ),
    ],
)
def test_the_same_wish_in_other_words_needs_no_new_decision(one, other):
    assert decided_for(endpoint(**one)) == decided_for(endpoint(**other))


def test_only_what_is_stated_counts_so_that_a_later_release_decides_nothing_anew():
    assert decided_for(endpoint()) == full_digest([{"model_id": MODEL}], None)
    assert decided_for(endpoint(gpuCount=0)) == full_digest([{"model_id": MODEL, "gpu_count": 0}], None)


WRITTEN = {
    "b8b6a8e7": {},
    "44916e7d": {"gpuCount": 0},
    "72615ec1": {"precision": "bfloat16", "backend": "vllm", "gpuCount": 2},
    "30f4a949": {"recipe": {"goal": "cost", "fallback": [{"precision": "auto"}, {"gpuCount": 4}]}},
    "1d2df0ae": {"recipe": {"customRecipe": {"name": "mine"}}, "model": {"id": "Qwen/Qwen3-32B", "revision": "main"}},
    "8ad62e49": {"image": {"repository": "registry.example/engine"}},
}
"""Digests that earlier releases wrote into statuses; a release that did not recognise them would decide anew."""


@pytest.mark.parametrize(("written", "asked"), WRITTEN.items(), ids=WRITTEN)
def test_digests_in_statuses_stay_valid(written, asked):
    assert is_decided_for(written, decided_for(EndpointSpec.model_validate({"modelId": "Qwen/Qwen3-32B"} | asked)))


def test_a_part_of_a_digest_is_recognised_in_the_length_of_earlier_releases_alone():
    key = decided_for(endpoint())
    assert [len(key[:end]) for end in range(65) if is_decided_for(key[:end], key)] == [8, 64]
    assert not is_decided_for(key, key[:8])
