"""The observer of traffic: asked once a day for each endpoint, and once an hour while there is too little."""

import json
from datetime import timedelta

import pytest

from aimlib.protocol.metacontroller import parse_request
from aimlib.scaling.traffic import LEAST_PERIODS
from aimlib.telemetry.traffic_query import RecordedTraffic
from hooks.server.observers import traffic as observer
from hooks.server.observers.prometheus import Source
from hooks.server.observers.traffic import TrafficObserver
from tests.cases import TESTDATA, Case
from tests.hooks.server.observers.fakeprometheus import fake_prometheus
from tests.playing import play
from tests.world import NOON

SYNC = TESTDATA / "endpoint" / "sync"
DUE = Case(SYNC / "a-load-that-never-changes-raises-the-use-in-small-steps")
NOT_DUE = Case(SYNC / "before-a-day-is-over-the-own-past-is-not-replayed-again")
FIXED = Case(SYNC / "live-figures-are-in-the-status")


@pytest.fixture
def prometheus():
    with fake_prometheus() as running:
        yield running


def asked(case=DUE, after=0.0, name="chat", **spec):
    body = play(case.kind, case.hook, case.world).request
    parent = body["parent"]
    parent = {**parent, "metadata": {**parent["metadata"], "name": name}, "spec": {**parent["spec"], **spec}}
    return parse_request({**body, "parent": parent}, NOON + timedelta(seconds=after))


def recorded(count, load="3"):
    series = [{"metric": {}, "values": [[600 * at, load] for at in range(count)]}]
    return [json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()]


def watching(prometheus):
    return TrafficObserver(Source(f"http://{prometheus.address}"))


def test_the_traffic_of_three_days_is_read_where_it_is_due(prometheus):
    prometheus.pieces = recorded(LEAST_PERIODS)
    seen = watching(prometheus)
    assert len(seen(asked()).samples) == LEAST_PERIODS
    assert [seen(asked(NOT_DUE)), seen(asked(FIXED)), seen(asked(modelId=7))] == [None] * 3
    [one] = prometheus.asked
    [query] = one["form"]["query"]
    assert query.endswith("[259200s:600s]")
    assert 'namespace="team-a"' in query


def test_no_answer_is_told_and_asked_again_in_an_hour(prometheus):
    prometheus.code = 503
    seen = watching(prometheus)
    assert {seen(asked(after=one)).error for one in (0, 60, 3599)} == {
        "the query of Prometheus failed: HTTP status 503"
    }
    assert len(prometheus.asked) == 1
    prometheus.code, prometheus.pieces = 200, recorded(LEAST_PERIODS)
    assert seen(asked(after=3600)).error == ""
    assert seen(asked(after=3601)).error == ""
    assert len(prometheus.asked) == 3


def test_an_idle_endpoint_is_asked_for_once_an_hour(prometheus):
    prometheus.pieces = recorded(LEAST_PERIODS, "0")
    seen = watching(prometheus)
    assert {len(seen(asked(after=one)).samples) for one in (0, 60, 3599)} == {LEAST_PERIODS}
    assert len(prometheus.asked) == 1


def test_one_that_is_not_there_is_no_answer():
    assert TrafficObserver(Source("http://127.0.0.1:1"))(asked()) == RecordedTraffic(
        {}, "the query of Prometheus failed: no answer"
    )


def test_what_is_known_of_endpoints_is_bounded(prometheus, monkeypatch):
    monkeypatch.setattr(observer, "MOST_KEPT", 2)
    prometheus.pieces = recorded(3)
    seen = watching(prometheus)
    for name in ("a", "b", "c", "a", "c"):
        seen(asked(name=name))
    assert len(prometheus.asked) == 4
