"""The Prometheus query for the requests that an endpoint had at once, over days, and the parser of its response."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from aimlib.naming import TRACKS, track_value

MOST_SAMPLES = 20_000
COUNTED_SERIES = ("aim:requests_running", "aim:requests_waiting")


class RecordedTraffic(NamedTuple):
    """What Prometheus has of the requests of one endpoint."""

    samples: Mapping[float, float]
    """The requests at once, by their second."""
    error: str = ""
    """Why there is nothing; equal for equal causes."""


def traffic_query(namespace: str, endpoint: str, seconds: int, step_seconds: int) -> str:
    """The mean number of requests that ran or waited in each step, of both tracks together."""
    # A dot is all that is another thing in a regular expression than in a label's value of ours.
    values = "|".join(track_value(endpoint, track).replace(".", r"\.") for track in TRACKS)
    only = f"{{namespace={json.dumps(namespace)},aimendpoint=~{json.dumps(values)}}}"
    means = " + ".join(f"sum(avg_over_time({name}{only}[{step_seconds}s]))" for name in COUNTED_SERIES)
    return f"({means})[{seconds}s:{step_seconds}s]"


def parse_samples(series: list[Any]) -> dict[float, float]:
    """The values by their second; those that are invalid are left out."""
    found: dict[float, float] = {}
    for one in series[:1]:
        values = one.get("values") if isinstance(one, dict) else None
        for pair in (values if isinstance(values, list) else [])[-MOST_SAMPLES:]:
            if (sample := _sample(pair)) is not None:
                found[sample[0]] = sample[1]
    return found


def _sample(pair: Any) -> tuple[float, float] | None:  # noqa: ANN401 - JSON
    try:
        second, value = (float(part) for part in pair)
    except (TypeError, ValueError):
        return None
    return (second, value) if math.isfinite(second) and 0 <= value < math.inf else None
