"""The options that several commands share, and the checks of them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from aimlib.errors import InvalidInputError
from hooks.cli.errors import CommandError

Command = TypeVar("Command", bound=Callable[..., Any])


def join_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, shown by --help in this order."""

    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


RECIPES_HELP = "AIMRecipes, instead of the recipes and AIMModels that ship with this program: file, folder or -."
PATH = click.Path(allow_dash=True)


class WholeNumber(click.IntRange):
    """An integer of a range, which errors call what people do."""

    name = "whole number"


FILE_OPTION = click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    type=PATH,
    help="AIMEndpoints, AIMCaches, and AIMRecipes, AIMModels and AIMGateways of your own: file, folder or - (standard "
    "input).",
)
CONFIG_OPTION = click.option("--config", type=click.Path(), help="The operator's settings, as in its ConfigMap.")
CONTEXT_OPTIONS = join_options(
    click.option(
        "--cluster",
        multiple=True,
        type=PATH,
        help="The cluster's Nodes with their ResourceSlices, AIMNodes or AIMInventory: file, folder or -. Left out, a "
        "cluster with everything.",
    ),
    click.option(
        "--hardware", multiple=True, metavar="PRODUCT", help="Instead of --cluster: one usual node of each such GPU."
    ),
    click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP),
    CONFIG_OPTION,
    click.option("-n", "--namespace", metavar="NAME", help="Namespace of objects that name none."),
)
CLUSTER_OPTIONS = join_options(
    click.option("--context", metavar="NAME", help="The kubeconfig's context to use."),
    click.option("--kubeconfig", type=click.Path(), help="The kubeconfig; else KUBECONFIG, else ~/.kube/config."),
)
LIVE_OPTION = click.option(
    "--live", is_flag=True, help="Take recipes, models, hardware and caches from the running cluster."
)


def output_option(*choices: str, help: str | None = None) -> Callable[[Command], Command]:  # noqa: A002 - as click has it
    return click.option("-o", "--output", type=click.Choice(choices), default=choices[0], show_default=True, help=help)


@contextmanager
def invalid_input_ends() -> Iterator[None]:
    """Turns errors of the input into CommandErrors."""
    try:
        yield
    except InvalidInputError as error:
        raise CommandError(str(error)) from error
    except RecursionError as error:
        raise CommandError("the input is nested too deeply") from error


def check_options(options: Mapping[str, Any], *, live: bool) -> None:
    """Refuses options that contradict each other."""
    if sum(paths.count("-") for paths in options.values() if isinstance(paths, tuple)) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    if live and (options.get("cluster") or options.get("hardware") or options["recipes"]):
        raise click.UsageError(
            "--cluster, --hardware and --recipes replace the running cluster; leave them out to use it"
        )
    if options.get("cluster") and options.get("hardware"):
        raise click.UsageError("--cluster and --hardware are two ways to describe a cluster; use one")
