"""The one way to a terminal: text of files, clusters and volumes is printed without what controls the terminal."""

import click

from aimlib.printable import printable


def show(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Prints a text of several lines, on standard error with `err`."""
    click.echo(printable(text, newlines=True), err=err, nl=nl)
