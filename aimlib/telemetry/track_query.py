"""The Prometheus query for the figures of the two tracks of all endpoints, and the parser of its response."""

from collections.abc import Mapping
from functools import cache

from aimlib.naming import TRACKS
from aimlib.telemetry.prometheus_query import parse_vector, sample_value, texts_of
from aimlib.telemetry.recording_rules import ENDPOINT, TRACK, track_records

WINDOW_SECONDS = 300
"""The window of the recorded rates."""
FIGURES = {
    "requests": ("aim:track_answers:rate5m", WINDOW_SECONDS),
    "errors": ("aim:track_errors:rate5m", WINDOW_SECONDS),
    "time_to_first_token": ("aim:track_time_to_first_token_seconds:p95_5m", 1),
    "inter_token_latency": ("aim:track_inter_token_latency_seconds:p95_5m", 1),
    "end_to_end_latency": ("aim:track_e2e_request_latency_seconds:p95_5m", 1),
}
"""By name (as in `aimlib.canary.figures.Figures`): the recorded series, and the factor to the unit of the figure."""

TrackFigures = Mapping[str, Mapping[str, float]]
"""Figures by track, and then by name."""


@cache
def tracks_query() -> str:
    """The instant query; each series has the labels `namespace`, `aimendpoint`, `track` and `figure`.

    A figure is taken from the recorded series, else from those that the rules are based on.
    """
    exprs = {record.name: record.expr for record in track_records()}
    by = f"{ENDPOINT}, {TRACK}"
    return " or ".join(
        f'label_replace(max by ({by}) ({recorded}) or {exprs[recorded]}, "figure", "{name}", "", "")'
        for name, (recorded, _) in FIGURES.items()
    )


def parse_tracks(body: bytes) -> Mapping[tuple[str, str], TrackFigures]:
    """The figures by namespace and label of an endpoint; PrometheusError where it is no response to the query."""
    found: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for one in parse_vector(body):
        texts, value = texts_of(one, "namespace", "aimendpoint", TRACK, "figure"), sample_value(one)
        if texts is None or value is None or texts[2] not in TRACKS or texts[3] not in FIGURES:
            continue
        namespace, endpoint, track, name = texts
        tracks = found.setdefault((namespace, endpoint), {})
        tracks.setdefault(track, {})[name] = value * FIGURES[name][1]
    return found
