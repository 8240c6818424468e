"""Tables for terminals and pipes: plain columns as kubectl prints them."""

import textwrap
from collections.abc import Iterable, Sequence

from aimlib.printable import printable

GAP = 2
NARROWEST = 32
"""Characters below which the last column is not wrapped any more."""

Cell = str | int | None


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], width: int | None = None) -> str:
    """The rows under their head. With a terminal's `width` the last column is wrapped, so that nothing is lost."""
    lines = [tuple(head), *(tuple(_text(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) + GAP for column in range(len(head) - 1)]
    room = width - sum(widths) if width else 0
    return "\n".join(_line(line, widths, room) for line in lines)


def _text(cell: Cell) -> str:
    return "-" if cell is None or cell == "" else " ".join(printable(str(cell)).split())


def _line(cells: Sequence[str], widths: Sequence[int], room: int) -> str:
    before = "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
    last = textwrap.wrap(cells[-1], room, break_on_hyphens=False) if room >= NARROWEST else [cells[-1]]
    indent = "\n" + " " * len(before)
    return before + indent.join(last)
