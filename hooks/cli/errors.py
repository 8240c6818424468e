"""What ends a command: sentences on standard error and an exit code, never a traceback."""

from typing import Any

import click

from aimlib.errors import AimError

TROUBLE, BAD_INPUT, NOTHING_FITS = 1, 2, 3
"""Exit codes: the cluster cannot be asked, the input is wrong, no recipe fits."""


class CommandError(AimError, click.ClickException):
    """The end of a command that failed: one sentence per line, and the exit code."""

    def __init__(self, message: str, code: int = BAD_INPUT) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc] # as click's documentation does it

    def show(self, file: Any = None) -> None:  # noqa: ANN401 - click's own signature
        for line in self.message.splitlines():
            click.echo(f"Error: {line}", err=True, file=file)
