"""What a dashboard is made of: rows of panels, each a title, what it means, its queries and their unit."""

from typing import Literal, NamedTuple

GRID = 24
"""Columns of Grafana's grid."""

GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"

Steps = tuple[tuple[float, str], ...]
"""Colours by the value that each begins at; what is less is green."""


class Query(NamedTuple):
    """One query and what its series are called: words, and labels as {{label}}."""

    expr: str
    legend: str = ""
    reference: bool = False
    """Whether it is what others are compared with: a dashed line."""


class Link(NamedTuple):
    """Where a table's row or a graph's series leads: the dashboard of that uid, its variables from the labels."""

    uid: str
    variables: tuple[str, ...]


class Panel(NamedTuple):
    """One panel.

    stat    the last value of each series, large; `names` shows the series' names instead
    lines   series over time; `stacked` when they are parts of a whole
    bars    the last value of each series, as a bar up to `maximum`
    table   the last value of each series as a row: a column for each of `columns`, and one for each query
    """

    kind: Literal["stat", "names", "lines", "stacked", "bars", "table"]
    title: str
    meaning: str
    """What it shows, and what a bad value means."""
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    steps: Steps = ()
    maximum: float | None = None
    colours: tuple[tuple[str, str], ...] = ()
    """Of series, by their names, where the name says whether it is good."""
    columns: tuple[tuple[str, str], ...] = ()
    """Of a table: labels with the titles of their columns, in order."""
    values: tuple[str, ...] = ()
    """Of a table: the titles of the queries' columns; a query whose title is empty has none."""
    link: Link | None = None


class Row(NamedTuple):
    """Panels side by side under a title, all of one height in cells of 30 pixels; they wrap at 24 columns."""

    title: str
    height: int
    panels: tuple[Panel, ...]


class Variable(NamedTuple):
    """What a viewer chooses: a label's values, of the series that a selector finds."""

    name: str
    label: str
    series: str
    many: bool
    """Whether several, or all, may be chosen."""


class Board(NamedTuple):
    """One dashboard."""

    uid: str
    title: str
    description: str
    hours: int
    """What it shows at first: the last so many hours."""
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
