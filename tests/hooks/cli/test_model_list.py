"""`aim models`: a row per model, of files and of a cluster."""

import json

import pytest
import yaml

from hooks.cli import cluster
from hooks.planning.model_summary import summarize_models
from tests.hooks.cli.commandline import aim, recipe
from tests.hooks.cli.standin_cluster import StandInCluster

RECIPES = recipe("one") + "---\n" + recipe("two", hardware="MI210", precision="fp16")


def test_a_row_has_the_hardware_and_precisions_of_all_recipes():
    done = aim("models", "--recipes", RECIPES)
    assert done.exit_code == 0
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "MODEL RECIPES PRECISION HARDWARE",
        "example/model 2 bf16, fp16 MI210, MI300X",
    ]


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_for_programs_it_is_a_list(output, read):
    [found] = read(aim("models", "--recipes", RECIPES, "-o", output).stdout)["items"]
    assert (found["model"], found["recipes"]) == ("example/model", 2)


def test_models_that_are_described_ship_beside_those_with_recipes():
    found = {one["model"]: one for one in json.loads(aim("models", "-o", "json").stdout)["items"]}
    assert "MI300X" in found["Qwen/Qwen3-32B"]["hardware"]
    assert ["derived"] in [one["hardware"] for one in found.values()]


def test_of_a_cluster_it_has_whether_the_hardware_is_there(monkeypatch):
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: StandInCluster())
    done = aim("models", "--live")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["MODEL", "RECIPES", "PRECISION", "HERE", "HARDWARE"],
        ["example/model", "1", "bf16", "yes", "MI300X"],
    ]
    described = [{"spec": {"modelId": "a/b"}}]
    rows = summarize_models([yaml.safe_load(recipe("one")), {"spec": None}], described, {"MI210"})
    assert [(one["model"], one["here"]) for one in rows] == [("a/b", "derived"), ("example/model", "no")]
