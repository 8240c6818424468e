"""`aim scaling replay`: of a file, and of an endpoint's own past."""

import json

import pytest
import yaml

from aimlib.telemetry.traffic_query import parse_samples, traffic_query
from hooks.cli import clock, cluster
from hooks.cli.scaling_replay import REPLAY_HEAD
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import READY, StandInCluster, stored

NOW = 1_767_225_600.0  # 2026-01-01, a Thursday
PROXY = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query"
PROMETHEUS = ("--prometheus", "monitoring/prometheus:9090")
LOADS = [2, 4, 8, 16] * 72  # two days


@pytest.fixture(autouse=True)
def at_a_time(monkeypatch):
    monkeypatch.setattr(clock, "unix_seconds", lambda: NOW)


@pytest.fixture
def recorded(tmp_path):
    """A file with two days."""
    path = tmp_path / "traffic.csv"
    path.write_text("second,requests\n" + "\n".join(f"{600 * at},{load}" for at, load in enumerate(LOADS)))
    return path


def matrix(*values):
    return {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [*values]}]}}


class Cluster(StandInCluster):
    """One endpoint, and a Prometheus beside it."""

    def __init__(self, endpoint, found):
        super().__init__(endpoint)
        self.recorded, self.asked = found, []

    def read(self, path, query=None):
        if path == PROXY:
            self.asked.append(query["query"])
            return self.recorded
        return super().read(path)


def past(loads=LOADS):
    return matrix(*([NOW - 600 * (len(loads) - at), str(load)] for at, load in enumerate(loads)))


def rows(done):
    assert done.exit_code == 0, done.stderr
    return {one["policy"]: one for one in json.loads(done.stdout)["items"]}


def test_a_file_is_compared_by_each_policy(recorded):
    found = rows(aim("scaling", "replay", "--file", recorded, "--startup", "20m", "-o", "json"))
    assert {name for name in found if "fixed" not in name} == {
        "headroom from the own past",
        "80 %, and the load of 1d ago",
    }
    assert found["fixed 60 %"]["cost"] > found["fixed 90 %"]["cost"]
    assert found["fixed 60 %"]["overload"] < found["fixed 90 %"]["overload"]
    slower = rows(aim("scaling", "replay", "--file", recorded, "--startup", "40m", "-o", "json"))
    assert slower["fixed 80 %"]["overload"] > found["fixed 80 %"]["overload"]


@pytest.mark.parametrize(
    ("loads", "words"),
    [
        ([1] * 60 + [20] * 84, "with period 1d would have helped: no fixed target has as little overload for less"),
        ([4] * 144, "with period 1d would not have helped: fixed 80 % has no more overload, and costs no more"),
    ],
)
def test_it_tells_whether_anticipation_would_have_helped(tmp_path, loads, words):
    """A jump at the same time of every day, and a load that never changes."""
    path = tmp_path / "traffic.csv"
    path.write_text("\n".join(f"{600 * at},{load}" for at, load in enumerate(loads * 6)))
    done = aim("scaling", "replay", "--file", path, "--startup", "50m", "--capacity", 1)
    assert words in " ".join(done.stderr.split())


def test_a_table_tells_what_it_is_about_and_the_cheapest(recorded):
    done = aim("scaling", "replay", "--file", recorded, "--capacity", 4)
    head, first, *_ = done.stdout.splitlines()
    assert head.split("  ")[0] == REPLAY_HEAD[0]
    assert first.startswith("fixed 60 %")
    assert "2d of traffic; a replica takes 4 at full use and 10m to start" in done.stderr
    assert "the cheapest with at most 0.5 % overload: " in done.stderr or "a shorter start-up helps more" in done.stderr


@pytest.mark.parametrize(
    ("startup", "words"),
    [("1s", "the cheapest with at most 0.5 % overload"), ("6h", "no policy has at most 0.5 % overload")],
)
def test_the_advice_is_a_policy_or_a_shorter_start(recorded, startup, words):
    assert words in aim("scaling", "replay", "--file", recorded, "--startup", startup).stderr


def test_a_schedule_is_a_policy_of_its_own(recorded):
    words = ("--schedule", "0,30 0-23 * * *,1h,40,Europe/Berlin", "--schedule", "@daily,10m,3")
    found = rows(aim("scaling", "replay", "--file", recorded, *words, "-o", "json"))
    assert found["80 %, and the schedule"]["overload"] == 0
    assert found["80 %, and the schedule"]["replicas"] >= 39


def test_an_endpoints_own_past_is_replayed_with_its_own_start_up_time(monkeypatch):
    startup = {"p50Seconds": 60, "p90Seconds": 1500, "count": 1, "parts": {}}
    standin = Cluster(stored(status={**READY, "startup": startup}), past())
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: standin)
    done = aim("scaling", "replay", "it", *PROMETHEUS, "--since", "2d")
    assert done.exit_code == 0, done.stderr
    assert "2d of traffic; a replica takes 0.8 at full use and 25m to start" in done.stderr
    assert standin.asked == [traffic_query("team", "it", 2 * 86400, 600)]
    stated = aim("scaling", "replay", "it", *PROMETHEUS, "--startup", "3m", "-o", "yaml")
    assert yaml.safe_load(stated.stdout)["items"][0]["policy"] == "fixed 60 %"


def test_an_endpoint_that_was_never_started_is_taken_to_need_ten_minutes(monkeypatch):
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: Cluster(stored(), past()))
    assert "and 10m to start" in aim("scaling", "replay", "it", *PROMETHEUS).stderr


def test_both_tracks_of_an_endpoint_are_its_traffic():
    query = traffic_query("team", "it", 86400, 600)
    assert query.endswith(")[86400s:600s]")
    assert query.count('{namespace="team",aimendpoint=~"it|it_b"}') == 2


def test_the_dot_in_a_name_finds_no_other_endpoint():
    assert r'aimendpoint=~"it\\.v2|it\\.v2_b"' in traffic_query("team", "it.v2", 86400, 600)


@pytest.mark.parametrize(
    "odd", [[], ["x"], [{}], [{"values": 3}], [{"values": [[1], [1, "NaN"], [2, "-1"], None, [3, "x"]]}]]
)
def test_what_prometheus_has_that_is_no_load_is_left_out(odd):
    assert parse_samples(odd) == {}
    assert parse_samples([{"values": [[1, "2.5"], [2, "NaN"]]}]) == {1: 2.5}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "state an endpoint or --file"),
        (("it", "--file", "a.csv"), "state an endpoint or --file"),
        (("it",), "state --prometheus, or --file"),
        (("--file", "/nowhere/a.csv"), "cannot be read"),
        (("--file", "{file}", "--capacity", "0"), "0"),
        (("--file", "{file}", "--schedule", "often"), "'often' is no CRON,DURATION,REPLICAS[,ZONE]"),
        (("--file", "{file}", "--schedule", "0 8 * * *,soon,4"), "soon"),
        (("--file", "{file}", "--schedule", "never,1h,4"), "'never' is no schedule"),
        (("--file", "{file}", "--schedule", "@daily,1h,4,Mars"), "there is no time zone 'Mars'"),
        (("--file", "{long}"), "is longer than"),
        (("--file", "{binary}"), "cannot be read"),
        (("--file", "{short}"), "periods of ten minutes"),
    ],
)
def test_what_cannot_be_replayed_is_told_without_a_traceback(recorded, tmp_path, words, message):
    for name, content in (("long", b"0" * (5 << 20)), ("binary", b"\xff\xfe"), ("short", b"0,1\n")):
        (tmp_path / name).write_bytes(content)
    places = {"file": str(recorded), **{name: str(tmp_path / name) for name in ("long", "binary", "short")}}
    done = aim("scaling", "replay", *(word.format(**places) for word in words))
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_prometheus_that_has_nothing_of_it_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: Cluster(stored(), matrix()))
    done = aim("scaling", "replay", "it", *PROMETHEUS)
    assert (done.exit_code, "there is no traffic" in done.stderr) == (2, True)
