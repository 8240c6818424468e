"""Which files are weights, which form recipes load, and what is excluded for that."""

import pytest

from aimlib.api.cache import DUPLICATE_FILES, CachedModelSpec
from aimlib.caching.weight_files import (
    HUGGING_FACE,
    MISTRAL,
    form_loaded,
    forms_left_out,
    has_whole_weights,
    is_weights,
    with_loaded_files,
)
from tests.files import read
from tests.kustomize import ROOT

EXCLUDED = ("original/*", "metal/*", "model.safetensors*", "model-*.safetensors")


def recipe(model, *args, backend="vllm", **spec):
    return {"spec": {"modelId": model, "backend": backend, "configurations": [{"gpuCount": 1, "args": args}], **spec}}


def test_names_of_weights():
    assert all(map(is_weights, ("a.safetensors", "b/c.bin", "x.GGUF", "original/consolidated.00.pth")))
    assert not any(map(is_weights, ("a.json", "b/training_args.bin", "safetensors", "model.safetensors.index.json")))


@pytest.mark.parametrize(
    ("paths", "whole"),
    [
        (("model.safetensors",), True),
        (("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"), True),
        (("model-00001-of-00002.safetensors", "a-00002-of-00002.safetensors"), False),
        (("original/consolidated.00.pth", "config.json"), False),
        ((), False),
    ],
)
def test_whole_weights(paths, whole):
    assert has_whole_weights(paths) is whole


@pytest.mark.parametrize(
    ("backend", "args", "form"),
    [
        ("vllm", (), HUGGING_FACE),
        ("vllm", ("--load-format", "mistral"), MISTRAL),
        ("vllm", ("--load_format=mistral",), MISTRAL),
        ("sglang", ("--load-format=mistral",), MISTRAL),
        ("vllm", ("--load-format=dummy",), None),
    ],
)
def test_the_form_that_arguments_load(backend, args, form):
    assert form_loaded(backend, args) == form


@pytest.mark.parametrize(
    ("recipes", "exclude"),
    [
        ([recipe("a/b", "--load-format=mistral")], EXCLUDED),
        ([recipe("c/d", "--load-format=mistral", checkpoint="a/b")], EXCLUDED),
        ([recipe("a/b", "--load-format=mistral"), recipe("a/b")], ("original/*", "metal/*")),
        ([recipe("a/b", "--load-format=dummy")], None),
        ([recipe("c/d", "--load-format=mistral"), {}, {"spec": {"modelId": 7}}], None),
        ([{"spec": {"modelId": "a/b"}}], None),
    ],
)
def test_what_recipes_load_is_not_excluded(recipes, exclude):
    (model,) = with_loaded_files([CachedModelSpec(id="a/b")], recipes)
    assert model.exclude == exclude


def test_patterns_of_the_user_stay():
    stated = CachedModelSpec(id="a/b", exclude=("*.md",))
    assert with_loaded_files([stated], [recipe("a/b", "--load-format=mistral")]) == (stated,)


@pytest.mark.parametrize(
    ("include", "exclude", "left_out"),
    [
        ((), None, set()),
        ((), ("consolidated*",), {MISTRAL}),
        ((), DUPLICATE_FILES, {MISTRAL}),
        ((), ("*.safetensors",), {MISTRAL}),
        ((), ("*.safetensors", "*.bin"), {MISTRAL, HUGGING_FACE}),
        (("*.json", "*.safetensors"), None, set()),
        (("*.json", "fp8-*.safetensors"), None, {MISTRAL}),
        (("*.json", "consolidated*.safetensors"), None, {HUGGING_FACE}),
        (("*.json",), None, {MISTRAL, HUGGING_FACE}),
    ],
)
def test_forms_that_patterns_leave_out(include, exclude, left_out):
    assert forms_left_out(include, exclude) == left_out


def test_each_shipped_recipe_finds_its_weights_in_a_cache_of_its_model():
    """Of the files that a repository with all forms would have."""
    recipes = [read(path) for path in sorted((ROOT / "recipes").glob("*-*-*.yaml"))]
    for one in recipes:
        spec = one["spec"]
        (model,) = with_loaded_files([CachedModelSpec(id=spec.get("checkpoint") or spec["modelId"])], recipes)
        forms = {form_loaded(spec["backend"], each.get("args") or ()) for each in spec["configurations"]}
        left_out = forms_left_out(model.include, model.exclude or DUPLICATE_FILES)
        assert forms.isdisjoint(left_out), one["metadata"]["name"]
