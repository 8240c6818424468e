"""Comparing the figures of two versions."""

import pytest

from aimlib.api.canary import Analysis, MaxRegression
from aimlib.canary.figures import Figures, compare, improbable

GOOD = Figures(1000, 0, 0.2, 0.02, 3.0)


@pytest.mark.parametrize(
    ("errors", "requests", "ratio", "expected"),
    [
        (1, 20, 0.02, False),
        (2, 50, 0.02, False),
        (4, 50, 0.02, True),
        (20, 1000, 0.02, False),
        (29, 1000, 0.02, True),
        (1, 1000, 0, True),
        (0, 1000, 0, False),
        (100_000, 1_000_000, 0.05, True),
    ],
)
def test_so_many_errors_are_improbable(errors, requests, ratio, expected):
    assert improbable(errors, requests, ratio) is expected


def test_a_version_that_fails_no_more_than_the_present_one_passes():
    failing = GOOD._replace(errors=100)
    assert compare(failing, failing, Analysis()).reason == "Progressing"
    assert compare(GOOD._replace(errors=1000), failing, Analysis()).reason == "Progressing"
    assert compare(failing, GOOD._replace(errors=200), Analysis()).reason == "Regressed"


@pytest.mark.parametrize("figure", ["time_to_first_token", "inter_token_latency", "end_to_end_latency"])
def test_each_latency_has_a_limit_that_may_be_left_out(figure):
    slow = GOOD._replace(**{figure: getattr(GOOD, figure) * 1.3})
    assert compare(GOOD, slow, Analysis()).reason == "Regressed"
    without = Analysis(max_regression_percent=MaxRegression(**{figure: None}))
    assert compare(GOOD, slow, without).reason == "Progressing"
    wide = Analysis(max_regression_percent=MaxRegression(**{figure: 40}))
    assert compare(GOOD, slow, wide).reason == "Progressing"
    assert compare(GOOD, slow._replace(**{figure: None}), Analysis()).reason == "NoMetrics"


def test_checks_have_both_figures_and_the_limit():
    found = compare(GOOD, GOOD._replace(time_to_first_token=0.5), Analysis())
    [first] = [check for check in found.checks if check.name == "timeToFirstToken"]
    assert (first.stable, first.canary, first.limit, first.verdict) == ("0.2 s", "0.5 s", "0.24 s", "Failed")


def test_few_requests_of_either_decide_nothing():
    few, slow = GOOD._replace(requests=49), GOOD._replace(requests=49, time_to_first_token=9)
    assert compare(few, GOOD, Analysis()).reason == "Inconclusive"
    assert compare(GOOD, slow, Analysis()).reason == "Inconclusive"
    assert compare(GOOD, slow, Analysis()).message == "49 of 50 requests within 5 minutes"
    assert compare(GOOD, Figures(), Analysis()).reason == "NoMetrics"
