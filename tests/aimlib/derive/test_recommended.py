"""What vLLM's own recipes set for a model is taken where no recipe here does, and nothing that reads files."""

import pytest

from aimlib.api.model_facts import ModelFacts
from aimlib.config import Config
from aimlib.data import entries, load_data, load_entry
from aimlib.derive.candidates import derived_entries
from aimlib.derive.recommended import NOTHING_RECOMMENDED, recommended
from aimlib.derive.rules import computes, rules
from aimlib.derive.sources import Checkpoint
from aimlib.engines.catalogue import engine, engines, parse_args
from aimlib.hardware.products import known_products, products
from tests.aimlib.make import FACTS, amd, inventory, listed, nvidia

VLLM, SGLANG = engine("vllm"), engine("sglang")
TABLE = known_products()
THEIRS = load_data(f"engines/vllm-{VLLM.version}-recipes")


def part(found, *keys):
    return [word for key in keys for word in (found.get(key, {}) if key else found).get("args", ())]


@pytest.mark.parametrize("repository", THEIRS)
def test_every_flag_is_the_engines_and_allowed(repository):
    for group in (None, *rules().groups):
        parsed = parse_args("vllm", part(THEIRS[repository], group))
        assert parsed.errors == ()
        assert {one.flag for one in parsed.arguments} <= {*rules().recommended["vllm"]}


def test_nothing_is_recommended_that_is_computed_or_a_persons_to_decide():
    for name, flags in rules().recommended.items():
        assert not {*flags} & {*rules().own[name]}
        assert not {flag for flag in flags if "path" in flag or "host" in flag or "plugin" in flag}


def test_groups_are_of_architectures_that_there_are():
    assert {name for group in rules().groups.values() for name in group} <= {one.architecture for one in products()}


def test_flags_of_the_hardware_go_over_those_of_the_model():
    amd_has = recommended(VLLM, ["MiniMaxAI/MiniMax-M2"], TABLE.product("MI300X"))
    assert {"--tool-call-parser", "minimax_m2", "--attention-backend", "ROCM_AITER_FA"} <= {*amd_has.args}
    assert {one.name for one in amd_has.env} >= {"VLLM_ROCM_USE_AITER"}
    assert "--attention-backend" not in recommended(VLLM, ["MiniMaxAI/MiniMax-M2"], TABLE.product("L40S")).args


@pytest.mark.parametrize(("backend", "names"), [(VLLM, ["acme/none"]), (SGLANG, ["MiniMaxAI/MiniMax-M2"]), (VLLM, [])])
def test_what_has_no_recipe_has_nothing(backend, names):
    assert recommended(backend, names, TABLE.product("MI300X")) == NOTHING_RECOMMENDED


def checkpoint(model, repository=None):
    return Checkpoint(model, repository or model, "bf16", ModelFacts.model_validate(FACTS), "AIMModel m")


@pytest.mark.parametrize("repository", ["MiniMaxAI/MiniMax-M2", "acme/my-own"])
def test_a_described_model_is_run_as_its_makers_recommend_in_a_copy_too(repository):
    found = derived_entries((), (checkpoint("MiniMaxAI/MiniMax-M2", repository),), inventory(amd()).classes, Config())
    [vllm] = [one.spec for one in found if one.spec.backend == "vllm"]
    assert all("minimax_m2" in one.args for one in vllm.configurations)
    assert not any("--trust-remote-code" in one.args for one in vllm.configurations)


def test_a_recipe_here_is_nearer_than_one_of_the_engine():
    found = derived_entries((listed(hardware="H100"),), (), inventory(nvidia("NVIDIA-L40S")).classes, Config())
    assert not any("--reasoning-parser" in one.args for entry in found for one in entry.spec.configurations)


@pytest.mark.parametrize(
    ("name", "precision", "facts", "runs"),
    [
        ("MI355X", "fp4", {"quantization": "mxfp4", "architecture": "DeepseekV3ForCausalLM"}, True),
        ("MI300X", "fp4", {"quantization": "mxfp4", "architecture": "DeepseekV3ForCausalLM"}, False),
        ("MI300X", "fp4", {"quantization": "mxfp4", "architecture": "GptOssForCausalLM"}, True),
        ("MI355X", "fp4", {"quantization": "nvfp4"}, False),
        ("B200", "fp4", {"quantization": "nvfp4"}, True),
        ("MI300X", "fp8", {"quantization": "fp8"}, True),
        ("MI210", "fp8", {"quantization": "fp8"}, False),
    ],
)
def test_a_format_runs_where_its_kernels_are(name, precision, facts, runs):
    assert computes(TABLE.product(name), precision, ModelFacts.model_validate({**FACTS, **facts})) is runs


def test_only_the_engines_that_have_recipes_have_a_file():
    assert {one.name for one in engines() if one.name in rules().recommended} == {"vllm"}


def test_an_entry_that_is_read_alone_is_that_of_the_whole_file():
    name = f"engines/vllm-{VLLM.version}-recipes"
    assert {key: load_entry(name, key) for key in entries(name)} == THEIRS


def test_nothing_is_recommended_by_an_engine_whose_recipes_cannot_be_read():
    assert SGLANG.name not in rules().recommended
    assert recommended(SGLANG, THEIRS, TABLE.product("MI300X")) == NOTHING_RECOMMENDED
