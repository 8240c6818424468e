"""What no recipe has is derived from the nearest one, and nothing that a recipe has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.model_facts import ModelFacts
from aimlib.config import Config
from aimlib.derive.candidates import _longest, derivation_key, derived_entries, recipe_name
from aimlib.derive.sources import Checkpoint
from aimlib.selection.entries import read_entry
from aimlib.selection.recipe_check import check_recipe
from aimlib.selection.select import select
from tests.aimlib.make import FACTS, MODEL, amd, configuration, endpoint, inventory, listed, nvidia, raw_recipe

MI300X, H100 = inventory(amd()), inventory(nvidia())
AITER = {"name": "VLLM_ROCM_USE_AITER", "value": "1"}
OTHER_ENV = {"name": "NCCL_MIN_NCHANNELS", "value": "112"}


def derived(*entries, on=MI300X, described=(), **settings):
    return derived_entries(entries, described, on.classes, Config(**settings))


def args_of(entry, count=1):
    [one] = [one for one in entry.spec.configurations if one.gpu_count == count]
    return one.args


def described(**fields):
    facts = ModelFacts.model_validate({**FACTS, **fields})
    return Checkpoint(MODEL, MODEL, "bf16", facts, "AIMModel qwen")


def test_a_recipe_for_other_gpus_serves_these_with_each_engine_that_has_an_image():
    found = derived(listed("h100", hardware="H100"))
    assert [one.name for one in found] == ["derived-qwen3-32b-mi300x-bf16", "derived-qwen3-32b-mi300x-bf16-sglang"]
    assert [one.gpu_count for one in found[0].spec.configurations] == [1, 2, 4, 8]
    assert {one.derived_from for one in found} == {"recipe h100"}


@pytest.mark.parametrize(
    "fields",
    [{}, {"backend": "sglang"}, {"facts": None}, {"image": {"repository": "a", "tag": "b"}}],
    ids=["the same", "another engine", "without facts", "with its own image"],
)
def test_what_a_recipe_has_is_not_derived(fields):
    assert derived(listed("own", **fields), listed("h100", hardware="H100")) == ()


def test_a_recipe_that_cannot_be_read_has_nothing():
    assert derived(read_entry("broken", {"hardware": "MI300X"})) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"facts": None},
        {"image": {"repository": "a", "tag": "b"}},
        {"configurations": [configuration(args=["--trust-remote-code"])]},
        {"configurations": [configuration(args=["--no-such-flag"])]},
        {"configurations": []},
        {"hardware": "Abacus"},
    ],
    ids=["facts", "image", "code", "arguments", "configurations", "hardware"],
)
def test_some_recipes_tell_nothing_about_other_gpus(fields):
    found = derived(listed("h100", **{"hardware": "H100", **fields}))
    assert [one.derived_from for one in found] == (["recipe h100"] * 2 if "hardware" in fields else [])


DRAFTING = {"tokens": 3, "accepted": 2.0, "source": "a test"}


def test_a_checkpoint_that_drafts_is_derived_with_and_without_for_engines_that_are_told_how():
    found = {one.name: one for one in derived(described=[described(drafting=DRAFTING)])}
    plain, drafts = "derived-qwen3-32b-mi300x-bf16", "derived-qwen3-32b-mi300x-bf16-mtp"
    assert list(found) == [plain, drafts, "derived-qwen3-32b-mi300x-bf16-sglang"]
    argument = '--speculative-config={"method": "mtp", "num_speculative_tokens": 3}'
    assert argument in args_of(found[drafts])
    assert argument not in args_of(found[plain])
    assert {one.drafted for one in found[drafts].launches} == {3}


def test_drafting_of_a_recipe_is_not_taken_twice():
    near = listed(
        "mi325x",
        configuration(args=["--speculative-config.method=mtp", "--speculative-config.num_speculative_tokens=1"]),
        hardware="MI325X",
        facts={**FACTS, "drafting": DRAFTING},
    )
    found = derived(near)
    assert [one.launches[0].drafted for one in found] == [0, 3, 0]
    assert not any(launched.problems for one in found for launched in one.launches)


def test_code_of_a_repository_is_never_switched_on():
    safe = listed("a", hardware="H100")
    unsafe = listed("b", configuration(args=["--trust-remote-code", "--tokenizer-mode=slow"]), hardware="MI325X")
    found = derived(safe, unsafe)
    assert {one.derived_from for one in found} == {"recipe a"}
    assert not any(launched.runs_remote_code for one in found for launched in one.launches)


def test_all_arguments_are_taken_from_a_recipe_for_the_same_architecture():
    near = listed(
        "mi325x",
        configuration(1, args=["--max-model-len=4096", "--attention-backend=ROCM_AITER_FA"], env=[AITER, OTHER_ENV]),
        configuration(2, args=["--max-num-seqs=64"], resources={"requests": {"cpu": "16"}}),
        hardware="MI325X",
    )
    [vllm, _] = derived(near, listed("h100", hardware="H100"))
    assert vllm.derived_from == "recipe mi325x"
    attention = ("--attention-backend", "ROCM_AITER_FA")
    assert args_of(vllm) == ("--max-model-len=40960", "--gpu-memory-utilization", "0.9", *attention)
    assert [one.name for one in vllm.spec.configurations[0].env] == [AITER["name"], OTHER_ENV["name"]]
    assert args_of(vllm, 2)[-2:] == ("--max-num-seqs", "64")
    assert [one.resources.requests for one in vllm.spec.configurations] == [{}, {"cpu": "16"}, {}, {}]
    assert args_of(vllm, 8)[0] == "--tensor-parallel-size=8"


def test_only_what_is_about_the_model_is_taken_from_a_recipe_for_another_architecture():
    args = ["--attention-backend=FLASHINFER", "--reasoning-parser=qwen3", "--gpu-memory-utilization=0.5"]
    near = listed("h100", configuration(args=args, env=[OTHER_ENV]), hardware="H100")
    [vllm, _] = derived(near)
    rest = ("--gpu-memory-utilization", "0.9", "--reasoning-parser", "qwen3")
    assert args_of(vllm) == ("--max-model-len=40960", *rest)
    assert [one.name for one in vllm.spec.configurations[0].env] == [AITER["name"]]


def test_what_chooses_kernels_is_taken_from_a_recipe_for_the_same_family():
    args = ["--attention-backend=ROCM_AITER_FA", "--moe-backend=aiter", "--max-num-seqs=64"]
    near, older = (listed(name, configuration(args=args), hardware=name) for name in ("MI300X", "MI210"))
    mi355x = inventory(amd("75a3"))
    [vllm] = [one for one in derived(older, near, on=mi355x) if one.spec.backend == "vllm"]
    assert vllm.derived_from == "recipe MI300X"
    kernels = ("--attention-backend", "ROCM_AITER_FA", "--moe-backend", "aiter")
    assert args_of(vllm) == ("--max-model-len=40960", "--gpu-memory-utilization", "0.9", *kernels)
    [vllm] = [one for one in derived(older, on=mi355x) if one.spec.backend == "vllm"]
    assert args_of(vllm) == ("--max-model-len=40960", "--gpu-memory-utilization", "0.9")


def test_an_architecture_has_the_backends_that_are_recommended_for_it():
    def of(**facts):
        entries = derived(listed("h100", hardware="H100", facts={**FACTS, **facts}))
        return [one for one in args_of(entries[0])[1:] if one.startswith("--") or "ROCM" in one or one == "aiter"][1:]

    attention, moe = ["--attention-backend", "ROCM_AITER_FA"], ["--moe-backend", "aiter"]
    assert of() == []
    assert of(architecture="Qwen3ForCausalLM") == attention
    assert of(architecture="Qwen3ForCausalLM", headDim=80) == []
    assert of(architecture="Qwen3MoeForCausalLM") == attention + moe
    assert of(architecture="Qwen3MoeForCausalLM", quantization="awq") == attention


def test_a_recipe_for_the_same_family_that_names_no_backend_keeps_the_engines_own():
    facts = {**FACTS, "architecture": "Qwen3ForCausalLM"}
    [vllm, _] = derived(listed("mi325x", configuration(args=[]), hardware="MI325X", facts=facts))
    assert args_of(vllm)[1:] == ("--gpu-memory-utilization", "0.9")


def test_the_vendor_decides_between_recipes_for_other_architectures():
    recipes = [listed(name, hardware=name) for name in ("H100", "MI210")]
    assert {one.derived_from for one in derived(*recipes) if one.spec.backend == "vllm"} == {"recipe MI210"}


def test_the_longest_context_that_fits_is_stated_for_each_degree():
    facts = {**FACTS, "maxContext": 1_000_000, "weightsGiB": 60}
    [vllm, _] = derived(listed("mi300x", hardware="MI300X", facts=facts), on=H100)
    [alone, *more] = [int(args_of(vllm, count)[count > 1].split("=")[1]) for count in (1, 2, 4)]
    assert alone < more[0]
    assert more == [131072, 131072]
    assert check_recipe("r", vllm.spec).problems == ()


def test_illegal_degrees_are_left_out_and_those_that_do_not_fit_are_rejected_with_both_numbers():
    facts = {**FACTS, "attentionHeads": 12, "keyValueHeads": 4, "weightsGiB": 400}
    near = listed("mi300x", facts=facts)
    [vllm, _] = derived(near, on=H100)
    assert [one.gpu_count for one in vllm.spec.configurations] == [1, 2, 4]
    decision = select(endpoint(), [near], H100, Config(), derive=lambda: (vllm,))
    assert decision.resolved is None
    assert [one.rule for one in decision.selection.candidates[:3]] == ["memory"] * 3


def test_a_model_that_only_an_aimmodel_describes_has_candidates():
    found = derived(described=[described()])
    assert {one.derived_from for one in found} == {"AIMModel qwen"}
    tools = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--reasoning-parser", "qwen3")
    assert args_of(found[0]) == ("--max-model-len=40960", "--gpu-memory-utilization", "0.9", *tools)


def test_a_recipe_comes_before_an_aimmodel_of_the_same_checkpoint():
    found = derived(listed("h100", hardware="H100"), described=[described(weightsGiB=1)])
    assert {one.derived_from for one in found} == {"recipe h100"}


def test_two_checkpoints_of_one_precision_are_one_candidate():
    raw = raw_recipe(hardware="H100", checkpoint="acme/other")
    found = derived(read_entry("b", raw), listed("h200", hardware="H200"))
    assert [one.spec.loaded for one in found if one.spec.backend == "vllm"] == [MODEL]


@pytest.mark.parametrize(("setting", "names"), [("Always", 2), ("RegisteredOnly", 0), ("Never", 0)])
def test_a_setting_bounds_what_is_derived(setting, names):
    assert len(derived(listed("h100", hardware="H100"), derive=setting)) == names
    only_described = derived(described=[described()], derive=setting)
    assert bool(only_described) == (setting != "Never")


def sequences_of(entry, count=1):
    return [one for one in args_of(entry, count) if one.startswith("--max-num-seqs")]


def test_sequences_are_bounded_by_the_states_of_linear_attention_that_there_is_room_for():
    """VLLM refuses to start on one H100 with its default of 1024: of Qwen3.6-27B-FP8 it has room for 856 states."""
    hybrid = {"layers": 16, "linearAttention": {"layers": 48, "stateKiB": 1536.0}, "maxContext": 262144}
    vllm, sglang = derived(on=H100, described=[described(weightsGiB=29.0, **hybrid)])
    assert sequences_of(vllm) == ["--max-num-seqs=256"]
    assert sequences_of(vllm, 8) == sequences_of(sglang) == []
    [tight, _] = derived(on=H100, described=[described(weightsGiB=52.0, **hybrid)])
    assert sequences_of(tight) == ["--max-num-seqs=128"]
    unknown = {**hybrid, "linearAttention": {"layers": 48, "stateKiB": 0.0}}
    assert sequences_of(derived(on=H100, described=[described(**unknown)])[0]) == []


def test_a_format_without_kernels_of_the_vendor_is_not_derived():
    facts = ModelFacts.model_validate({**FACTS, "quantization": "nvfp4"})
    one = Checkpoint(MODEL, "acme/fp4", "fp4", facts, "AIMModel m")
    assert derived(described=[one]) == ()
    assert derived(described=[one], on=H100)


def test_processors_get_nothing():
    assert derived(listed("h100", hardware="H100"), on=inventory()) == ()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Qwen/Qwen3-32B", "qwen3-32b-mi300x-fp8-sglang"),
        ("a/B_c.D--", "b-c-d-mi300x-fp8-sglang"),
        ("模型/名", "model-mi300x-fp8-sglang"),
        ("a/" + "x" * 300, f"{'x' * 160}-mi300x-fp8-sglang"),
    ],
)
def test_names_are_those_of_recipes(model, name):
    assert recipe_name(model, "MI300X", "fp8", "sglang") == name


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=9, unique=True), st.integers(0, 10**6))
def test_the_longest_context_that_fits_is_found_without_trying_each(lengths, room):
    tried = tuple(sorted(lengths, reverse=True))
    asked = []
    found = _longest(tried, lambda length: asked.append(length) or length <= room)
    assert found == next((length for length in tried if length <= room), tried[-1])
    assert len(asked) <= 5


DRAFT = {"repository": "acme/draft", "method": "eagle3", "tokens": 3, "facts": {**FACTS, "layers": 1}}
MI325X = inventory(amd("74a5"))


def with_drafts(*entries, on=MI325X, **settings):
    found = derived_entries(entries, (), on.classes, Config(**settings), with_drafts=True)
    return {one.name: one for one in found if one.spec.draft}


def test_a_draft_is_derived_for_gpus_that_run_the_same_binaries():
    [(name, found)] = with_drafts(listed("quick", draft=DRAFT)).items()
    assert name == "derived-qwen3-32b-mi325x-bf16-eagle3"
    assert (found.derived_from, found.spec.draft.repository) == ("recipe quick", "acme/draft")
    assert all(one.draft for one in found.launches)
    assert derived(listed("quick", draft=DRAFT), on=MI325X) == ()


@pytest.mark.parametrize(
    ("entries", "on", "settings"),
    [
        ([listed("quick", draft=DRAFT)], H100, {}),
        ([listed("quick", draft=DRAFT), listed("own", hardware="MI325X", draft=DRAFT)], MI325X, {}),
        ([listed("quick", draft=DRAFT)], MI325X, {"derive": "RegisteredOnly"}),
        ([listed("quick", draft=DRAFT, image={"repository": "a", "tag": "b"})], MI325X, {}),
        ([listed("plain")], MI325X, {}),
    ],
    ids=["another architecture", "there", "settings", "its own image", "no draft"],
)
def test_a_draft_is_derived_nowhere_else(entries, on, settings):
    assert with_drafts(*entries, on=on, **settings) == {}


@given(nodes=st.integers(1, 100), total=st.integers(0, 800))
def test_how_many_nodes_there_are_changes_neither_what_is_derived_nor_its_key(nodes, total):
    counted = [one.model_copy(update={"nodes": nodes, "total": total}) for one in MI300X.classes]
    near = (listed("h100", hardware="H100"),)
    assert derivation_key(counted) == derivation_key(MI300X.classes)
    made = derived_entries(near, (), counted, Config())
    assert [one.spec for one in made] == [one.spec for one in derived(*near)]
