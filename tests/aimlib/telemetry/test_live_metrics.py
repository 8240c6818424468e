"""What a status says of live figures: rounded, steady, and never older than before."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.endpoint_status import Metrics
from aimlib.protocol.metacontroller import prune
from aimlib.telemetry.live_metrics import (
    HOLD_TIME,
    RESYNC_SECONDS,
    Observation,
    current_metrics,
    format_metrics,
    rounded,
)
from aimlib.telemetry.prometheus_query import METRICS_BY_NAME, STATUS_METRICS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BUSY = {
    "throughput": 12.34,
    "tokens_per_second": 2468.1,
    "latency": 1234.5,
    "time_to_first_token_p95": 210.7,
    "requests_running": 17.0,
    "requests_waiting": 3.0,
    "kv_cache_utilization": 41.26,
    "gpu_utilization": 88.8,
}
LATER = NOON + timedelta(minutes=10)


def said(figures, at=NOON, trouble="", before=None, now=None):
    """`status.metrics` as it is written."""
    return prune(current_metrics(before, 1, Observation(at, figures, trouble), now or at).wire())


@pytest.mark.parametrize(
    ("value", "step", "shown"),
    [
        (0, 1, 0),
        (1234.5, 1, 1200),
        (999, 1, 1000),
        (0.4, 1, 0),
        (0.0033, 0.001, 0.003),
        (3.14159, 0.001, 3.1),
        (0.04, 0.1, 0),
        (99.96, 0.1, 100),
        (7, 0.5, 7),
        (1e12, 0.1, 1e12),
    ],
)
def test_two_digits_are_shown_and_nothing_finer_than_the_step(value, step, shown):
    assert rounded(value, step) == shown


FIGURE = st.sampled_from(STATUS_METRICS).flatmap(
    lambda one: st.tuples(st.just(one), st.just(0.0) | st.floats(one.step, 1e9, allow_nan=False))
)


@given(FIGURE, st.floats(-0.04, 0.04))
def test_a_figure_that_jitters_leaves_the_status_byte_for_byte_as_it_is(figure, jitter):
    one, value = figure
    first = said({**BUSY, one.name: value})
    moved = value * (1 + jitter)
    assert said({**BUSY, one.name: moved}, at=LATER, before=first) == first


@given(FIGURE, st.floats(-1, 1))
def test_what_is_within_ten_per_cent_of_what_the_status_says_leaves_it_as_it_is(figure, part):
    one, value = figure
    first = said({**BUSY, one.name: value})
    moved = Metrics.model_validate(first).model_dump()[one.name] * (1 + 0.0999 * part)
    assert said({**BUSY, one.name: moved}, at=LATER, before=first) == first


@given(FIGURE, st.sampled_from([0.85, 1.15, 3]))
def test_what_is_beyond_is_told(figure, factor):
    one, value = figure
    least = one.step * 20
    first = said({**BUSY, one.name: value + least})
    shown = Metrics.model_validate(first).model_dump()[one.name]
    second = said({**BUSY, one.name: shown * factor}, at=LATER, before=first)
    assert second != first
    assert second["observedAt"] == "2026-11-23T12:10:00Z"


@pytest.mark.parametrize("name", ["requests_running", "requests_waiting"])
def test_one_request_more_is_told_while_there_are_few(name):
    first = said({**BUSY, name: 0})
    assert said({**BUSY, name: 1}, at=LATER, before=first) != first


@pytest.mark.parametrize("name", METRICS_BY_NAME)
def test_a_figure_that_comes_or_goes_is_told(name):
    without = {key: value for key, value in BUSY.items() if key != name}
    first, second = said(BUSY), said(without)
    assert said(without, at=LATER, before=first).keys() == first.keys() - (first.keys() - second.keys())
    assert said(BUSY, at=LATER, before=second).keys() == first.keys()


def test_what_was_said_stands_for_a_while_and_against_what_was_measured_before_it():
    first = said(BUSY, at=NOON)
    idle = dict.fromkeys(BUSY, 0.0)
    for seconds in (-3600, -1, 0, 1, 44):
        assert said(idle, at=NOON + timedelta(seconds=seconds), before=first, now=LATER) == first
    assert said(idle, at=NOON + HOLD_TIME, before=first) != first


def test_a_time_that_a_wrong_clock_wrote_does_not_stand_for_ever():
    ahead = said(BUSY, at=NOON + timedelta(days=365))
    second = said(dict.fromkeys(BUSY, 0.0), at=NOON, before=ahead)
    assert second["observedAt"] == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        "x",
        {},
        {"throughput": "fast"},
        {"throughput": 12, "observedAt": "yesterday"},
        {"throughput": 12, "observedAt": "0001-01-01T00:00:00+14:00"},
        {"throughput": 12, "observedAt": "2026-11-23T12:00:00"},
        {"reason": "NoReplicas", "message": "no replica is ready"},
    ],
)
def test_what_cannot_be_read_is_replaced(earlier):
    assert said(BUSY, before=earlier) == said(BUSY)


@pytest.mark.parametrize(
    ("seen", "ready", "reason"),
    [
        (Observation(NOON, BUSY), 0, "NoReplicas"),
        (None, 0, "NoReplicas"),
        (None, 1, "NotConfigured"),
        (Observation(NOON, {}, "no answer"), 1, "NotAnswering"),
        (Observation(NOON, {}), 1, "NotScraped"),
        (Observation(NOON, {"gpu_utilization": 3.0}), 1, "NotScraped"),
        (Observation(NOON, {"throughput": 0.0, "requests_running": 0.0}), 1, "NoTraffic"),
        (Observation(NOON, BUSY), 1, None),
    ],
)
def test_why_figures_are_absent_is_said(seen, ready, reason):
    found = current_metrics(None, ready, seen, NOON)
    assert found.reason == reason
    assert bool(found.message) == bool(reason)


def test_the_same_trouble_is_said_once_and_another_one_anew():
    first = said({}, trouble="no answer")
    assert said({}, at=LATER, trouble="no answer", before=first) == first
    assert said({}, at=LATER, trouble="HTTP status 500", before=first)["message"].endswith("failed: HTTP status 500")
    assert said(BUSY, at=LATER, before=first)["throughput"] == 12


def test_figures_are_words_for_people():
    assert format_metrics(current_metrics(None, 1, Observation(NOON, BUSY), NOON)) == (
        "12 requests/s, 2500 tokens/s, mean latency 1200 ms, 95 % with a first token after 210 ms, "
        "17 running, 3 waiting, KV cache 41 % full, GPUs 89 % busy"
    )
    quiet = {"throughput": 0.0, "requests_running": 0.0}
    words = "0 requests/s, 0 running; no request has finished within 5 minutes"
    assert format_metrics(current_metrics(None, 1, Observation(NOON, quiet), NOON)) == words
    assert format_metrics(current_metrics(None, 0, None, NOON)) == "no replica is ready, so there is nothing to measure"


def test_a_server_without_a_prometheus_takes_away_what_is_old_and_not_what_another_one_has_just_said():
    first = said(BUSY)
    assert prune(current_metrics(first, 1, None, NOON + timedelta(seconds=44)).wire()) == first
    assert current_metrics(first, 1, None, NOON + timedelta(seconds=45)).reason == "NotConfigured"


def hour(measure, every_seconds, processes=4, configured=4):
    """How often the status is written within an hour of syncs that any of several processes answers.

    Each that is configured has asked Prometheus at another moment of the last half minute; a write is followed by a
    sync at once.
    """
    chance = random.Random(5)  # noqa: S311 - the same on every run
    status, writes, now = None, 0, NOON
    asked = [NOON - timedelta(seconds=chance.uniform(0, 30)) for _ in range(processes)]
    while now < NOON + timedelta(hours=1):
        for _ in range(10):
            place = chance.randrange(processes)
            if now - asked[place] >= timedelta(seconds=30):
                asked[place] = now
            figures = measure((asked[place] - NOON).total_seconds(), chance)
            seen = Observation(asked[place], figures) if place < configured else None
            found = prune(current_metrics(status, 1, seen, now).wire())
            if found == status:
                break
            status, writes = found, writes + 1
        else:
            pytest.fail("the status never settled")
        now += timedelta(seconds=every_seconds)
    return writes


def steady(_seconds, chance):
    """A sample of a hundred requests a second for five minutes differs by half of a per cent, one of five by 2.5."""
    return {name: value * chance.uniform(0.98, 1.02) for name, value in BUSY.items()}


def moving(seconds, chance):
    return {name: value * (1 + seconds / 60) * chance.uniform(0.5, 2) for name, value in BUSY.items()}


def test_an_hour_of_steady_traffic_is_one_write():
    assert hour(steady, RESYNC_SECONDS) == 1
    assert hour(steady, 1) == 1


def test_an_hour_of_wild_traffic_is_at_most_one_write_for_each_look_and_eighty_whatever_happens():
    assert 30 <= hour(moving, RESYNC_SECONDS) <= 3600 / RESYNC_SECONDS
    assert 30 <= hour(moving, 1) <= 3600 / HOLD_TIME.total_seconds() + 1


def test_servers_of_two_configurations_do_not_write_in_turn():
    """While they are replaced: there and back, whenever what was said half a minute late has stood long enough."""
    assert hour(steady, 1, configured=2) <= 2 * 3600 / (HOLD_TIME.total_seconds() - 30)
