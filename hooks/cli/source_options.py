"""The options about where the files of a model come from, which downloads and inspections share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Callback = TypeVar("Callback", bound=Callable[..., Any])


def _source(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Refuses a text that is not a source."""
    from aimlib.api.formats import MODEL_SOURCE  # noqa: PLC0415 - when a command runs

    if text is not None and not MODEL_SOURCE.matches(text):
        raise click.BadParameter(f"{text!r} {MODEL_SOURCE.message}")
    return text


SOURCE_OPTION = click.option(
    "--source",
    metavar="SOURCE",
    callback=_source,
    help="Where its files come from, such as s3://bucket/folder; the hub's repository of that id when left out.",
)


CLAIM_FOLDER = click.option(
    "--source-folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the claim of a source pvc:// is mounted.",
)


def server_options(command: Callback) -> Callback:
    """The options about the server of a source."""
    options = (
        click.option(
            "--endpoint", metavar="URL", help="The S3 service, registry or MLflow server; AWS, or https, when left out."
        ),
        click.option(
            "--artifact-endpoint",
            metavar="URL",
            help="The S3 service with the files of a model in MLflow; AWS when left out.",
        ),
        click.option(
            "--region", default="us-east-1", show_default=True, metavar="NAME", help="The region of the S3 service."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
