"""The AIMModels that are shipped: well formed, sourced, loadable, and many."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from aimlib.api.described_model import AIMModel
from aimlib.config import Config
from aimlib.data import YamlLoader
from aimlib.derive.candidates import derived_entries
from aimlib.derive.described import described_checkpoint
from aimlib.derive.rules import computes
from aimlib.engines.architectures import not_loaded
from aimlib.hardware.products import products
from aimlib.schema.validation import validate_object
from aimlib.selection.recipe_check import check_recipe
from hooks.cli.recipe_commands import usual_classes
from tests.files import TESTDATA, read
from tests.kustomize import ROOT, build
from tests.test_recipes import RECIPES, unknown

FOLDER = ROOT / "recipes" / "models"
FILES = sorted((path for path in FOLDER.glob("*.yaml") if path.stem != "kustomization"), key=lambda path: path.stem)


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.load_all(path.read_bytes(), YamlLoader))


RAW = {raw["metadata"]["name"]: raw for path in FILES for raw in documents(path)}
MODELS = {name: AIMModel.model_validate(raw) for name, raw in RAW.items()}
PUBLISHED = read(ROOT / "tests" / "tools" / "published_models.yaml")["models"]
VERIFIED: list[str] = read(TESTDATA / "engine-recipes" / "verified-on-amd.yaml")
LEFT_OUT = {
    **dict.fromkeys(
        [*(f"vllm-sr/d3{kind}" for kind in ("", "-edge", "-flash", "-lite", "-mini", "-nano"))],
        "embeds, and has no chat",
    ),
    **dict.fromkeys(
        [
            "IFM/Jais-3-375B-A23B",
            "IFM/K2-Horizon-375B-A23B",
            "MiniMaxAI/MiniMax-M3.1-Flash",
            "Qwen/Qwen3.8-Flash-Next",
            "inclusionAI/Ling-2.6-1T",
            "inclusionAI/Ling-2.6-flash",
            "inclusionAI/Ling-3.1-flash",
            "inclusionAI/Ring-1T-FP8",
            "mistralai/Mistral-Medium-3.5-128B",
            "tencent/Hy4-preview",
        ],
        "no configuration of it was found that is published and agrees with its number of parameters",
    ),
}
"""What vLLM has verified on AMD and nothing here describes, with the reason."""
EACH = pytest.mark.parametrize("name", MODELS)


@EACH
def test_it_has_no_field_that_the_api_does_not_know(name: str):
    assert unknown(RAW[name], MODELS[name].wire()) == []
    assert validate_object(RAW[name], "AIMModel")[1] == ()


@EACH
def test_it_is_named_as_a_model_and_a_precision_and_its_facts_are_sourced(name: str):
    spec = MODELS[name].spec
    checkpoint = described_checkpoint(name, spec)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name)
    assert re.search(rf"-{checkpoint.precision}(-\w+)?$", name)
    assert spec.facts.source
    assert spec.facts.parameters_billions
    assert spec.facts.hidden_size
    assert spec.facts.architecture


@EACH
def test_an_engine_loads_it_and_a_product_computes_its_format(name: str):
    facts = MODELS[name].spec.facts
    checkpoint = described_checkpoint(name, MODELS[name].spec)
    assert "" in {not_loaded(engine, facts.architecture) for engine in ("vllm", "sglang")}
    assert any(computes(one, checkpoint.precision, facts) for one in products())


LARGE = ("MI355X", "B300")
"""The largest of each vendor, on which everything that fits anywhere fits."""


@EACH
def test_it_fits_on_a_node_with_arguments_that_the_engine_knows(name: str):
    checkpoint = described_checkpoint(name, MODELS[name].spec)
    found = derived_entries((), (checkpoint,), usual_classes(LARGE, Config()), Config())
    assert any(check_recipe(one.name, one.spec).usable for one in found)
    problems = [problem for one in found for problem in check_recipe(one.name, one.spec).problems]
    assert {problem.split(": ")[1] for problem in problems} <= {"memory"}
    assert not any(launched.runs_remote_code for one in found for launched in one.launches)


def test_weights_are_as_large_as_their_format_at_least():
    least = {None: 1.9, "fp8": 0.5, "fp8-block": 0.5, "gptq": 0.5, "awq": 0.5, "mxfp4": 0.5, "nvfp4": 0.5}
    small = {
        name: spec.facts.weights_gib
        for name, spec in ((name, one.spec) for name, one in MODELS.items())
        if spec.facts.weights_gib * 2**30 < least[spec.facts.quantization] * spec.facts.parameters_billions * 1e9
    }
    assert small == {}


def expected_billions(text: dict[str, Any]) -> float:
    """Parameters of experts and embeddings, by shape; 0 where sizes are not listed."""
    hidden, layers = text["hidden_size"], text["num_hidden_layers"]
    experts = next((text[key] for key in ("n_routed_experts", "num_experts", "num_local_experts") if text.get(key)), 0)
    width = text.get("moe_intermediate_size") or text.get("intermediate_size") or 0
    return (experts * 3 * hidden * width * layers + 2 * text.get("vocab_size", 0) * hidden) / 1e9


TOLERANCE = 0.2
"""Layers that are dense are counted as others, attention is not."""


@pytest.mark.parametrize("model", [name for name, one in PUBLISHED.items() if "set" in one])
def test_shapes_that_are_listed_agree_with_the_number_of_parameters(model: str):
    stated = PUBLISHED[model]["set"]
    text = next((stated[key] for key in ("text_config", "llm_config") if key in stated), stated)
    if "num_hidden_layers" not in text or not expected_billions(text) or "moe_intermediate_size" not in text:
        return
    found = [spec.facts.parameters_billions for spec in all_specs() if spec.model_id == model]
    assert expected_billions(text) == pytest.approx(found[0], rel=TOLERANCE)


def all_specs() -> list[Any]:
    return [one.spec for one in (*MODELS.values(), *RECIPES.values())]


def test_most_of_what_is_verified_on_amd_is_here_and_the_rest_has_its_reason():
    described = {
        name for spec in all_specs() for name in (spec.model_id, getattr(spec, "checkpoint", None)) if name
    } | {spec.loaded for spec in all_specs()}
    missing = {name for name in VERIFIED if name not in described}
    assert missing == {*LEFT_OUT}
    assert 1 - len(missing) / len(VERIFIED) >= 0.8


def test_the_kustomization_lists_every_file_and_builds_all_of_them():
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert listed == [path.name for path in FILES]
    assert {item["metadata"]["name"]: item for item in build(FOLDER)} == RAW
    assert len(RAW) == sum(len(documents(path)) for path in FILES)
