"""Ends a command with messages on standard error and an exit code, without a traceback."""

from typing import Any

import click

from aimlib.errors import AimError
from hooks.cli.terminal import show_sentence

CLUSTER_ERROR_CODE, BAD_INPUT_CODE, NOTHING_FITS_CODE = 1, 2, 3
"""Exit codes: the cluster cannot be reached, the input is invalid, no recipe fits."""
FAILED_CODE, TIMEOUT_CODE = 4, 124
"""Exit codes of commands that wait: the endpoint failed, the time is over (as timeout(1) has it)."""
OUTPUT_ERROR_CODE = 74
"""The exit code where standard output cannot be written, as sysexits.h has it."""


class CommandError(AimError, click.ClickException):
    """Ends a command; one message per line, and the exit code."""

    def __init__(self, message: str, code: int = BAD_INPUT_CODE) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc] # as click's documentation does it

    def show(self, file: Any = None) -> None:  # noqa: ANN401, ARG002 - click's own signature
        for line in self.message.splitlines():
            show_sentence(f"Error: {line}", err=True)
