"""One recorded series of Prometheus, and what all of them have in common."""

from typing import NamedTuple

WINDOW = "5m"
"""Window of rates: twenty scrapes every fifteen seconds, so that a few that fail have little influence."""
NOT_NAN = ">= 0"
"""Drops NaN, the result where nothing was counted."""


class Record(NamedTuple):
    """One recorded series: its name, unit, meaning, and the expression in PromQL."""

    name: str
    unit: str
    meaning: str
    expr: str
