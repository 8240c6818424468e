"""What Prometheus is asked for the figures of both tracks, and what is read out of whatever comes back."""

import json

import pytest

from aimlib.canary.figures import Figures
from aimlib.telemetry.prometheus_query import PrometheusError
from aimlib.telemetry.recording_rules import track_records
from aimlib.telemetry.track_query import FIGURES, parse_tracks, tracks_query


def answer(*series):
    result = [
        {"metric": {"namespace": "team-a", "aimendpoint": "chat", **labels}, "value": [1, value]}
        for labels, value in series
    ]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


def test_every_figure_has_a_rule_and_a_place():
    assert {recorded for recorded, _ in FIGURES.values()} == {one.name for one in track_records()}
    assert list(FIGURES) == list(Figures._fields)


def test_a_figure_is_asked_for_as_recorded_and_as_what_it_is_recorded_from():
    asked = tracks_query()
    for record in track_records():
        assert f"max by (namespace, aimendpoint, track) ({record.name}) or {record.expr}" in asked


def test_figures_are_read_by_track():
    body = answer(
        ({"track": "a", "figure": "requests"}, "2"),
        ({"track": "b", "figure": "errors"}, "0.5"),
        ({"track": "b", "figure": "time_to_first_token"}, "0.25"),
        ({"track": "b", "figure": "inter_token_latency"}, "NaN"),
        ({"track": "c", "figure": "requests"}, "2"),
        ({"track": "a", "figure": "other"}, "2"),
        ({"figure": "requests"}, "2"),
    )
    assert parse_tracks(body) == {
        ("team-a", "chat"): {"a": {"requests": 600}, "b": {"errors": 150, "time_to_first_token": 0.25}}
    }


def test_what_is_no_answer_is_an_error():
    with pytest.raises(PrometheusError):
        parse_tracks(b"{}")
