"""Published figures correct predictions: all by what is common, each by what is known of it."""

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.selection.corrections import Corrections, Figure, Point

HERE = Point("here", 1, "H100", "vllm")
BESIDE = Point("beside", 2, "H100", "vllm")
ELSEWHERE = Point("elsewhere", 1, "MI300X", "sglang")


def figure(point=HERE, ratio=0.5, **fields):
    return Figure(point, 100 * ratio, 100, "w; s", **{"exact": False, **fields})


def factor(corrections, point):
    return corrections.corrected(point, 1.0).value


def test_one_figure_corrects_all_alike_and_by_half():
    one = Corrections([figure()])
    assert {factor(one, point) for point in (HERE, BESIDE, ELSEWHERE)} == {exp(log(0.5) / 2)}


def test_many_figures_correct_by_all_that_they_say():
    many = Corrections([figure(ratio=0.5)] * 99)
    assert factor(many, ELSEWHERE) == pytest.approx(0.5, rel=0.01)


def test_own_figures_tell_more_than_those_of_the_same_hardware_or_engine():
    two = Corrections([figure(HERE, 0.5), figure(ELSEWHERE, 2.0)])
    assert factor(two, HERE) < factor(two, BESIDE) < 1 < factor(two, ELSEWHERE)
    other_engine = Point("x", 1, "H100", "sglang")
    assert factor(two, other_engine) == pytest.approx(1)


def test_a_figure_of_another_command_counts_as_one_of_a_similar_configuration():
    two = Corrections([figure(HERE, 0.5, own_command=False), figure(ELSEWHERE, 2.0)])
    assert factor(two, HERE) == factor(two, BESIDE)


def test_an_exact_figure_is_taken_as_it_is_and_the_others_are_compared_with_it():
    exact = Corrections([figure(HERE, 0.25, exact=True)])
    taken = exact.corrected(HERE, 100.0)
    assert (taken.value, taken.source) == (25.0, "published: w; s")
    assert exact.corrected(BESIDE, 100.0).value == pytest.approx(25.0)
    assert exact.corrected(HERE, 100.0, alone=False).source == "predicted, corrected by 1 published figure"
    assert Corrections([figure()] * 2).corrected(HERE, 1.0).source == "predicted, corrected by 2 published figures"


ratios = st.floats(0.1, 10)
points = st.sampled_from([HERE, BESIDE, ELSEWHERE])


@given(st.lists(st.builds(figure, points, ratios), min_size=1, max_size=8), st.randoms())
def test_a_correction_lies_between_the_figures_or_nearer_to_one_and_needs_no_order(figures, random):
    shuffled = [*figures]
    random.shuffle(shuffled)
    found = [one.error for one in figures]
    spread = max(found) - min(found)
    for point in (HERE, BESIDE, ELSEWHERE):
        assert factor(Corrections(figures), point) == factor(Corrections(shuffled), point)
        low, high = min(0, *found) - spread, max(0, *found) + spread
        assert low - 1e-9 <= log(factor(Corrections(figures), point)) <= high + 1e-9


@pytest.mark.parametrize("ratio", [0.0, 5e-324])
def test_a_figure_of_next_to_nothing_is_one(ratio):
    assert 0 < factor(Corrections([figure(ratio=ratio)]), HERE) < 1
