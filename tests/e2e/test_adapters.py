"""LoRA adapters on a control plane: waited for in the model's cache, served by their names, replaced with the list."""

import json

import pytest

from tests.cluster.plane import ROOT
from tests.e2e import caches
from tests.e2e.caches import LARGE, cache
from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e

EXAMPLES = ROOT / "manifests" / "examples"
SQL, OTHER = "acme/qwen3-sql", "acme/qwen3-other"


def adapter(base, rank):
    """The files of an adapter."""
    config = {"peft_type": "LORA", "base_model_name_or_path": base, "r": rank}
    return {"adapter_config.json": json.dumps(config).encode(), "adapter_model.safetensors": 40_000}


def entry(name, repository, **more):
    return {"name": name, "source": {"repository": repository}, **more}


@pytest.fixture
def adapted(space, hub):
    """A cache of a model, an adapter of it, and one of another model."""
    hub.add(SQL, adapter(LARGE, 32))
    hub.add(OTHER, adapter("Qwen/Qwen3-8B", 8))
    shared = {"size": "100Gi", "storage": {"accessMode": "ReadWriteMany"}}
    space.apply(cache("tuned", hub, LARGE, SQL, OTHER, **shared))
    return space


def tuned(*adapters):
    return endpoint("tuned", modelId=LARGE, cache={"name": "tuned"}, adapters=[*adapters])


def says(space, reason):
    """Wait for CacheReady to have a reason; its message."""
    space.wait(reason, lambda: space.condition("tuned", "CacheReady").get("reason") == reason)
    return space.condition("tuned", "CacheReady")["message"]


def arguments(space):
    return space.container("tuned")["args"]


def test_adapters_from_the_first_download_to_their_end(adapted, hub):
    space, commit = adapted, hub.models[SQL].commit
    space.apply(tuned(entry("sql", SQL)))
    caches.cached(space, "tuned", LARGE, SQL, OTHER)
    assert caches.models(space, "tuned")[SQL]["adapter"] == {"baseModel": LARGE, "rank": 32}
    assert "has rank 32 by its adapter_config.json, and there is room for 16: state rank: 32" in says(
        space, "AdapterRefused"
    )
    assert space.names("deployments") == []

    space.apply(tuned(entry("sql", SQL, rank=32)))
    space.ready("tuned")
    folder = f"/workspace/model-cache/hub/models--acme--qwen3-sql/snapshots/{commit}"
    words = arguments(space)
    assert words[words.index("--lora-modules") + 1] == f"sql={folder}"
    assert words[words.index("--max-lora-rank") + 1] == "32"
    [stated] = space.get("aimendpoint", "tuned")["status"]["adapters"]
    assert {
        "repository": SQL,
        "commit": commit,
        "cache": "tuned",
        "rank": 32,
        "state": "Ready",
    }.items() <= stated.items()
    assert caches.models(space, "tuned")[SQL]["usedBy"] == ["tuned"]
    pods = {one["metadata"]["uid"] for one in caches.servers(space)}

    space.apply(tuned(entry("sql", SQL, rank=32), entry("other", OTHER)))
    assert f"is for Qwen/Qwen3-8B by its adapter_config.json, and this endpoint serves {LARGE}" in says(
        space, "AdapterRefused"
    )
    assert {one["metadata"]["uid"] for one in caches.servers(space)} == pods

    space.apply(tuned())
    space.wait("no adapter", lambda: "--lora-modules" not in arguments(space))
    space.ready("tuned")
    assert "adapters" not in space.get("aimendpoint", "tuned")["status"]


def test_the_example_is_accepted_and_waits_for_its_files(space):
    space.kubectl("apply", f"--filename={EXAMPLES / 'adapters.yaml'}")
    status = lambda: space.get("aimendpoint", "tuned").get("status", {})  # noqa: E731
    listed = lambda: [one["name"] for one in status().get("adapters", ())]  # noqa: E731
    space.wait("its adapters to be listed", lambda: listed() == ["sql", "support"])
    assert space.condition("tuned", "CacheReady")["status"] == "False"
