"""The AIMCache that an endpoint makes for a model whose files are not at the hub: name, spec, and whose it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.cache import CacheSpec
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.formats import MODEL_SOURCE
from aimlib.api.resolved import Resolved
from aimlib.config import Config
from hooks.endpoint.children.own_cache import own_cache
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import is_free
from tests.playing import play

RESOLVED = play(
    "endpoint",
    "/endpoint/sync",
    {
        "endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}},
        "recipes": ["qwen3-32b-mi300x-bf16"],
        "inventory": "mi300x",
    },
).answer.said["status"]["resolved"]
MLFLOW = {"access": {"endpoint": "http://mlflow.mlflow.svc:5000"}}


def owner(source, name="chat", *, resolved=None, engine=None, **model):
    spec = EndpointSpec.model_validate(
        {"model": {"id": "Qwen/Qwen3-32B", "source": source, **model}, "engine": engine or {}}
    )
    return Owner(name, "team-a", spec, Resolved.model_validate({**RESOLVED, **(resolved or {})}), Config())


def sources():
    """Any source that the API accepts and that is downloaded."""
    texts = st.from_regex(re.compile(MODEL_SOURCE.pattern, re.ASCII), fullmatch=True)
    return texts.filter(lambda text: MODEL_SOURCE.matches(text) and not text.startswith("pvc://"))


@given(sources(), st.from_regex(r"[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?", fullmatch=True))
def test_any_source_makes_a_cache_that_the_api_accepts_under_a_name_that_fits(source, name):
    made = own_cache(owner(source, name, **(MLFLOW if source.startswith("mlflow://") else {})))
    spec = CacheSpec.model_validate(made["spec"])
    assert [one.source for one in spec.models] == [source]
    assert len(made["metadata"]["name"]) <= 63


@given(sources(), sources())
def test_two_sources_never_share_a_cache(one, other):
    names = {owner(text, **(MLFLOW if text.startswith("mlflow://") else {})).own_cache for text in (one, other)}
    assert len(names) == len({one, other})


def test_another_server_is_another_cache_and_other_keys_are_not():
    here = owner("s3://models/chat", access={"endpoint": "http://a.example", "secret": "keys"}).own_cache
    there = owner("s3://models/chat", access={"endpoint": "http://b.example", "secret": "keys"}).own_cache
    keys = owner("s3://models/chat", access={"endpoint": "http://a.example", "secret": "others"}).own_cache
    assert here == keys != there


@pytest.mark.parametrize(
    ("given_to", "made"),
    [
        ({"source": "pvc://models/chat"}, False),
        ({"source": "s3://models/chat"}, True),
        (
            {"source": "s3://models/chat", "resolved": {"checkpoint": "Qwen/Qwen3-32B-FP8", "decidedFor": "other"}},
            False,
        ),
        ({"source": "s3://models/chat", "resolved": {"modelId": "acme/other"}}, False),
        ({"source": None, "resolved": {"source": "s3://models/chat"}}, True),
        ({"source": None, "revision": "v1", "resolved": {"source": "s3://models/chat"}}, False),
        ({"source": None}, False),
    ],
)
def test_a_cache_is_made_where_there_is_something_to_download(given_to, made):
    assert (own_cache(owner(**given_to)) is not None) is made


@pytest.mark.parametrize(
    ("source", "hub"),
    [
        ("hf://acme/tuned@v1", {"offline": True}),
        ("s3://models/chat", {}),
    ],
)
def test_while_the_hub_is_not_known_no_other_one_is_requested(source, hub):
    env = [{"name": "HF_ENDPOINT", "valueFrom": {"configMapKeyRef": {"name": "hub", "key": "url"}}}]
    found = own_cache(owner(source, engine={"env": env}))["spec"]["hub"]
    assert {key: value for key, value in found.items() if value} == hub


@pytest.mark.parametrize(
    ("owners", "named", "free"),
    [
        (None, None, True),
        ([{"kind": "AIMEndpoint", "controller": True}], None, False),
        ([{"kind": "AIMEndpoint", "controller": True}], "models", True),
        ([{"kind": "AIMEndpoint"}], None, True),
        ([{"kind": "Application", "controller": True}], None, True),
    ],
)
def test_whose_a_cache_is(owners, named, free):
    assert is_free({"metadata": {"name": "models", "ownerReferences": owners}}, named) is free
