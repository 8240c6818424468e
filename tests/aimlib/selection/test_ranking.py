"""Candidates that fit are ranked by published figures of equal workloads, then by the fewest GPUs, then by name."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aimlib.config import Config
from aimlib.selection.candidates import Case, Requirements
from aimlib.selection.launch import launch
from aimlib.selection.ranking import common_workload, ranked
from tests.aimlib.make import MODEL, amd, configuration, inventory, recipe

CLASSES = tuple(one for one in inventory(amd()).classes if one.product == "MI300X")


def measured(workload="w", tokens=None, latency=None):
    found = {"tokensPerSecond": tokens, "latencyMs": latency, "workload": workload, "source": "example.com"}
    return {key: value for key, value in found.items() if value is not None}


def case(name, count=1, *measurements, args=(), **fields):
    spec = recipe(configuration(count, measurements=measurements, args=args), **fields)
    one = spec.configurations[0]
    return Case(Requirements(MODEL), Config(), name, spec, one, launch(spec, one), CLASSES)


def order(goal, *cases):
    return [one.name for one, _ in ranked([*cases], goal)]


def words(goal, *cases):
    return {one.name: {term.name: term.text for term in terms} for one, terms in ranked([*cases], goal)}


FAST = case("fast", 8, measured(tokens=8000, latency=20))
CHEAP = case("cheap", 1, measured(tokens=2000, latency=40))
SILENT = case("silent", 1)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("latency", ["fast", "cheap", "silent"]),
        ("throughput", ["fast", "cheap", "silent"]),
        ("cost", ["cheap", "fast", "silent"]),
        (None, ["cheap", "silent", "fast"]),
    ],
)
def test_the_goal_decides_between_figures_and_without_one_the_fewest_gpus_win(goal, expected):
    assert order(goal, SILENT, CHEAP, FAST) == expected


def test_only_equal_workloads_are_compared_and_that_of_most_candidates_counts():
    common = [case("a", 1, measured("short", tokens=100)), case("b", 1, measured("short", tokens=200))]
    other = case("c", 1, measured("long", tokens=9999))
    assert order("throughput", *common, other) == ["b", "a", "c"]
    assert words("throughput", *common, other)["c"]["throughput"] == "no published measurement"


def test_of_workloads_that_are_equally_common_the_first_by_name_counts():
    assert common_workload([case("a", 1, measured("y", 1), measured("x", 1))], "throughput") == "x"
    assert common_workload([SILENT], "throughput") is None


def test_a_workload_counts_only_where_it_has_the_figure_of_the_goal():
    timed = [case("a", 1, measured("timed", latency=30)), case("b", 1, measured("timed", latency=20))]
    counted = case("c", 1, measured("counted", tokens=10))
    assert common_workload([*timed, counted], "throughput") == "counted"
    assert order("throughput", *timed, counted)[0] == "c"


def test_the_best_figure_of_one_workload_counts():
    twice = case("twice", 1, measured("w", tokens=10), measured("w", tokens=30), measured("w", tokens=20))
    assert words("throughput", twice)["twice"]["throughput"].startswith("30 tokens/s (w; ")


def test_a_candidate_whose_memory_could_not_be_checked_comes_after_those_that_fit():
    unknown = case("unknown", 1, measured(tokens=9999), facts=None)
    assert order("throughput", unknown, CHEAP) == ["cheap", "unknown"]
    assert order(None, unknown, FAST) == ["fast", "unknown"]
    assert words(None, unknown)["unknown"]["memory"] == "not checked: the recipe has no facts"


def test_of_equal_candidates_the_longer_context_wins_and_then_the_name():
    long, short = case("z", args=["--max-model-len=32768"]), case("a", args=["--max-model-len=8192"])
    assert order(None, short, long) == ["z", "a"]
    assert order(None, case("b"), case("a")) == ["a", "b"]


def test_a_score_is_said_in_words():
    assert words("cost", FAST)["fast"] == {
        "memory": "11.7 of 176.6 GiB per device",
        "cost": "1000 tokens/s per GPU (w; example.com)",
        "gpus": "8 GPUs",
        "context": "40960 tokens",
    }
    assert words("latency", FAST)["fast"]["latency"] == "20 ms per token (w; example.com)"


def test_processors_count_as_one_device_and_figures_are_rounded():
    slow = case("slow", 0, measured(tokens=12.3456), hardware="CPU")
    assert words("cost", slow)["slow"]["cost"] == "12.35 tokens/s per GPU (w; example.com)"


measurements = st.builds(
    measured,
    st.sampled_from(["w", "x"]),
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
    assert ranked(shuffled, goal) == ranked(found, goal)


@given(cases, goals)
def test_every_candidate_is_ranked_once_by_the_same_terms(found, goal):
    result = ranked(found, goal)
    assert sorted(one.name for one, _ in result) == sorted(one.name for one in found)
    assert len({tuple(term.name for term in terms) for _, terms in result}) <= 1
    keys = [[term.key for term in terms] for _, terms in result]
    assert keys == sorted(keys)


@given(cases, st.sampled_from(["latency", "throughput", "cost"]), st.integers(1, 1000))
def test_a_figure_of_a_workload_that_nobody_else_was_measured_with_does_not_count(found, goal, tokens):
    assume(common_workload(found, goal))
    lonely = case("lonely", 1, measured("z: a workload of its own", tokens, 1))
    assert words(goal, *found, lonely)["lonely"][goal] == "no published measurement"


def test_a_recipe_comes_before_an_equal_one_that_is_derived():
    assert order(None, case("a")._replace(derived_from="recipe x"), case("b")) == ["b", "a"]
