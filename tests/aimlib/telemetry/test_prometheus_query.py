"""What Prometheus is asked for live figures, and what is read out of whatever comes back."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.endpoint_status import Metrics
from aimlib.telemetry.prometheus_query import (
    RECORDED_ONLY,
    STATUS_METRICS,
    PrometheusError,
    metrics_query,
    parse_response,
)
from aimlib.telemetry.recording_rules import records

CHAT = {"namespace": "team-a", "aimendpoint": "chat"}


def answer(*series):
    """An answer to the query: of each series what is different about it, and its value as text."""
    result = [{"metric": {**CHAT, **labels}, "value": [1764158400.1, value]} for labels, value in series]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


def test_every_figure_has_a_field_and_a_rule():
    assert {one.name for one in STATUS_METRICS} <= Metrics.model_fields.keys()
    assert {one.recorded for one in STATUS_METRICS} <= {one.name for one in records()}


def test_a_figure_is_asked_for_as_recorded_and_as_what_it_is_recorded_from():
    asked = metrics_query()
    exprs = {one.name: one.expr for one in records()}
    for one in STATUS_METRICS:
        assert f"max by (namespace, aimendpoint) ({one.recorded})" in asked
        assert (exprs[one.recorded] in asked) == (one.name not in RECORDED_ONLY)
        assert f'"figure", "{one.name}", "", "")' in asked


def test_figures_are_read_in_the_units_of_the_status():
    body = answer(
        ({"figure": "throughput"}, "12.5"),
        ({"figure": "latency"}, "1.25"),
        ({"figure": "kv_cache_utilization"}, "0.5"),
        ({"figure": "requests_running", "aimendpoint": "other"}, "3"),
    )
    assert parse_response(body) == {
        ("team-a", "chat"): {"throughput": 12.5, "latency": 1250, "kv_cache_utilization": 50},
        ("team-a", "other"): {"requests_running": 3},
    }


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-1", "1e13", "many", "", 5, None, ["1"]])
def test_a_value_that_is_no_figure_is_as_if_it_were_not_there(value):
    body = answer(({"figure": "latency"}, value), ({"figure": "throughput"}, "0"))
    assert parse_response(body) == {("team-a", "chat"): {"throughput": 0}}


@pytest.mark.parametrize(
    "labels", [{}, {"figure": "mood"}, {"figure": 5}, {"figure": "latency", "namespace": None}, {"aimendpoint": []}]
)
def test_a_series_that_nobody_asked_for_is_left_out(labels):
    assert parse_response(answer((labels, "1"))) == {}


def test_of_several_series_the_largest_counts_in_whatever_order():
    twice = [({"figure": "latency", "replica": "a"}, "1"), ({"figure": "latency", "replica": "b"}, "2")]
    assert (
        parse_response(answer(*twice))
        == parse_response(answer(*reversed(twice)))
        == {("team-a", "chat"): {"latency": 2000}}
    )


@pytest.mark.parametrize("series", [5, {}, {"metric": {**CHAT, "figure": "latency"}}, {"metric": []}])
@pytest.mark.parametrize("value", [{}, {"value": 5}, {"value": [1, "2", 3]}])
def test_a_series_without_its_parts_is_left_out(series, value):
    result = [{**series, **value} if isinstance(series, dict) else series]
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
    assert parse_response(body) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"null",
        b"{}",
        b'{"status": "error", "errorType": "bad_data", "error": "parse error"}',
        b'{"status": "success"}',
        b'{"status": "success", "data": []}',
        b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": {}}}',
    ],
)
def test_what_is_no_answer_is_said_in_words_that_are_always_the_same(body):
    with pytest.raises(PrometheusError) as raised:
        parse_response(body)
    assert re.fullmatch("a response that is not (JSON|that of an instant query)", str(raised.value))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["latency", "NaN", "success"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metric", "value", "figure", "data", "namespace"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_no_vector_is_too_strange(result):
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
    for figures in parse_response(body).values():
        assert all(isinstance(value, float) and value >= 0 for value in figures.values())
