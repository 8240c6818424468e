"""Candidates are ranked by speed for the goal, then by the fewest GPUs, their own weights, speed, context, engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.config import Config
from aimlib.selection.candidates import Case, Requirements
from aimlib.selection.corrections import USUAL_WORKLOAD
from aimlib.selection.launch import launch
from aimlib.selection.ranking import ranked
from aimlib.selection.roofline import Workload
from aimlib.selection.speeds import published, speed_model
from tests.aimlib.make import MODEL, amd, configuration, inventory, nvidia, recipe

CLASSES = inventory(amd(name="a"), amd("74a5", name="b"), nvidia(name="c")).classes
SAME = {"inputTokens": 1024, "outputTokens": 512, "concurrency": 32}


def measured(tokens=None, latency=None, **fields):
    found = {
        "tokensPerSecond": tokens,
        "latencyMs": latency,
        "workload": "w",
        "source": "example.com",
        **SAME,
        **fields,
    }
    return {key: value for key, value in found.items() if value is not None}


def case(name, count=1, *measurements, args=(), prices=None, requirements=None, **fields):
    spec = recipe(configuration(count, measurements=measurements, args=args), **fields)
    one = spec.configurations[0]
    classes = tuple(group for group in CLASSES if group.product == spec.hardware) or CLASSES[:1]
    config = Config(gpu_hour_prices=prices or {})
    return Case(requirements or Requirements(MODEL), config, name, spec, one, launch(spec, one), classes)


def together(*cases, workload=USUAL_WORKLOAD):
    """The cases with the published figures of all of them."""
    found = [published(one.name, one.recipe, [one.launch], one.hardware) for one in cases]
    return [one._replace(speeds=speed_model(workload, found)) for one in cases]


def order(goal, *cases, workload=USUAL_WORKLOAD):
    return [row.case.name for row in ranked(together(*cases, workload=workload), goal)]


def words(goal, *cases, workload=USUAL_WORKLOAD):
    rows = ranked(together(*cases, workload=workload), goal)
    return {row.case.name: row.texts for row in rows}


FAST = case("fast", 8)
CHEAP = case("cheap", 1)
MIDDLE = case("middle", 2)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("latency", ["fast", "middle", "cheap"]),
        ("throughput", ["fast", "middle", "cheap"]),
        ("cost", ["cheap", "middle", "fast"]),
        (None, ["cheap", "middle", "fast"]),
    ],
)
def test_the_goal_decides_by_predicted_speed_and_without_one_the_fewest_gpus_win(goal, expected):
    assert order(goal, MIDDLE, CHEAP, FAST) == expected


def test_a_figure_of_the_very_workload_is_taken_as_it_is():
    one = case("one", 1, measured(tokens=900, latency=20))
    assert words("throughput", one)["one"]["throughput"].startswith("900 tokens/s (published: w; example.com; ")
    assert ", the first after " in words("latency", one)["one"]["latency"]
    everything = case("one", 1, measured(tokens=900, countsInput=True))
    assert words("throughput", everything)["one"]["throughput"].startswith("300 tokens/s (published: ")


def test_nothing_loses_because_nobody_measured_it_and_nothing_wins():
    slow, silent = case("b", 1, measured(tokens=50)), case("a", 2)
    assert order("throughput", slow, silent) == ["a", "b"]
    said = words("throughput", slow, silent)["a"]["throughput"]
    assert said.endswith("(predicted, corrected by 1 published figure; 1024 tokens in, 512 out, 32 at once)")
    assert float(said.split()[0]) < 100


def test_a_figure_counts_for_its_command_workload_and_concurrency_alone():
    other = Workload(100, 100, 1)
    for changed in ({"command": "other"}, {}):
        one = case("one", 1, measured(tokens=50, **changed))
        at = USUAL_WORKLOAD if changed else other
        assert (
            "predicted, corrected by 1 published figure" in words("throughput", one, workload=at)["one"]["throughput"]
        )
    for missing in ("inputTokens", "outputTokens", "concurrency"):
        unknown = case("one", 1, measured(tokens=50, **{missing: None}))
        assert "(predicted; " in words("throughput", unknown)["one"]["throughput"]


def test_a_candidates_own_figures_tell_more_of_it_than_those_of_others():
    at = Workload(100, 100, 4)
    slow, silent = case("b", 1, measured(tokens=1)), case("a", 1, measured(tokens=900), backend="sglang")
    assert order("throughput", slow, silent, workload=at) == ["a", "b"]


def test_a_candidate_whose_memory_could_not_be_checked_comes_after_those_that_fit():
    unknown = case("unknown", 1, measured(tokens=9999), facts=None)
    assert order("throughput", unknown, CHEAP) == ["cheap", "unknown"]
    assert order(None, unknown, FAST) == ["fast", "unknown"]
    said = words("throughput", unknown)["unknown"]
    assert said["memory"] == "not checked: the recipe has no facts"
    assert (said["throughput"], said["speed"]) == ("no prediction", "no prediction")


def test_of_as_many_gpus_the_models_own_weights_win_then_speed_then_context_then_the_engine():
    quantised = case("a", precision="fp8", checkpoint="Qwen/Qwen3-32B-FP8")
    assert order(None, quantised, CHEAP) == ["cheap", "a"]
    assert words(None, quantised)["a"]["weights"] == "Qwen/Qwen3-32B-FP8"
    assert order(None, case("a"), case("z", hardware="MI325X")) == ["z", "a"]
    long, short = case("z", args=["--max-model-len=32768"]), case("a", args=["--max-model-len=8192"])
    assert order(None, short, long) == ["z", "a"]
    assert order(None, case("a", backend="sglang"), case("z")) == ["z", "a"]
    assert order(None, case("b"), case("a")) == ["a", "b"]


def test_a_score_is_said_in_words():
    said = words("cost", case("fast", 8))["fast"]
    assert list(said) == ["memory", "cost", "gpus", "weights", "speed", "context", "engine"]
    assert said["gpus"] == "8 GPUs"
    assert said["weights"] == "the model's own"
    assert said["context"] == "40960 tokens"
    assert said["engine"] == "vllm, 1 of vLLM's tokens/s in the mean of published pairs"
    assert said["cost"].endswith(" tokens/s per GPU (predicted; 1024 tokens in, 512 out, 32 at once)")


def test_with_a_price_for_every_product_cost_is_that_of_tokens():
    prices = {"MI300X": 1.0, "H100": 9.0}
    pair = [case("h", 2, hardware="H100", prices=prices), case("m", 2, prices=prices)]
    assert order("cost", *pair) == ["m", "h"]
    assert " per million tokens at 9 per GPU hour (predicted; " in words("cost", *pair)["h"]["cost"]
    some = [case("h", 2, hardware="H100", prices={"MI300X": 1.0}), case("m", 2, prices={"MI300X": 1.0})]
    assert " tokens/s per GPU (" in words("cost", *some)["m"]["cost"]


def test_a_budget_compares_what_all_replicas_do_together():
    eight = Requirements(MODEL, gpu_budget=8)
    pair = [case("one", 1, requirements=eight), case("all", 8, requirements=eight)]
    said = words("throughput", *pair, workload=Workload(1024, 512, 2048))
    assert list(said) == ["one", "all"]
    assert " tokens/s of 8 replicas (predicted; " in said["one"]["throughput"]


def test_processors_are_predicted_nothing():
    slow = case("slow", 0, measured(tokens=12.3456), hardware="CPU")
    assert words("cost", slow)["slow"]["cost"] == "no prediction"


measurements = st.builds(
    measured,
    st.none() | st.integers(0, 100),
    st.none() | st.integers(1, 100),
)
cases = st.lists(
    st.builds(
        lambda name, count, given, known: case(name, count, *given, **({} if known else {"facts": None})),
        st.sampled_from("abcdef"),
        st.sampled_from([1, 2, 4, 8]),
        st.lists(measurements, max_size=2),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: (one.name, one.configuration.gpu_count),
)
goals = st.sampled_from([None, "latency", "throughput", "cost"])


@given(cases, goals, st.randoms())
def test_the_order_of_candidates_does_not_matter(found, goal, random):
    shuffled = [*found]
    random.shuffle(shuffled)
    assert order(goal, *shuffled) == order(goal, *found)


@given(cases, goals)
def test_every_candidate_is_ranked_once_by_the_same_terms(found, goal):
    result = ranked(together(*found), goal)
    assert sorted(row.case.name for row in result) == sorted(one.name for one in found)
    assert len({tuple(row.texts) for row in result}) <= 1
    keys = [row.key for row in result]
    assert keys == sorted(keys)


def test_a_recipe_comes_before_an_equal_one_that_is_derived():
    assert order(None, case("a")._replace(derived_from="recipe x"), case("b")) == ["b", "a"]
