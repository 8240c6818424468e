"""Selection: what is stated is required, what is left out is free, and everything is explained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aimlib.config import Config
from aimlib.selection.entries import read_entry
from aimlib.selection.select import select
from aimlib.selection.steps import decided_for
from tests.aimlib.make import FACTS, MODEL, amd, configuration, endpoint, inventory, listed, node, nvidia, raw_recipe

ROOT = Path(__file__).parents[3]
ALL = Config(listed_candidates=100)
SIZES = [configuration(count) for count in (1, 2, 4, 8)]
CATALOGUE = [
    listed("qwen-mi300x", *SIZES),
    listed("qwen-mi300x-fp8", *SIZES, precision="fp8", checkpoint="Qwen/Qwen3-32B-FP8"),
    listed("qwen-mi300x-sglang", *SIZES, backend="sglang"),
    listed("qwen-h100", configuration(2), hardware="H100"),
    listed("qwen-cpu", configuration(0), hardware="CPU"),
    listed("phi", modelId="microsoft/phi-4"),
]
CLUSTER = inventory(amd(), amd(), nvidia(), node())


def chosen(spec, catalogue=CATALOGUE, cluster=CLUSTER, config=ALL):
    found = select(spec, catalogue, cluster, config).resolved
    return (found.recipe, found.gpu_count) if found else None


def explained(spec, catalogue=CATALOGUE, cluster=CLUSTER, config=ALL):
    return select(spec, catalogue, cluster, config).selection


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({}, ("qwen-mi300x", 1)),
        ({"gpuCount": 4}, ("qwen-mi300x", 4)),
        ({"precision": "fp8"}, ("qwen-mi300x-fp8", 1)),
        ({"precision": "float8_e4m3", "gpuCount": 2}, ("qwen-mi300x-fp8", 2)),
        ({"precision": "auto", "backend": "auto"}, ("qwen-mi300x", 1)),
        ({"backend": "sglang"}, ("qwen-mi300x-sglang", 1)),
        ({"gpuCount": 0}, ("qwen-cpu", 0)),
        ({"recipe": {"customRecipe": {"name": "qwen-h100"}}}, ("qwen-h100", 2)),
        ({"autoSelect": False, "gpuCount": 8, "precision": "bf16"}, ("qwen-mi300x", 8)),
        ({"autoSelect": False, "gpuCount": 8, "precision": "bf16", "backend": "sglang"}, ("qwen-mi300x-sglang", 8)),
        ({"autoSelect": False, "recipe": {"customRecipe": {"name": "qwen-mi300x-sglang"}}}, ("qwen-mi300x-sglang", 1)),
        ({"gpuCount": 3}, None),
        ({"gpuCount": 1, "precision": "fp4"}, None),
        ({"modelId": "Qwen/Qwen3-14B"}, None),
        ({"recipe": {"customRecipe": {"name": "gone"}}}, None),
        ({"recipe": {"customRecipe": {"name": "phi"}}}, None),
        ({"gpuCount": 3, "recipe": {"fallback": [{"gpuCount": 4}]}}, ("qwen-mi300x", 4)),
        (
            {"precision": "fp4", "recipe": {"fallback": [{"backend": "sglang"}, {"precision": "fp8"}]}},
            ("qwen-mi300x-fp8", 1),
        ),
        (
            {"gpuCount": 3, "precision": "fp8", "recipe": {"fallback": [{"gpuCount": 0, "precision": "auto"}]}},
            ("qwen-cpu", 0),
        ),
    ],
    ids=str,
)
def test_what_is_asked_is_what_is_chosen(asked, answer):
    assert chosen(endpoint(**asked)) == answer


def test_a_choice_has_all_that_its_children_are_made_of():
    recipe = listed(
        "r",
        configuration(
            2,
            args=["--max-model-len=32768", "--port=9000"],
            env=[{"name": "A", "value": "1"}, {"name": "HIP_VISIBLE_DEVICES", "value": "0"}],
            resources={"requests": {"memory": "131072Mi", "cpu": "16000m"}, "limits": {"memory": "256Gi"}},
        ),
        checkpoint="amd/Qwen3-32B",
    )
    found = select(endpoint(), [recipe], CLUSTER, ALL).resolved
    assert (found.model_id, found.checkpoint, found.backend, found.precision) == (
        MODEL,
        "amd/Qwen3-32B",
        "vllm",
        "bf16",
    )
    assert (found.product, found.vendor, found.resource, found.partition) == ("MI300X", "amd", "amd.com/gpu", None)
    assert (found.device_ids, found.node_products) == (("74a1", "74a9", "74b5", "74bd"), ())
    assert found.tolerations == ("amd.com/gpu",)
    assert found.args == ("--tensor-parallel-size", "2", "--max-model-len", "32768")
    assert [one.name for one in found.env] == ["A"]
    assert found.resources.wire() == {"requests": {"cpu": "16", "memory": "128Gi"}, "limits": {"memory": "256Gi"}}
    assert found.cache_size == "68Gi"
    assert found.decided_for == decided_for(endpoint())


def test_nodes_of_nvidia_are_found_by_the_labels_that_they_have():
    cluster = inventory(nvidia(), nvidia("NVIDIA-H100-PCIe"), nvidia("NVIDIA-L40S"))
    found = select(endpoint(), CATALOGUE, cluster, ALL).resolved
    assert found.node_products == ("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe")
    assert (found.device_ids, found.resource) == ((), "nvidia.com/gpu")


def test_a_choice_for_processors_asks_for_no_device():
    found = select(endpoint(gpuCount=0), CATALOGUE, CLUSTER, ALL).resolved
    assert (found.product, found.resource, found.device_ids, found.tolerations) == ("CPU", None, (), ())


def test_a_partition_comes_before_a_whole_gpu_where_it_holds_the_workload_and_no_goal_is_speed():
    small = listed("small", facts={**FACTS, "weightsGiB": 4, "maxContext": 4096})
    labels = {"amd.com/gpu.device-id": "74a1"}
    parts = node(labels, {"amd.com/cpx_nps4": "64"})
    both = select(endpoint(), [small], inventory(parts, amd()), ALL).resolved
    fast = select(endpoint(recipe={"goal": "latency"}), [small], inventory(parts, amd()), ALL).resolved
    only = select(endpoint(), [small], inventory(parts), ALL).resolved
    assert (both.resource, both.partition) == ("amd.com/cpx_nps4", "cpx_nps4")
    assert (fast.resource, fast.partition) == ("amd.com/gpu", None)
    assert (only.resource, only.partition) == ("amd.com/cpx_nps4", "cpx_nps4")


def test_an_own_image_replaces_one_that_does_not_exist():
    catalogue = [listed("old", hardware="MI210", backend="sglang", facts=None)]
    cluster = inventory(amd("740f"))
    assert chosen(endpoint(), catalogue, cluster) is None
    own = endpoint(image={"repository": "example.com/sglang"})
    assert select(own, catalogue, cluster, ALL).resolved.image == ""


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"backend": "vllm", "gpuCount": 8, "precision": "fp8"},
            "qwen-mi300x-fp8 with 8 GPUs: the only one that fits of 15 configurations",
        ),
        ({"gpuCount": 1}, "qwen-mi300x with 1 GPU: the best of 3 that fit of 15 configurations"),
        (
            {"modelId": "a/b"},
            (
                "none of 15 configurations for a/b fits (rejected by model: 15); "
                "closest is phi with 1 GPU: requested model a/b, available microsoft/phi-4"
            ),
        ),
    ],
    ids=str,
)
def test_the_outcome_is_a_sentence(asked, message):
    assert explained(endpoint(**asked)).message == message


def test_without_recipes_the_sentence_names_what_is_missing():
    assert explained(endpoint(), []).message == f"no recipe for model {MODEL}"
    custom = endpoint(recipe={"customRecipe": {"name": "gone"}})
    assert explained(custom, []).message == "no recipe named gone"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (61, "one with 1 GPU: the only configuration"),
        (
            999,
            (
                f"the only configuration for {MODEL} does not fit: one with 1 GPU: needs 1012.4 GiB per device "
                "(weights 999.0, KV cache 10.0, overhead 3.4) for 40960 tokens; "
                "has 176.6 GiB usable of 192 GiB on MI300X"
            ),
        ),
    ],
    ids=["fits", "does not fit"],
)
def test_the_only_configuration_is_called_so(weights, message):
    assert explained(endpoint(), [listed("one", facts={**FACTS, "weightsGiB": weights})]).message == message


def test_two_that_do_not_fit_are_counted_by_the_rule_that_they_broke():
    pair = [listed("a", facts={**FACTS, "weightsGiB": 999}), listed("b", hardware="T4")]
    start = f"none of 2 configurations for {MODEL} fits (rejected by memory: 1, hardware: 1); closest is a with 1 GPU: "
    assert explained(endpoint(), pair).message.startswith(start)


def test_a_fallback_says_what_was_asked_first_and_what_replaced_it():
    spec = endpoint(precision="fp4", recipe={"fallback": [{"precision": "int4"}, {"precision": "auto", "gpuCount": 8}]})
    found = explained(spec)
    assert found.fallback == 2
    assert found.message.startswith("fallback 2 (gpuCount 8, precision auto): qwen-mi300x with 8 GPUs: ")
    assert "requested precision fp4, available " in found.message
    assert "; fallback (precision int4): none of 15 configurations" in found.message


def test_a_fallback_may_be_to_other_hardware_or_to_any():
    spec = endpoint(recipe={"hardware": ["MI325X", "B200"], "fallback": [{"hardware": ["MI350X"]}, {"hardware": []}]})
    found = explained(spec)
    assert found.fallback == 2
    assert found.message.startswith("fallback 2 (hardware any): ")
    assert "requested hardware B200 or MI325X, available " in found.message
    assert "; fallback (hardware MI350X): " in found.message


def test_what_could_not_be_checked_of_an_unlisted_product_is_noted():
    labels = {"nvidia.com/gpu.product": "NVIDIA-X9", "nvidia.com/gpu.memory": "98304"}
    ada = {"nvidia.com/gpu.compute.major": "8", "nvidia.com/gpu.compute.minor": "9"}
    own = [listed("own", hardware="NVIDIA-X9")]
    for more, words in (({}, "precisions unchecked"), (ada, "precisions by its architecture sm_89")):
        found = select(endpoint(), own, inventory(node(labels | more, {"nvidia.com/gpu": "1"})), Config())
        assert found.resolved.product == "NVIDIA-X9"
        assert words in found.selection.notes[0]


def test_a_fallback_that_was_not_needed_is_not_mentioned():
    found = explained(endpoint(recipe={"fallback": [{"gpuCount": 8}]}))
    assert found.fallback is None
    assert "fallback" not in found.message


def test_when_no_fallback_helps_the_candidates_show_what_kept_them_from_the_first_wish():
    found = explained(endpoint(precision="fp4", recipe={"fallback": [{"precision": "int4"}]}))
    assert found.fallback is None
    assert {row.asked for row in found.candidates if row.rule == "precision"} == {"precision fp4"}


def test_a_model_that_fits_on_no_present_gpu_shows_both_numbers_for_every_candidate():
    large = listed("large", *SIZES, facts={**FACTS, "weightsGiB": 2000})
    found = explained(endpoint(), [large])
    assert [row.gpu_count for row in found.candidates] == [8, 4, 2, 1]
    for row in found.candidates:
        assert row.rule == "memory"
        assert "GiB per device (weights" in row.asked
        assert row.found == "176.6 GiB usable of 192 GiB on MI300X"


def test_the_candidate_that_came_farthest_stands_first_among_the_rejected():
    catalogue = [
        listed("a-other", modelId="a/b"),
        listed("b-large", facts={**FACTS, "weightsGiB": 999}),
        listed("c-gone", hardware="T4"),
    ]
    assert [row.recipe for row in explained(endpoint(), catalogue).candidates] == ["b-large", "c-gone", "a-other"]


def test_among_those_that_break_one_wish_the_closest_is_what_would_fit_without_it_and_has_the_nearest_number_of_gpus():
    catalogue = [
        listed("a-gone", configuration(2), hardware="T4"),
        listed("b-large", configuration(1), facts={**FACTS, "weightsGiB": 999}),
        listed("c-here", *SIZES),
    ]
    found = explained(endpoint(gpuCount=3), catalogue)
    rows = [(row.recipe, row.gpu_count) for row in found.candidates]
    assert rows == [("c-here", 2), ("c-here", 4), ("c-here", 1), ("c-here", 8), ("b-large", 1), ("a-gone", 2)]
    assert {row.rule for row in found.candidates} == {"gpuCount"}
    assert found.message.endswith("closest is c-here with 2 GPUs: requested 3 GPUs, available 2 GPUs")


def test_a_recipe_that_cannot_be_read_is_a_rejected_candidate_and_touches_no_other():
    broken = read_entry("broken", {**raw_recipe(), "backend": "tensorrt"})
    assert broken.spec is None
    found = select(endpoint(), [broken, *CATALOGUE], CLUSTER, ALL)
    assert found.resolved.recipe == "qwen-mi300x"
    (row,) = [row for row in found.selection.candidates if row.recipe == "broken"]
    assert (row.rule, row.asked, row.gpu_count) == ("valid", "a recipe that can be read", 0)
    assert found.selection.message.endswith(" of 16 configurations")
    assert "backend" in row.found
    alone = explained(endpoint(), [broken])
    assert alone.message.startswith("recipe broken cannot be read: backend")
    assert alone.considered == 1


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"spec": 1}, {**raw_recipe(), "facts": 3}])
def test_whatever_a_recipe_is_it_is_an_entry(raw):
    found = read_entry("x", raw)
    assert (found.spec, found.launches) == (None, ())
    assert 0 < len(found.error) <= 1024


def test_two_recipes_of_one_name_are_both_considered():
    assert explained(endpoint(), [listed("same"), listed("same", backend="sglang")]).considered == 2


def test_the_list_of_candidates_is_cut_and_the_rest_counted():
    found = explained(endpoint(), config=Config(listed_candidates=3))
    assert (len(found.candidates), found.considered) == (3, 15)
    assert [row.rank for row in found.candidates] == [1, 2, 3]


def test_long_words_of_a_row_are_cut_where_the_schema_ends():
    args = [f"--nope{number}" for number in range(60)]
    (row,) = explained(endpoint(), [listed("r", configuration(1, args=args))]).candidates
    assert len(row.found) == 1024
    assert (
        len(read_entry("x", {**raw_recipe(), **dict.fromkeys(("facts", "image", "performance"), "x" * 900)}).error)
        <= 1024
    )


def test_a_long_sentence_is_cut_where_the_schema_ends():
    many = [read_entry(f"broken-{number}", {**raw_recipe(), "backend": "x" * 300}) for number in range(100)]
    assert len(explained(endpoint(), many).message) <= 4096


PROGRAM = """
from tests.aimlib.selection.test_select import ALL, CATALOGUE, CLUSTER, endpoint, select
for spec in (endpoint(), endpoint(gpuCount=3), endpoint(precision="fp8", recipe={"goal": "cost"})):
    found = select(spec, CATALOGUE, CLUSTER, ALL)
    print(found.selection.model_dump_json(), found.resolved and found.resolved.model_dump_json())
"""


def test_the_answer_does_not_depend_on_the_hash_seed():
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4242")
    }
    (answer,) = answers
    assert len(answer.splitlines()) == 3


def derive_for(hardware="MI300X", **fields):
    """What derives one candidate, and counts how often it is called."""
    calls = []

    def derive():
        calls.append(hardware)
        return (listed("derived-qwen", hardware=hardware, **fields)._replace(derived_from="recipe qwen-h100"),)

    return derive, calls


ONLY_H100 = [listed("qwen-h100", configuration(2), hardware="H100")]
MI300X_NODE = inventory(amd())


def test_nothing_is_derived_where_a_recipe_fits():
    derive, calls = derive_for()
    found = select(endpoint(), CATALOGUE, CLUSTER, ALL, derive=derive)
    assert (calls, found.resolved.derived_from) == ([], None)
    assert all(one.derived is None for one in found.selection.candidates)


def test_what_is_derived_is_taken_where_no_recipe_fits_and_is_named_so():
    derive, calls = derive_for()
    found = select(endpoint(), ONLY_H100, MI300X_NODE, ALL, derive=derive)
    assert calls == ["MI300X"]
    assert (found.resolved.recipe, found.resolved.derived_from) == ("derived-qwen", "recipe qwen-h100")
    [first, second] = found.selection.candidates
    assert (first.derived.origin, first.derived.hardware, first.rank) == ("recipe qwen-h100", "MI300X", 1)
    assert (second.recipe, second.derived, second.rule) == ("qwen-h100", None, "hardware")


@pytest.mark.parametrize("wish", [{"validatedOnly": True}, {"customRecipe": {"name": "qwen-h100"}}], ids=str)
def test_nothing_is_derived_for_who_does_not_want_it(wish):
    derive, calls = derive_for()
    found = select(endpoint(recipe=wish), ONLY_H100, MI300X_NODE, ALL, derive=derive)
    assert (calls, found.resolved) == ([], None)


def test_what_is_derived_comes_before_a_fallback_and_is_computed_once():
    derive, calls = derive_for()
    wishes = {"precision": "fp8", "recipe": {"fallback": [{"precision": "int4"}, {"precision": "bf16"}]}}
    found = select(endpoint(**wishes), ONLY_H100, MI300X_NODE, ALL, derive=derive)
    assert (calls, found.selection.fallback, found.resolved.recipe) == (["MI300X"], 2, "derived-qwen")


def test_a_refusal_is_about_the_recipes_unless_what_is_derived_came_further():
    derive, _ = derive_for(facts={**FACTS, "weightsGiB": 9000})
    found = select(endpoint(), ONLY_H100, MI300X_NODE, ALL, derive=derive)
    assert [one.rule for one in found.selection.candidates] == ["memory", "hardware"]
    found = select(endpoint(gpuCount=3), ONLY_H100, MI300X_NODE, ALL, derive=derive)
    assert [one.recipe for one in found.selection.candidates] == ["qwen-h100"]


def test_without_any_recipe_the_refusal_is_about_what_is_derived():
    derive, _ = derive_for(facts={**FACTS, "weightsGiB": 9000})
    found = select(endpoint(), [], MI300X_NODE, ALL, derive=derive)
    assert [one.rule for one in found.selection.candidates] == ["memory"]
    assert select(endpoint(), [], MI300X_NODE, ALL).selection.candidates == ()


def test_a_claim_for_weights_of_a_few_bytes_asks_for_something():
    recipe = listed("tiny", *SIZES, facts=FACTS | {"weightsGiB": 0})
    assert select(endpoint(), [recipe], CLUSTER, ALL).resolved.cache_size == "1Gi"
