"""Dashboards as Grafana reads them: their panels and queries, and how it puts the chosen values into them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Raw = dict[str, Any]
Chosen = Mapping[str, str | Sequence[str]]
"""Values of variables: one, or several where several may be chosen; () is All."""
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
VARIABLE = re.compile(r"\$(?:\{([a-z]\w*)\}|([a-z]\w*))")
"""Not $1 and the like, which are PromQL's."""
SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")


class Target(NamedTuple):
    """One query of one panel."""

    board: str
    panel: str
    expr: str
    legend: str
    over_time: bool
    columns: tuple[str, ...]
    """The labels that a table shows."""

    def __str__(self) -> str:
        return f"{self.board}: {self.panel}: {self.legend or self.expr[:40]}"


def panels(board: Raw) -> list[Raw]:
    """The panels of a dashboard that have queries."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets(board: Raw) -> Iterator[Target]:
    """Every query of a dashboard."""
    for panel in panels(board):
        for target in panel["targets"]:
            instant = target.get("instant", False)
            columns = tuple(name for name in fields(panel) if not name.startswith("Value"))
            yield Target(
                board["title"], panel["title"], target["expr"], target.get("legendFormat", ""), not instant, columns
            )


def fields(panel: Raw) -> dict[str, str]:
    """The fields that a table shows, in order, with their titles; {} for any other panel."""
    organize = [one["options"] for one in panel.get("transformations", ()) if one["id"] == "organize"]
    return dict(organize[0]["renameByName"]) if organize else {}


def variables(board: Raw) -> list[Raw]:
    """The variables whose values come from a query."""
    return [one for one in board.get("templating", {}).get("list", ()) if one["type"] == "query"]


def values_of(variable: Raw, chosen: Chosen) -> tuple[str, str]:
    """The label whose values a variable has, and the selector of the series that have it."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert found, variable["query"]
    return found[2], interpolated(found[1], chosen)


def interpolated(text: str, chosen: Chosen) -> str:
    """A query with the chosen values in it, escaped as Grafana does for Prometheus."""

    def put(found: re.Match[str]) -> str:
        value = chosen[found[1] or found[2]]
        if isinstance(value, str):
            return value.replace("\\", "\\\\").replace('"', '\\"')
        escaped = [SPECIAL.sub(lambda one: "\\\\" + one[0], one) for one in value]
        return f"({'|'.join(escaped)})" if escaped else ".*"

    return VARIABLE.sub(put, text)


def named(legend: str, labels: Mapping[str, str]) -> str:
    """What a series is called."""
    return LEGEND.sub(lambda found: labels.get(found[1], found[0]), legend)


def read(text: str) -> Raw:
    """A dashboard from its file."""
    return json.loads(text)
