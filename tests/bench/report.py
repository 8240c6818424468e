"""What the bench found: tables and goals, for people and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

Row = dict[str, str | float]


class Table(NamedTuple):
    """Figures under one title; a row maps columns to cells, and numbers stay numbers in the JSON."""

    title: str
    rows: Sequence[Row]
    note: str = ""


class Goal(NamedTuple):
    """A figure and the most that it should be."""

    what: str
    found: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        return self.found <= self.limit


class Part(NamedTuple):
    """The findings of one part of the bench."""

    name: str
    tables: Sequence[Table]
    goals: Sequence[Goal] = ()


def as_json(parts: Sequence[Part], about: Row) -> dict[str, Any]:
    """The whole report as JSON-ready data."""
    return {
        "about": about,
        "parts": {
            part.name: {
                "tables": [table._asdict() for table in part.tables],
                "goals": [{**goal._asdict(), "met": goal.met} for goal in part.goals],
            }
            for part in parts
        },
    }


def text(part: Part) -> str:
    """The tables of one part, and its goals beside what was found."""
    return "\n".join(line for table in part.tables for line in ("", *_lines(table))) + "\n".join(
        ["\n", *(_goal(goal) for goal in part.goals)]
    )


def _goal(goal: Goal) -> str:
    word = "met" if goal.met else "MISSED"
    return f"  goal {word}: {goal.what}: {_cell(goal.found)} {goal.unit}, at most {_cell(goal.limit)}"


def _lines(table: Table) -> Iterator[str]:
    yield f"== {table.title}"
    heads = list(dict.fromkeys(head for row in table.rows for head in row))
    cells = [heads, *([_cell(row.get(head, "")) for head in heads] for row in table.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for line in cells:
        first, *rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(["  " + first.strip().ljust(widths[0]), *rest])
    if table.note:
        yield f"  {table.note}"


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
