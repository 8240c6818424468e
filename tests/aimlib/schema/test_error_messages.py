"""What pydantic finds is said with the place, the reason and what stood there, and without its jargon."""

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from aimlib.api.endpoint import EndpointSpec
from aimlib.schema.error_messages import validation_messages


def said(raw, model=EndpointSpec):
    with pytest.raises(ValidationError) as error:
        model.model_validate(raw)
    return validation_messages(error.value)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (
            {"modelId": "a/b", "gpuCount": 65},
            "recipe.gpuCount: must be at most 64, found '65'",
        ),
        (
            {"modelId": "a/b", "recipe": {"fallback": [{"gpuCount": 1}, {}]}},
            "recipe.fallback[1]: a fallback states what to request instead: gpuCount, precision, backend or hardware",
        ),
        ({"modelId": "a b"}, "model.id: must be a model id such as Qwen/Qwen3-32B, found 'a b'"),
        (
            {"modelId": "a/b", "resources": {"cpu": "lots"}},
            "resources.cpu: must be a quantity such as 500m, 16 or 64Gi, and below 8Ei, found 'lots'",
        ),
        ({"modelId": "a/b", "image": {"pullSecrets": "x"}}, "image.pullSecrets: must be a list, found 'x'"),
        ({"modelId": "a/b", "backend": "tgi"}, "recipe.backend: must be 'auto', 'vllm' or 'sglang', found 'tgi'"),
        ({"modelId": "a/b", "replicas": "two"}, "replicas: must be a whole number, found 'two'"),
        ({"modelId": "a/b", "recipe": {"customRecipe": {}}}, "recipe.customRecipe.name: is missing"),
        (
            {"modelId": "a/b", "service": {"loadBalancerIP": "x" * 65}},
            "service.loadBalancerIP: must have at most 64 characters, found '" + "x" * 65 + "'",
        ),
        (
            {"modelId": "a/b", "model": {"revision": ""}},
            "model.revision: must have at least 1 characters, found ''",
        ),
        ({"modelId": "a/b", "image": {"tag": "a b"}}, "image.tag: must be a tag such as v0.33.0, found 'a b'"),
        (
            {"modelId": "a/b", "image": {"repository": "vllm:v1"}},
            "image.repository: must be a repository without tag, such as docker.io/vllm/vllm-openai, found 'vllm:v1'",
        ),
        (
            {"modelId": "a/b", "image": {"pullSecrets": ["Mine"]}},
            "image.pullSecrets[0]: must be a name of lower case letters, digits, - and ., found 'Mine'",
        ),
        (
            {"modelId": "a/b", "monitoring": {"prometheus": {"path": "x"}}},
            "monitoring.prometheus.path: must be a path such as /metrics, found 'x'",
        ),
        ({}, "spec: state which model to serve: modelId or model.id"),
        ("text", "spec: must be an object, found 'text'"),
        ({"modelId": "a/b", "recipe": [1]}, "recipe: must be an object"),
    ],
    ids=str,
)
def test_a_finding_is_a_sentence(raw, sentence):
    assert said(raw) == (sentence,)


def test_a_finding_that_quotes_what_was_found_does_not_say_it_twice():
    assert said({"modelId": "a/b", "precision": "fp7"})[0].count("fp7") == 1


def test_every_finding_is_said():
    assert len(said({"modelId": "a b", "replicas": -1, "service": {"port": 0}})) == 3


def test_what_was_found_is_cut_to_a_line():
    (sentence,) = said({"modelId": "a " * 500})
    assert len(sentence) < 300


class Asserted(BaseModel):
    size: int

    @field_validator("size")
    @classmethod
    def even(cls, size):
        if size % 2:
            raise AssertionError("size must be even")
        return size


def test_an_assertion_is_said_in_its_own_words():
    assert said({"size": 1}, Asserted) == ("size: size must be even, found '1'",)


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("labels", "Example.com/team"),
        ("labels", "a b"),
        ("annotations", "a/b/c"),
        ("annotations", "example.com/"),
        ("nodeSelector", "x" * 64),
        ("nodeSelector", f"{'a.' * 160}com/x"),
    ],
)
def test_a_key_that_no_label_or_annotation_has_is_named(field, key):
    with pytest.raises(ValidationError) as error:
        EndpointSpec.model_validate({"modelId": "a/b", field: {key: "x"}})
    [message] = validation_messages(error.value)
    assert message.startswith(f"{field}.{key}: must be a key such as example.com/pool")


@pytest.mark.parametrize(
    ("field", "key"),
    [("labels", "Team"), ("labels", "example.com/Team"), ("annotations", "Example.com/T"), ("nodeSelector", "x" * 63)],
)
def test_a_key_of_labels_or_annotations_is_taken(field, key):
    EndpointSpec.model_validate({"modelId": "a/b", field: {key: "x"}})
