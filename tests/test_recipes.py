"""The recipes that are shipped: well formed, right by themselves, and broad enough."""

import re
from collections import Counter
from typing import Any

import pytest
import yaml

from aimlib.api.recipe import AIMRecipe, Configuration
from aimlib.hardware.products import known_products
from aimlib.selection.gpu_memory import required_memory
from aimlib.selection.launch import launch
from aimlib.selection.recipe_check import check_recipe
from tests.cases import read
from tests.kustomize import ROOT, build

FOLDER = ROOT / "recipes"
FILES = sorted((path for path in FOLDER.glob("*.yaml") if path.stem != "kustomization"), key=lambda path: path.stem)
RAW: dict[str, dict[str, Any]] = {path.stem: read(path) for path in FILES}
RECIPES = {stem: AIMRecipe.model_validate(raw) for stem, raw in RAW.items()}
ENABLED = [
    (recipe.spec, configuration)
    for recipe in RECIPES.values()
    for configuration in recipe.spec.configurations
    if configuration.enabled
]

LENGTH = {"vllm": "--max-model-len", "sglang": "--context-length"}
FRACTION = {"vllm": "--gpu-memory-utilization", "sglang": "--mem-fraction-static"}
OF_THE_OPERATOR = {"--model", "--model-path", "--host", "--port", "--served-model-name", "--api-key"}

AITER_SHARE = 0.85
"""What SGLang's aiter attention leaves of --mem-fraction-static (sglang 0.5.23, arg_groups/attention_hook.py) ..."""
AITER_LENGTH = 8192
"""... for contexts longer than this many tokens."""

LEAST_LEFT_GIB = 1.0
"""Graphs may take 0.8 GiB more than their mean, which is what is counted."""

BLOCK = 128
EXPERT_FEATURES = {
    "Qwen/Qwen3-30B-A3B-FP8": 768,
    "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8": 1536,
    "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8": 2560,
    "deepseek-ai/DeepSeek-R1": 2048,
    "deepseek-ai/DeepSeek-R1-0528": 2048,
    "deepseek-ai/DeepSeek-V3-0324": 2048,
    "moonshotai/Kimi-K2-Instruct": 2048,
}
"""moe_intermediate_size of the checkpoints quantised in blocks of 128, from their config.json."""

EACH = pytest.mark.parametrize("stem", RECIPES)


def unknown(raw: Any, parsed: Any, path: str = "") -> list[str]:
    """The fields of a document that its model dropped."""
    if isinstance(raw, dict):
        missing = [f"{path}.{key}" for key in raw if key not in parsed]
        return missing + [found for key in raw if key in parsed for found in unknown(raw[key], parsed[key], key)]
    if isinstance(raw, list):
        return [found for one, other in zip(raw, parsed, strict=True) for found in unknown(one, other, path)]
    return []


def flags(configuration: Configuration) -> dict[str, str]:
    """The arguments by flag; a flag that takes no value has an empty one."""
    return {flag: value for flag, _, value in (word.partition("=") for word in configuration.args)}


@EACH
def test_it_has_no_field_that_the_api_does_not_know(stem: str):
    assert unknown(RAW[stem], RECIPES[stem].wire()) == []


@EACH
def test_its_name_is_its_file_and_says_what_it_is_for(stem: str):
    recipe = RECIPES[stem]
    assert recipe.name == stem
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", stem)
    suffix = "-sglang" if recipe.spec.backend == "sglang" else ""
    suffix += f"-{recipe.spec.draft.method}" if recipe.spec.draft else ""
    assert stem.endswith(f"-{recipe.spec.hardware.lower()}-{recipe.spec.precision}{suffix}")


@EACH
def test_nothing_is_found_wrong_with_it(stem: str):
    assert check_recipe(stem, RECIPES[stem].spec).problems == ()
    assert check_recipe(stem, RECIPES[stem].spec).notes == ()


@EACH
def test_its_facts_are_sourced_and_it_is_described(stem: str):
    spec = RECIPES[stem].spec
    assert spec.description
    assert spec.facts
    assert spec.facts.source
    assert spec.facts.license
    assert spec.draft is None or spec.draft.facts.source


@EACH
def test_it_states_lengths_memory_and_degree_and_leaves_the_rest_to_the_operator(stem: str):
    spec = RECIPES[stem].spec
    for configuration in spec.configurations:
        given = flags(configuration)
        assert len(given) == len(configuration.args)
        assert not OF_THE_OPERATOR & set(given)
        assert LENGTH[spec.backend] in given
        if configuration.gpu_count:
            assert FRACTION[spec.backend] in given
            assert launch(spec, configuration).parallel.devices == configuration.gpu_count
        assert set(configuration.resources.requests) == {"cpu", "memory"}
        assert spec.facts.max_context >= int(given[LENGTH[spec.backend]])


UNSCALED_CACHE = (
    "gpt-oss-120b-b200-fp4",
    "gpt-oss-20b-b200-fp4",
    "deepseek-r1-0528-mi300x-fp8-sglang",
    "hunyuan-a13b-instruct-mi.*-fp8",
    "mimo-v2-6-.*-mi.*",
    "kimi-k3-b300-fp4",
    "deepseek-r1-0528-mi3.*-fp4",
    "kimi-k2-5-mi355x-fp4",
)
"""Recipes whose guides name an fp8 cache all the same: vLLM 0.33.0, recipes/models/openai (Blackwell), tencent,
XiaomiMiMo, deepseek-ai and moonshotai (Quark), and SGLang's for DeepSeek on MI300X."""


@EACH
def test_an_fp8_cache_is_used_where_the_checkpoint_brings_its_scales_or_the_guide_says_so(stem: str):
    spec = RECIPES[stem].spec
    scaled = spec.loaded.endswith("-FP8-KV") or spec.loaded.startswith("nvidia/")
    scaled = scaled or any(re.fullmatch(form, stem) for form in UNSCALED_CACHE)
    for configuration in spec.configurations:
        assert flags(configuration).get("--kv-cache-dtype", "").startswith("fp8") == scaled


@EACH
def test_rocm_settings_are_for_the_gpus_that_know_them(stem: str):
    spec = RECIPES[stem].spec
    accelerated = known_products().product(spec.hardware).architecture in {"gfx942", "gfx950"}
    for configuration in spec.configurations:
        names = {variable.name for variable in configuration.env}
        assert accelerated or not {name for name in names if "ROCM" in name or "AITER" in name}
        assert ("SGLANG_USE_AITER" in names) == (accelerated and spec.backend == "sglang")


@pytest.mark.parametrize(
    ("stem", "configuration"),
    [
        (stem, configuration)
        for stem, recipe in RECIPES.items()
        if recipe.spec.backend == "sglang" and known_products().product(recipe.spec.hardware).vendor == "amd"
        for configuration in recipe.spec.configurations
    ],
)
def test_sglang_on_amd_fits_into_what_its_attention_leaves(stem: str, configuration: Configuration):
    spec = RECIPES[stem].spec
    started = launch(spec, configuration)
    share = AITER_SHARE if started.max_length > AITER_LENGTH else 1
    usable = started.usable(known_products().product(spec.hardware).memory_gib) * share
    assert (
        required_memory(spec.facts, started.layout, known_products().product(spec.hardware).memory_gib).total <= usable
    )


def test_no_configuration_has_less_than_a_gib_left():
    left = {}
    for spec, configuration in ENABLED:
        started, memory = launch(spec, configuration), known_products().product(spec.hardware).memory_gib
        if memory:
            needed = required_memory(spec.facts, started.layout, memory)
            left[f"{spec.loaded} on {configuration.gpu_count} {spec.hardware}"] = started.usable(memory) - needed.total
    assert {name: gib for name, gib in left.items() if gib < LEAST_LEFT_GIB} == {}


@pytest.mark.parametrize("checkpoint", EXPERT_FEATURES)
def test_block_quantised_experts_are_cut_between_blocks_or_not_at_all(checkpoint: str):
    loading = [(spec, configuration) for spec, configuration in ENABLED if spec.loaded == checkpoint]
    assert loading
    for spec, configuration in loading:
        whole = "--enable-expert-parallel" in flags(configuration)
        assert whole or EXPERT_FEATURES[checkpoint] / launch(spec, configuration).parallel.tensor % BLOCK == 0


def test_every_figure_has_a_source_and_speaks_of_one_workload_once():
    for _, configuration in ENABLED:
        assert all(one.source and one.workload for one in configuration.measurements)
        assert all(one.tokens_per_second or one.latency_ms for one in configuration.measurements)
        workloads = Counter(one.workload for one in configuration.measurements)
        assert max(workloads.values(), default=1) == 1


def test_the_kustomization_lists_every_file_and_builds_all_of_them():
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert listed == [path.name for path in FILES]
    assert {item["metadata"]["name"]: item for item in build(FOLDER)} == RAW


def test_the_recipes_are_many_and_cover_the_hardware_the_engines_and_the_sizes():
    assert len(ENABLED) >= 60
    assert len({spec.model_id for spec, _ in ENABLED}) >= 20
    hardware = {spec.hardware for spec, _ in ENABLED}
    assert hardware >= {"MI210", "MI250", "MI300X", "MI325X", "MI350X", "MI355X", "H100", "H200", "B200", "L40S", "CPU"}
    sizes = {(spec.backend, configuration.gpu_count) for spec, configuration in ENABLED}
    assert sizes == {("vllm", 0), *((backend, count) for backend in ("vllm", "sglang") for count in (1, 2, 4, 8, 16))}
    assert {spec.precision for spec, _ in ENABLED} == {"bf16", "fp8", "fp4", "int4"}


@pytest.mark.parametrize(
    ("stem", "counts"),
    [
        ("qwen3-32b-mi300x-bf16", (1, 2, 4, 8)),
        ("deepseek-r1-0528-mi300x-fp8", (8,)),
        ("llama-3-1-405b-fp8-kv-mi300x-fp8", (4, 8)),
        ("llama-4-maverick-17b-mi300x-fp8", (4, 8)),
    ],
)
def test_the_recipes_of_the_prototype_are_here_with_the_counts_that_fit_on_both_engines(
    stem: str, counts: tuple[int, ...]
):
    for name in (stem, f"{stem}-sglang"):
        assert check_recipe(name, RECIPES[name].spec).usable == counts
