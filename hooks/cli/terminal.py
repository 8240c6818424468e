"""The one way to a terminal: text of files, clusters and volumes is printed without what controls the terminal."""

import os
import shutil
import sys
import textwrap
from typing import Any, NamedTuple

import click

from aimlib.printable import printable


class Style(NamedTuple):
    """How a text stands out on a terminal."""

    colour: str | None = None
    bold: bool = False
    dim: bool = False


DATA_OUTPUTS = frozenset({"json", "yaml"})
"""Values of `-o` that are for programs."""
HEAD, CHOSEN, REJECTED, WARNING = Style(bold=True), Style("green"), Style(dim=True), Style("yellow")


def show(text: str, *, err: bool = False, nl: bool = True, style: Style | None = None) -> None:
    """Prints a text of several lines, on standard error with `err`; with its style on a terminal that has colours."""
    cleaned = printable(text, newlines=True)
    if style and _has_colours(_stream(err=err)):
        cleaned = click.style(cleaned, fg=style.colour, bold=style.bold or None, dim=style.dim or None)
        click.echo(cleaned, err=err, nl=nl, color=True)
    else:
        click.echo(cleaned, err=err, nl=nl)


def show_sentence(text: str, *, err: bool = False, style: Style | None = None) -> None:
    """Prints a sentence as one line; wrapped between words on a terminal. Beside data it is on standard error."""
    err = err or _beside_data()
    width = terminal_width(err=err)
    lines = [text] if width is None else _wrapped(text, width)
    show("\n".join(lines), err=err, style=style)


def _beside_data() -> bool:
    """Whether the command that runs prints data, which then has standard output for itself."""
    context = click.get_current_context(silent=True)
    return bool(context and context.params.get("output") in DATA_OUTPUTS)


def terminal_width(*, err: bool = False) -> int | None:
    """The terminal's width; None for a pipe or file, where each row stays in one line."""
    return shutil.get_terminal_size().columns if _is_terminal(_stream(err=err)) else None


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(printable(text), width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _stream(*, err: bool) -> object:
    return sys.stderr if err else sys.stdout


def _is_terminal(stream: Any) -> bool:  # noqa: ANN401 - whatever stands for the stream
    return bool(getattr(stream, "isatty", bool)())


def _has_colours(stream: object) -> bool:
    """Whether the stream is a terminal with colours, and nobody asked for none (no-color.org)."""
    return _is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
