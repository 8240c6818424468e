"""The Prometheus query for what endpoints used over a time, and the parser of its response."""

import json
from collections.abc import Mapping
from typing import Any

from aimlib.telemetry.prometheus_query import sample_value, texts_of
from aimlib.telemetry.recording_rules import ENDPOINT, ENDPOINT_PODS, selectors

STEP_MINUTES = 5
"""Time between two looks at which replicas were there."""
USED_TOKENS = {"promptTokens": "prompt_tokens", "generatedTokens": "generation_tokens"}
"""Figures that counters have, and the keys of these in the table of engines."""
Used = Mapping[tuple[str, str], Mapping[str, float]]
"""Figures by namespace and label of an endpoint: promptTokens, generatedTokens, replicaHours, gpuHours."""


def usage_query(seconds: int, namespace: str | None = None) -> str:
    """The instant query, in PromQL; each of its series has the labels `namespace`, `aimendpoint` and `figure`.

    Replicas are those that were scraped. Their GPUs are those that kube-state-metrics had of the endpoint at the time;
    where it has none, there are replicaHours alone.
    """
    only = ENDPOINT_PODS + (f",namespace={json.dumps(namespace)}" if namespace else "")
    # Pods of a version that is tried count for their endpoint: no name of one ends with the label of that track.
    up = f'label_replace(up{{{only}}}, "aimendpoint", "$1", "aimendpoint", "(.*)_b")'
    there = f"max by ({ENDPOINT}, pod) ({up} >= bool 0)"
    gpus = f"max by ({ENDPOINT}) (aim_endpoint_gpus)"
    figures = {figure: _tokens(key, only, seconds) for figure, key in USED_TOKENS.items()}
    figures["replicaHours"] = _hours(there, seconds)
    figures["gpuHours"] = _hours(f"({there}) * on ({ENDPOINT}) group_left () {gpus}", seconds)
    return " or ".join(f'label_replace({expr}, "figure", "{name}", "", "")' for name, expr in figures.items())


def _tokens(key: str, only: str, seconds: int) -> str:
    """What the counters of all engines and replicas went up by."""
    counters = " or ".join(f"increase({one}[{seconds}s])" for one in selectors(key, only=only))
    return f"sum by ({ENDPOINT}) ({counters})"


def _hours(expr: str, seconds: int) -> str:
    """The hours of a value over the time: the sum of its samples, each of which stands for a step."""
    return f"sum by ({ENDPOINT}) (sum_over_time(({expr})[{seconds}s:{STEP_MINUTES}m])) * {STEP_MINUTES} / 60"


def parse_usage(series: list[Any]) -> Used:
    """The figures in the series of a response; those that are invalid are left out."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for one in series:
        labels, value = texts_of(one, "namespace", "aimendpoint", "figure"), sample_value(one)
        if labels and value is not None:
            found.setdefault((labels[0], labels[1]), {})[labels[2]] = value
    return found
