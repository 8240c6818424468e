"""A recording as an asciicast (version 2, docs.asciinema.org/manual/asciicast/v2) and as the picture of its end."""

import io
import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

TITLE = "AIM Engine operator"
FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Fonts of another host, which the picture does without."""


class Printed(NamedTuple):
    """A command, what it printed, and when it began and ended, in seconds."""

    command: str
    output: str
    began: float
    ended: float


def cast_of(printed: Iterable[Printed], columns: int) -> str:
    """The asciicast: a header, and an event for each command and for what it printed."""
    events: list[list[float | str]] = []
    for one in printed:
        events.append([round(one.began, 1), "o", f"$ {one.command}\r\n"])
        if one.output:
            events.append([round(one.ended, 1), "o", one.output.replace("\n", "\r\n")])
    shown = "".join(str(data) for *_, data in events)
    header = {"version": 2, "width": columns, "height": _height(shown, columns), "title": TITLE}
    return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in (header, *events))


def read_cast(text: str) -> tuple[int, list[tuple[str, str]]]:
    """The width of an asciicast, and each command with what it printed."""
    header, *events = (json.loads(line) for line in text.splitlines())
    found: list[tuple[str, str]] = []
    for _, _, data in events:
        plain = str(data).replace("\r\n", "\n")
        if plain.startswith("$ "):
            found.append((plain[2:].rstrip("\n"), ""))
        else:
            found[-1] = (found[-1][0], plain)
    return header["width"], found


def picture_of(text: str) -> str:
    """The end of an asciicast as an SVG, drawn by rich, without anything of another host."""
    columns, printed = read_cast(text)
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for command, output in printed:
        console.print(Text.assemble(("$ ", "green"), (command, "bold")), soft_wrap=False)
        if output:
            console.print(Text(output.rstrip("\n")), soft_wrap=False)
    drawn = console.export_svg(title=TITLE, theme=SVG_EXPORT_THEME, unique_id="recording")
    return "\n".join(line.rstrip() for line in FONTS.sub("", drawn).splitlines()) + "\n"


def _height(shown: str, columns: int) -> int:
    return sum(max(1, -(-len(line) // columns)) for line in shown.splitlines())
