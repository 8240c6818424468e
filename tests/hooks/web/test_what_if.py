"""The planner: that it answers as `aim explain` and `aim plan` do, and what it refuses."""

import json
import re

import pytest
import yaml

from aimlib.config import Config
from hooks.web.what_if import (
    NUMBERS,
    InvalidFormError,
    PlanningCatalogue,
    form_endpoint,
    gpu_products,
    plan_form,
    plan_text,
)
from tests.hooks.cli.commandline import aim
from tests.hooks.web.test_pages import OWN_SCRIPT, text_of, words
from tests.web.cluster import HOSTILE, stored

MODEL = "Qwen/Qwen3-32B"
ENDPOINT = """apiVersion: aim.engine.amd.com/v1alpha1
kind: AIMEndpoint
metadata: {name: mine, namespace: team}
spec: {modelId: Qwen/Qwen3-32B}
"""
CACHE = "{apiVersion: aim.engine.amd.com/v1alpha1, kind: AIMCache, metadata: {name: c}, spec: {models: [{id: a/b}]}}"


@pytest.fixture(scope="module")
def catalogue():
    objects = stored()
    return PlanningCatalogue(objects["aiminventories"][0], objects["aimrecipes"], objects["aimmodels"])


def test_each_number_has_a_slider_whose_stops_may_be_stated(page):
    text = page.get("/plan").text
    assert OWN_SCRIPT in text
    for field in NUMBERS:
        assert f'<input id="{field.name}" name="{field.name}"' in text
        [slider] = re.findall(rf'<input type="range" hidden [^>]*data-of="{field.name}"[^>]*>', text)
        assert " name=" not in slider  # the number alone is sent
        assert f'aria-label="Slider: {field.label}"' in slider
        stops = [int(one) for one in re.search('data-stops="([^"]*)"', slider)[1].split()]
        assert stops == sorted({*stops})
        assert field.least <= stops[0] < stops[-1] <= field.most


def test_a_form_is_explained_as_the_command_line_explains_it(catalogue):
    form = {"model": MODEL, "gpus": "2", "precision": "bf16", "goal": "throughput", "concurrency": "8"}
    answer = plan_form(form, ("MI300X",), catalogue, Config())
    printed = aim("explain", "-f", answer.manifest, "--hardware", "MI300X", "-o", "json")
    found = json.loads(printed.stdout)
    assert answer.fits == found["fits"] is True
    assert answer.message == found["message"]
    assert [(one.rank, one.recipe, one.gpus) for one in answer.candidates] == [
        (one.get("rank"), one["recipe"], one["gpuCount"]) for one in found["candidates"]
    ]


def test_a_text_is_planned_as_the_command_line_plans_it(catalogue):
    [answer] = plan_text(ENDPOINT, catalogue, Config())
    inventory = yaml.safe_dump(catalogue.inventory)
    planned = aim("plan", "-f", ENDPOINT, "--cluster", inventory, "-o", "json")
    assert [*yaml.safe_load_all(answer.rendered)] == json.loads(planned.stdout)["items"]
    assert answer.title == "AIMEndpoint team/mine"
    assert ("Deployment", "mine") in answer.children


def test_recipes_models_and_caches_of_the_text_count(catalogue):
    recipe = dict(next(one for one in catalogue.recipes if one["metadata"]["name"] == "qwen3-32b-mi300x-bf16"))
    recipe.pop("status")
    recipe = {**recipe, "metadata": {"name": "own"}}
    [answer] = plan_text(f"{ENDPOINT}---\n{yaml.safe_dump(recipe)}", catalogue, Config())
    assert "own" in [one.recipe for one in answer.candidates]


def test_what_does_not_fit_has_no_children(catalogue):
    answer = plan_form({"model": MODEL, "gpus": "3"}, (), catalogue, Config())
    assert not answer.fits
    assert answer.children == ()
    assert answer.rendered == ""
    assert {one.rank for one in answer.candidates} == {None}
    unknown = plan_form({"model": "nobody/nothing"}, (), catalogue, Config())
    assert (unknown.fits, unknown.candidates) == (False, ())


def test_a_form_becomes_an_endpoint():
    form = {"model": f" {MODEL} ", "gpus": "0", "prompt": "8000", "answer": "", "concurrency": "64", "goal": "cost"}
    assert form_endpoint(form)["spec"] == {
        "modelId": MODEL,
        "gpuCount": 0,
        "recipe": {"workload": {"inputTokens": 8000, "concurrency": 64}, "goal": "cost"},
    }


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"model": "  "}, "Model: name one"),
        ({"model": MODEL, "gpus": "65"}, "GPUs per replica: a whole number from 0 to 64"),
        ({"model": MODEL, "gpus": "-1"}, "GPUs per replica"),
        ({"model": MODEL, "gpus": "1" * 5000}, "GPUs per replica"),
        ({"model": MODEL, "prompt": "١٢"}, "Tokens of a prompt"),
        ({"model": MODEL, "precision": "fp7"}, "Precision: one of bf16"),
        ({"model": MODEL, "goal": "fun"}, "Goal: one of latency"),
    ],
)
def test_a_form_that_is_wrong(form, said):
    with pytest.raises(InvalidFormError, match=re.escape(said)):
        form_endpoint(form)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no AIMEndpoint"),
        ("a: 1", "what was pasted:1"),
        ("{", "what was pasted:"),
        ("a: &a [*a]", "an alias makes it contain itself"),
        ("[" * 200, "nested more than 100 levels"),
        ('{"a":' * 20_000, "nested too deeply"),
        (f"{ENDPOINT}---\n" * 5, "has 5 AIMEndpoints, and 4 are planned"),
        (ENDPOINT.replace("AIMEndpoint", "Secret"), "only AIMEndpoint, AIMCache, AIMRecipe, AIMModel and"),
        (ENDPOINT.replace("modelId", "modelID"), "modelID"),
        ("é" * 70_000, "more than 128 KiB"),
        (f"{ENDPOINT}---\nkind: List\nitems: [&c {CACHE}{', *c' * 15_000}]", "more than 256 objects"),
    ],
)
def test_a_text_that_cannot_be_planned_is_refused_with_the_reason(page, text, said):
    response = page.post("/plan", data={"manifest": text})
    assert said in words(text_of(response, 422))


def test_the_page_keeps_what_was_stated(page):
    text = page.get(f"/plan?model={MODEL}&gpus=2&goal=cost&precision=bf16&hardware=MI325X").text
    assert f'value="{MODEL}"' in text
    assert "<option selected>cost</option>" in text
    assert 'value="MI325X" checked' in text
    assert "qwen3-32b-mi325x-bf16" in text
    assert "modelId: Qwen/Qwen3-32B" in text


@pytest.mark.parametrize("field", ["model", "gpus", "goal", "precision", "hardware", "prompt"])
def test_hostile_fields_are_refused_and_shown_as_text(page, field):
    text_of(page.get("/plan", query_string={"model": MODEL, field: HOSTILE}), 422)


def test_hostile_yaml_is_shown_as_text(page):
    for text in (HOSTILE, ENDPOINT.replace("mine", json.dumps(HOSTILE)), ENDPOINT.replace("spec:", f"{HOSTILE}:")):
        assert "owned" in text_of(page.post("/plan", data={"manifest": text}), 422)


def test_products_are_gpus():
    assert "MI300X" in gpu_products(Config())
    assert "CPU" not in gpu_products(Config())
