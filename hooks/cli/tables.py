"""Tables for terminals and pipes: plain columns as kubectl prints them."""

import textwrap
from collections.abc import Iterable, Sequence

from aimlib.printable import printable

GAP = 2
NARROWEST = 32
"""Characters below which the last column is not wrapped any more, and stands below its row instead."""
INDENT = 4
"""Characters before what stands below its row."""

Cell = str | int | None


def table(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], width: int | None = None, omissible: Sequence[str] = ()
) -> str:
    """The rows under their head. With a terminal's `width` the last column is wrapped, so that nothing is lost."""
    return "\n".join(table_rows(head, rows, width, omissible))


def table_rows(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], width: int | None = None, omissible: Sequence[str] = ()
) -> list[str]:
    """The head and each row, as a text of one or more lines.

    Where a terminal's `width` is too small, columns are left out, in the order of `omissible`; where that is not
    enough, the last column stands below each row that is longer than the terminal is wide.
    """
    lines = [tuple(head), *(tuple(_text(cell) for cell in row) for row in rows)]
    omitted: list[int] = []
    for title in omissible:
        if _fits(lines, omitted, width):
            break
        omitted.append(head.index(title))
    kept = [tuple(cell for column, cell in enumerate(line) if column not in omitted) for line in lines]
    widths = _widths(kept)
    room = width - sum(widths) if width else None
    below = width - INDENT if width and not _fits(kept, (), width) else None
    return [_line(line, widths, room, below) for line in kept]


def _text(cell: Cell) -> str:
    return "-" if cell is None or cell == "" else " ".join(printable(str(cell)).split())


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column but the last."""
    return [max(len(line[column]) for line in lines) + GAP for column in range(len(lines[0]) - 1)]


def _fits(lines: Sequence[Sequence[str]], omitted: Sequence[int], width: int | None) -> bool:
    """Whether there is room for the last column, wrapped where it is long."""
    taken = sum(width for column, width in enumerate(_widths(lines)) if column not in omitted)
    longest = max(min(NARROWEST, len(line[-1])) for line in lines)
    words = max(len(word) for line in lines for word in line[-1].split())
    return width is None or taken + max(longest, words) <= width


def _line(cells: Sequence[str], widths: Sequence[int], room: int | None, below: int | None) -> str:
    before = "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
    if below is not None and len(before) + len(cells[-1]) > below + INDENT:
        return "\n".join((before.rstrip(), *(" " * INDENT + part for part in _wrapped(cells[-1], below))))
    return before + ("\n" + " " * len(before)).join(_wrapped(cells[-1], None if below is not None else room))


def _wrapped(text: str, room: int | None) -> list[str]:
    return [text] if room is None else textwrap.wrap(text, room, break_on_hyphens=False)
