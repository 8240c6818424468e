"""The choice by predicted speed is held to published comparisons: what is lost by it, and that no name decides.

Regret is what the chosen alternative has less, or takes longer, than the best published one.
"""

from dataclasses import replace
from functools import cache
from math import prod
from statistics import mean

import pytest
import yaml

from aimlib.api.recipe import RecipeSpec
from aimlib.config import Config
from aimlib.hardware.products import known_products, products
from aimlib.selection.candidates import NOTHING_KNOWN
from aimlib.selection.corrections import Corrections, SpeedModel
from aimlib.selection.entries import read_entry
from aimlib.selection.launch import launch
from aimlib.selection.ranking import ENGINE_RATES, ranked
from aimlib.selection.roofline import Workload
from aimlib.selection.select import _cases, _divided, nothing_downloaded
from aimlib.selection.speeds import Deployed, estimate, point_of, published, speed_model
from aimlib.selection.steps import selection_steps
from tests.aimlib.make import amd, endpoint, inventory, node, nvidia
from tests.kustomize import ROOT

COMPARISONS = yaml.safe_load((ROOT / "tests/testdata/speed_comparisons.yaml").read_text())
ENGINES_ALONE = {"Qwen3-32B, one H100, engines", "Qwen3-14B, one H100, engines"}
"""What only a published figure can tell: the formula is the same for both."""
LABELS = {
    "A100": "NVIDIA-A100-SXM4-80GB",
    "A100-40GB": "NVIDIA-A100-SXM4-40GB",
    "H100": "NVIDIA-H100-80GB-HBM3",
    "T4": "Tesla-T4",
}


@cache
def shipped():
    found = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "recipes").glob("*.yaml"))]
    return {one["metadata"]["name"]: one["spec"] for one in found if one.get("kind") == "AIMRecipe"}


def alternative(one):
    spec = RecipeSpec.model_validate(shipped()[one["recipe"]])
    size = {"weights_gib": one["weightsGiB"]} if "weightsGiB" in one else {}
    changed = {
        "hardware": one.get("hardware", spec.hardware),
        "precision": one.get("precision", spec.precision),
        "facts": spec.facts.model_copy(update=size),
    }
    spec = spec.model_copy(update=changed)
    configuration = next((c for c in spec.configurations if c.gpu_count == one["gpus"]), spec.configurations[0])
    if more := one.get("args"):
        configuration = configuration.model_copy(update={"args": (*configuration.args, *more), "measurements": ()})
    started = launch(spec, configuration)
    degrees = started.parallel if more else started.parallel._replace(tensor=one["gpus"])
    started = replace(
        started,
        parallel=degrees,
        cache_bytes=one.get("cacheBytes", started.cache_bytes),
    )
    return spec, configuration, started


def predictions(comparison, *, corrected):
    """For each alternative what it is compared by, lower is better."""
    workload = Workload(*comparison["workload"])
    model = SpeedModel(workload)
    found = []
    parts = [alternative(one) for one in comparison["alternatives"]]
    if corrected:
        names = {one["recipe"] for one in comparison["alternatives"]}
        specs = {name: RecipeSpec.model_validate(shipped()[name]) for name in sorted(names)}
        model = speed_model(
            workload,
            [
                published(n, s, [launch(s, c) for c in s.configurations], known_products().product(s.hardware))
                for n, s in specs.items()
            ],
        )
    for one, (spec, configuration, started) in zip(comparison["alternatives"], parts, strict=True):
        hardware = known_products().product(spec.hardware)
        deployed = Deployed(started, spec.precision, hardware, hardware.memory_gib)
        own = (
            "args" not in one
            and spec.precision == shipped()[one["recipe"]]["precision"]
            and configuration.gpu_count == one["gpus"]
        )
        point = point_of(one["recipe"] if own else "another", spec, configuration)
        speed = estimate(point, deployed, model, one.get("replicas", 1))
        values = {
            "throughput": -speed.throughput,
            "perGpu": -speed.throughput / one["gpus"] / one.get("replicas", 1),
            "time": speed.of_request,
        }
        found.append((values[comparison["better"]], -ENGINE_RATES[spec.backend]))
    return found


def regret(comparison, *, corrected):
    values = predictions(comparison, corrected=corrected)
    per_gpu = comparison["better"] == "perGpu"
    figures = [one["published"] / (one["gpus"] if per_gpu else 1) for one in comparison["alternatives"]]
    chosen = figures[values.index(min(values))]
    best = min(figures) if comparison["better"] == "time" else max(figures)
    return chosen / best - 1 if comparison["better"] == "time" else 1 - chosen / best


def test_the_choice_loses_little_of_what_was_published():
    regrets = {one["name"]: regret(one, corrected=True) for one in COMPARISONS}
    assert mean(regrets.values()) <= 0.05, regrets
    assert max(regrets.values()) <= 0.20, regrets


def test_the_formula_alone_loses_little_where_it_can_see_the_difference():
    regrets = {one["name"]: regret(one, corrected=False) for one in COMPARISONS if one["name"] not in ENGINES_ALONE}
    assert mean(regrets.values()) <= 0.05, regrets
    assert max(regrets.values()) <= 0.20, regrets


@cache
def everything():
    """A cluster with eight of every product of the table."""
    nodes = [amd(one.device_ids[0], name=one.name) for one in products() if one.vendor == "amd" and one.device_ids]
    others = [one for one in products() if one.vendor == "nvidia" and one.labels]
    labels = [(one.name, LABELS.get(one.name, f"NVIDIA-{one.name}")) for one in others]
    return inventory(*nodes, *(nvidia(label, name=name) for name, label in labels), node(name="cpu"))


@pytest.mark.parametrize("goal", [None, "latency", "throughput", "cost"])
def test_no_two_candidates_of_a_model_are_told_apart_by_their_names(goal):
    catalogue = {}
    for name, spec in shipped().items():
        catalogue.setdefault(spec["modelId"], []).append(read_entry(name, spec))
    for model, entries in catalogue.items():
        spec = endpoint(modelId=model, recipe={"goal": goal} if goal else {})
        asked, _ = selection_steps(spec)[0]
        related = {"inventory": everything(), "config": Config(), "room": NOTHING_KNOWN, "groups": True}
        cases = _cases(spec, asked, entries, **related, downloads=nothing_downloaded)
        fitting, _ = _divided(cases, asked)
        rows = ranked(fitting, goal)
        assert len({row.key for row in rows}) == len(rows), model


def test_the_rate_of_sglang_is_the_mean_of_the_published_pairs():
    """The geometric mean of what both engines were measured at, under the same words."""
    figures = {}
    for spec in shipped().values():
        for configuration in spec["configurations"]:
            for one in configuration.get("measurements", ()):
                key = (spec["modelId"], spec["hardware"], spec["precision"], configuration["gpuCount"], one["workload"])
                figures.setdefault(key, {})[spec["backend"]] = one.get("tokensPerSecond")
    ratios = [found["sglang"] / found["vllm"] for found in figures.values() if len(found) == 2]
    assert len(ratios) == 6
    assert round(prod(ratios) ** (1 / len(ratios)), 2) == ENGINE_RATES["sglang"]
    assert set(ENGINE_RATES) == {spec["backend"] for spec in shipped().values()}


def test_without_figures_nothing_is_corrected():
    found = Corrections().corrected(("r", 1, "H100", "vllm"), 7.0)
    assert (found.value, found.source) == (7.0, "predicted")
