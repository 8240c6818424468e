"""VLLMRuntimes of the production stack's operator, and the LoraAdapters that are for them."""

import pytest

from aimlib.migration.draft import Answers
from aimlib.migration.fields import translate_object
from aimlib.migration.stack import with_adapters

RUNTIME = {
    "kind": "VLLMRuntime",
    "metadata": {"name": "chat", "namespace": "team", "labels": {"model": "llama"}},
    "spec": {"model": {"modelURL": "a/Llama-8B"}, "vllmConfig": {}, "deploymentConfig": {"resources": {"gpu": "1"}}},
}


def adapter(base, namespace="team"):
    source = {"adapterName": "sql", "type": "huggingface", "repository": "acme/sql"}
    metadata = {"name": "sql", "namespace": namespace}
    return {"kind": "LoraAdapter", "metadata": metadata, "spec": {"baseModel": base, "adapterSource": source}}


@pytest.mark.parametrize("base", ["llama", "chat", "a/Llama-8B", "Llama-8B"])
def test_an_adapter_is_for_the_model_that_it_names(base):
    [found], rest = with_adapters([adapter(base), RUNTIME])
    assert rest == []
    cache, endpoint = translate_object("vllmruntime", found, Answers()).objects
    assert [one["id"] for one in cache["spec"]["models"]] == ["a/Llama-8B", "acme/sql"]
    assert [one["name"] for one in endpoint["spec"]["adapters"]] == ["sql"]


@pytest.mark.parametrize("other", [adapter("qwen"), adapter("llama", "other")])
def test_an_adapter_of_another_model_or_namespace_is_nobodys(other):
    [found], rest = with_adapters([RUNTIME, other])
    assert rest == [other]
    [endpoint] = translate_object("vllmruntime", found, Answers()).objects
    assert endpoint["spec"] == {"modelId": "a/Llama-8B", "gpuCount": 1}


def test_a_token_in_the_present_form_names_its_key():
    secret = {"hfTokenSecretName": "hub", "hfTokenKeyName": "k"}
    stated = {**RUNTIME["spec"], "model": {**RUNTIME["spec"]["model"], "hfTokenSecret": secret}}
    [endpoint] = translate_object("vllmruntime", {**RUNTIME, "spec": stated}, Answers()).objects
    assert endpoint["spec"]["model"] == {"tokenSecret": {"name": "hub", "key": "k"}}
