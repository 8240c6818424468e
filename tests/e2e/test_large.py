"""Objects of ten megabytes: what the API server does not store, and what hooks are asked about all the same."""

import json
import re

import pytest

from tests.cluster.plane import KubectlError
from tests.e2e.space import API_VERSION, endpoint, recipe

pytestmark = pytest.mark.e2e

TEN_MEGABYTES = 10 * 2**20


def sent(space, raw) -> str:
    """What kubectl says of an object that the API server refuses."""
    with pytest.raises(KubectlError) as refused:
        space.kubectl("create", "--filename=-", input=json.dumps(raw))
    return str(refused.value)


def test_an_object_of_ten_megabytes_is_refused_in_words_and_the_others_go_on(space):
    large = endpoint("large", modelId="Qwen/Qwen3-32B", service={"annotations": {"a": "x" * TEN_MEGABYTES}})
    assert re.search(r"[Rr]equest entity too large|limit is \d+", sent(space, large))
    cache = {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": "large"}}
    cache["spec"] = {"models": [{"id": "a/b", "include": ["x" * TEN_MEGABYTES]}]}
    assert re.search(r"[Rr]equest entity too large|limit is \d+", sent(space, cache))
    space.apply(endpoint("small", modelId="Qwen/Qwen3-32B"))
    space.becomes("small", "AllReplicasReady")


def test_an_endpoint_whose_recipes_are_ten_megabytes_is_served(space):
    """As many recipes for one model as make a request of that size, of which each is as large as the API allows."""
    model = {"modelId": "Large/Recipes"}
    env = [{"name": f"{'N' * 250}{number:02d}", "value": "v" * 100} for number in range(64)]
    configurations = [{"gpuCount": count, "env": env, "args": []} for count in range(1, 17)]
    raw = [recipe(f"large-{number:02d}", **model, configurations=configurations) for number in range(28)]
    assert len(json.dumps(raw)) > TEN_MEGABYTES
    for one in raw:
        space.kubectl("create", "--filename=-", input=json.dumps(one))
    names = [one["metadata"]["name"] for one in raw]
    try:
        space.kubectl("wait", "--for=jsonpath={.status.phase}=Ready", "--timeout=60s", "aimrecipe", *names)
        space.apply(endpoint("chat", **model))
        space.becomes("chat", "AllReplicasReady")
        selection = space.get("aimendpoint", "chat")["status"]["selection"]
        assert selection["considered"] == len(raw) * len(configurations)
    finally:
        space.kubectl("delete", "aimrecipe", *names)
