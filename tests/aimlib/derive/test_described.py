"""What AIMModels give an endpoint depends on the model, the namespace, and whether they can be read."""

import pytest

from aimlib.derive.described import NOTHING_DESCRIBED, described_models
from tests.aimlib.make import FACTS, MODEL


def model(name="m", **spec):
    return {"metadata": {"name": name}, "spec": {"modelId": MODEL, "facts": FACTS, **spec}}


def test_a_model_with_facts_is_a_checkpoint():
    found = described_models([model(source="acme/awq", facts={**FACTS, "quantization": "awq"})], MODEL, "team-a")
    [one] = found.checkpoints
    assert (one.model_id, one.repository, one.precision, one.origin) == (MODEL, "acme/awq", "int4", "AIMModel m")
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("spec", "remark"),
    [
        ({"facts": None}, "AIMModel m has no facts yet: aim model inspect Qwen/Qwen3-32B prints them"),
        ({"allowedNamespaces": ["team-b"]}, "AIMModel m is for other namespaces (allowedNamespaces)"),
        ({"modelId": 3}, "AIMModel m cannot be read; its status has the reason"),
    ],
)
def test_what_gives_nothing_is_remarked(spec, remark):
    assert described_models([model(**spec)], MODEL, "team-a") == ((), (remark,), ())


BUCKET = {"source": "s3://models/chat", "access": {"secret": "keys"}}


def test_where_the_files_are_is_given_to_the_namespaces_that_are_allowed():
    found = described_models([model(**BUCKET)], MODEL, "team-a")
    at = found.server_of(MODEL)
    assert (at.source, at.access.secret, found.server_of("acme/other")) == ("s3://models/chat", "keys", None)
    assert [one.repository for one in found.checkpoints] == [MODEL]
    assert described_models([model(**BUCKET, allowedNamespaces=["team-b"])], MODEL, "team-a").servers == ()


def test_without_facts_it_tells_where_they_are_read_and_that_files_are_there_all_the_same():
    found = described_models([model(**BUCKET, facts=None)], MODEL, "team-a")
    assert found.remarks == (
        f"AIMModel m has no facts yet: aim model inspect s3://models/chat --as {MODEL} prints them",
    )
    assert found.server_of(MODEL)


@pytest.mark.parametrize("change", [{"source": "s3://models/v2"}, {"access": {"secret": "others"}}, {"access": None}])
def test_another_place_is_another_key(change):
    keys = {described_models([model(**{**BUCKET, **one})], MODEL, "team-a").key for one in ({}, change)}
    assert len(keys) == 2


def test_other_models_and_allowed_namespaces_need_no_remark():
    assert described_models([model(modelId="a/b")], MODEL, "team-a") == NOTHING_DESCRIBED
    assert len(described_models([model(allowedNamespaces=["team-a"])], MODEL, "team-a").checkpoints) == 1


def test_the_key_differs_where_what_is_given_differs():
    keys = [
        described_models(models, MODEL, "a").key
        for models in ([], [model()], [model("n")], [model(source="a/b")], [model(facts={**FACTS, "layers": 1})])
    ]
    assert len({*keys}) == len(keys)


def test_the_key_differs_by_the_model_where_its_repository_is_requested():
    keys = {described_models([model(modelId=one, source=MODEL)], MODEL, "a").key for one in ("a/b", "c/d")}
    assert len(keys) == 2
