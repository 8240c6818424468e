"""What pydantic finds is said with the place, the reason and what stood there, and without its jargon."""

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from aimlib.api.endpoint import EndpointSpec
from aimlib.sentences import sentences


def said(raw, model=EndpointSpec):
    with pytest.raises(ValidationError) as error:
        model.model_validate(raw)
    return sentences(error.value)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (
            {"modelId": "a/b", "gpuCount": 65},
            "recipe.gpuCount: Input should be less than or equal to 64, found '65'",
        ),
        (
            {"modelId": "a/b", "recipe": {"fallback": [{"gpuCount": 1}, {}]}},
            "recipe.fallback.1: a fallback says what to ask for instead: gpuCount, precision or backend",
        ),
        ({}, "spec: say which model to serve: modelId, or model.id"),
        ("text", "spec: Input should be a valid dictionary or instance of EndpointSpec, found 'text'"),
        ({"modelId": "a/b", "recipe": [1]}, "recipe: Input should be a valid dictionary or instance of RecipeChoice"),
    ],
    ids=str,
)
def test_a_finding_is_a_sentence(raw, sentence):
    assert said(raw) == (sentence,)


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
