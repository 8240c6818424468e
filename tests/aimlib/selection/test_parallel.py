"""How a model is divided: by the arguments of both engines, with the memory and the speed that follow."""

import pytest

from aimlib.api.model_facts import ModelFacts
from aimlib.api.recipe import RecipeSpec
from aimlib.hardware.products import known_products
from aimlib.kube.quantity import GIB
from aimlib.selection.cache_capacity import cache_capacity
from aimlib.selection.gpu_memory import Layout, required_memory, routed_gib, weights_gib
from aimlib.selection.launch import launch
from aimlib.selection.parallel import Parallel, illegal_experts, layout_text
from aimlib.selection.recipe_check import check_recipe
from aimlib.selection.roofline import Workload
from aimlib.selection.speeds import Deployed, predicted

H200 = known_products().product("H200")
DEEPSEEK = {
    "weightsGiB": 641.3,
    "layers": 61,
    "attentionHeads": 128,
    "maxContext": 163840,
    "latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64},
    "experts": {"count": 256, "active": 8},
    "parametersBillions": 671,
    "activeParametersBillions": 37,
    "hiddenSize": 7168,
    "quantization": "fp8-block",
}
DENSE = {"weightsGiB": 61, "layers": 64, "attentionHeads": 64, "keyValueHeads": 8, "headDim": 128, "maxContext": 32768}


def recipe(backend, *args, facts=DEEPSEEK, gpus=8):
    raw = {"modelId": "a/b", "hardware": "H200", "precision": "fp8", "backend": backend}
    configurations = [{"gpuCount": gpus, "args": list(args)}]
    return RecipeSpec.model_validate({**raw, "facts": facts, "configurations": configurations})


def started(*args, **parts):
    spec = recipe(*args, **parts)
    return launch(spec, spec.configurations[0])


DP_ATTENTION = ("--tp-size=8", "--dp-size=8", "--enable-dp-attention")


@pytest.mark.parametrize(
    ("backend", "args", "parallel", "words"),
    [
        ("vllm", (), Parallel(8), None),
        ("vllm", ("--enable-expert-parallel",), Parallel(8, expert=8), "TP 8, experts over 8"),
        (
            *("vllm", ("--data-parallel-size=8", "--enable-expert-parallel")),
            *(Parallel(1, data=8, expert=8, shares_experts=True), "TP 1 x DP 8, experts over 8"),
        ),
        (
            *("vllm", ("--data-parallel-size=4",)),
            *(Parallel(2, data=4, shares_experts=True), "TP 2 x DP 4, each expert divided among 8"),
        ),
        ("vllm", ("--pipeline-parallel-size=2",), Parallel(4, 2), "TP 4 x PP 2"),
        ("sglang", ("--ep-size=8",), Parallel(8, expert=8), "TP 8, experts over 8"),
        (
            *("sglang", (*DP_ATTENTION, "--ep-size=4")),
            *(Parallel(1, data=8, expert=4, shares_experts=True), "TP 1 x DP 8, experts over 4, each divided among 2"),
        ),
        (
            *("sglang", ("--dp-size=2", "--enable-dp-attention")),
            *(Parallel(4, data=2, shares_experts=True), "TP 4 x DP 2, each expert divided among 8"),
        ),
        ("sglang", ("--dp-size=2",), Parallel(4, data=2), "TP 4 x DP 2"),
    ],
)
def test_the_layout_is_read_from_the_arguments(backend, args, parallel, words):
    found = started(backend, *args)
    assert (found.parallel, found.problems) == (parallel, ())
    assert layout_text(found.parallel, found.facts) == words


def test_groups_of_a_model_without_experts_share_nothing():
    found = started("vllm", "--data-parallel-size=8", facts=DENSE)
    assert found.parallel == Parallel(1, data=8)
    assert layout_text(found.parallel, found.facts) == "TP 1 x DP 8"
    assert found.required(140).weights == 61


def test_the_engine_gets_its_own_degree_whatever_attention_has():
    assert started("sglang", "--dp-size=8", "--enable-dp-attention").args[:2] == ("--tp-size", "8")
    assert started("vllm", "--data-parallel-size=8").args == ("--data-parallel-size", "8")


def test_groups_that_do_not_divide_the_degree_are_an_error():
    assert started("sglang", "--tp-size=8", "--dp-size=3", "--enable-dp-attention").problems == (
        "tensor 2 x pipeline 1 x data 3 make 6 ranks for 8 GPUs",
    )


def test_experts_are_divided_over_all_ranks_and_the_rest_is_copied_to_each_group():
    facts = ModelFacts.model_validate(DEEPSEEK)
    routed = routed_gib(facts)
    assert routed == pytest.approx((671 - 37) / (1 - 8 / 256) / 671 * 641.3)
    shared = Parallel(1, data=8, expert=8, shares_experts=True)
    assert weights_gib(facts, shared) == pytest.approx(641.3 - routed + routed / 8)
    assert weights_gib(facts, shared._replace(expert=1)) == weights_gib(facts, shared)
    assert weights_gib(facts, Parallel(8, expert=8)) == 641.3 / 8
    # 48 parts of 256 experts: some ranks have six.
    assert weights_gib(facts, Parallel(48, expert=48)) == pytest.approx((641.3 - routed) / 48 + routed * 6 / 256)
    assert weights_gib(facts, shared._replace(pipeline=2)) == pytest.approx(weights_gib(facts, shared) * 31 / 61)


def test_what_is_no_expert_has_sixteen_bit_where_files_have_less_than_a_byte_for_a_parameter():
    facts = ModelFacts.model_validate({**DEEPSEEK, "weightsGiB": 340, "quantization": "nvfp4"})
    others = 671 - (671 - 37) / (1 - 8 / 256)
    assert routed_gib(facts) == pytest.approx(340 - others * 2e9 / GIB)


def test_without_numbers_of_parameters_everything_is_copied():
    unknown = {name: value for name, value in DEEPSEEK.items() if "arametersBillions" not in name}
    found = started("vllm", "--data-parallel-size=8", facts=unknown)
    assert found.required(140).weights == 641.3


def test_each_group_has_a_cache_of_its_own_where_latent_attention_copies_one_to_each_rank():
    most = "--mem-fraction-static=0.9"
    tensor, groups = (cache_capacity(started("sglang", *args, most), 140) for args in (("--tp-size=8",), DP_ATTENTION))
    assert groups.tokens > 4 * tensor.tokens


def test_tokens_of_other_groups_take_room():
    facts = ModelFacts.model_validate(DEEPSEEK)
    alone = required_memory(facts, Layout(Parallel(1, data=8, shares_experts=False), tokens=1), 140)
    shared = required_memory(facts, Layout(Parallel(1, data=8, shares_experts=True), tokens=1), 140)
    gathered = 2 * 8192 * 7 * 7168 * 2 / GIB
    assert shared.overhead - alone.overhead == pytest.approx(1.8 + gathered)


@pytest.mark.parametrize(
    ("facts", "parts", "even", "words"),
    [
        (DEEPSEEK, 1, True, ""),
        (DEEPSEEK, 8, True, ""),
        (DEEPSEEK, 48, True, "256 experts, which 48 does not divide"),
        (DEEPSEEK, 48, False, ""),
        (DEEPSEEK, 512, False, "256 experts"),
        (DENSE, 8, False, "no experts"),
    ],
)
def test_experts_are_over_no_more_ranks_than_there_are_and_evenly_with_sglang(facts, parts, even, words):
    assert illegal_experts(ModelFacts.model_validate(facts), parts, even=even) == words


@pytest.mark.parametrize(
    ("backend", "args", "facts", "words"),
    [
        ("vllm", ["--enable-expert-parallel"], DENSE, "needs experts over 8 ranks; has no experts"),
        ("sglang", ["--ep-size=3"], DEEPSEEK, "needs experts over 3 ranks; has 256 experts, which 3 does not divide"),
    ],
)
def test_a_recipe_with_an_illegal_layout_says_so(backend, args, facts, words):
    assert words in check_recipe("r", recipe(backend, *args, facts=facts)).problems[0]


MANY = Workload(220, 200, 1000)


def test_groups_that_share_experts_are_faster_under_load_and_slower_for_one_request():
    def speed(args, workload):
        return predicted(Deployed(started("sglang", *args), "fp8", H200, H200.memory_gib), workload)

    tensor, groups = ("--tp-size=8",), DP_ATTENTION
    assert speed(groups, MANY).throughput > speed(tensor, MANY).throughput
    assert speed(groups, Workload(220, 200, 1)).per_token > speed(tensor, Workload(220, 200, 1)).per_token


BLOCK = {"quantization": "fp8-block", "quantizationBlock": 128}
EXPERTS = {"experts": {"count": 128, "active": 8}}


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({}, "quantization"),
        ({"quantization": "fp8"}, ""),
        ({"quantization": "fp8-block", "intermediateSize": 25600}, "quantizationBlock"),
        ({"quantizationBlock": 128}, "intermediateSize"),
        ({**BLOCK, **EXPERTS, "intermediateSize": 25600}, "moeIntermediateSize"),
        ({**BLOCK, **EXPERTS, "moeIntermediateSize": 1024}, ""),
        ({**BLOCK, "intermediateSize": 25600}, ""),
    ],
)
def test_what_is_not_known_of_quantised_blocks_is_noted(facts, missing):
    spec = recipe("vllm", facts=DENSE | facts)
    words = (
        f"whether tensor parallel 8 cuts quantised blocks apart was not checked: facts of the recipe have no {missing}"
    )
    assert [*launch(spec, spec.configurations[0]).notes] == ([words] if missing else [])
    assert not launch(
        recipe("vllm", facts=DENSE | facts, gpus=1), spec.configurations[0].model_copy(update={"gpu_count": 1})
    ).notes


def test_blocks_of_experts_that_are_dealt_out_whole_are_not_cut():
    assert not started("vllm", "--enable-expert-parallel", facts=DENSE | EXPERTS).notes
