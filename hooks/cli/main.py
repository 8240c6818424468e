"""The command line: the hooks' own answers for files, and their explanations for a cluster.

What a command needs is imported when it runs, so that completion and `--help` answer at once.
"""

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import ShellComplete, get_completion_class

from aimlib.errors import InvalidInputError
from hooks.cli.cache_group import cache
from hooks.cli.errors import CommandError

PROGRAM, PLUGIN = "aim", "kubectl-aim"
COMPLETION = "_AIM_COMPLETE"
EXIT_CODES = "Exit codes: 0; 1 when the cluster cannot be asked; 2 for bad input; 3 when nothing fits."

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(*made: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, shown by --help in this order."""

    def apply(command: Command) -> Command:
        for one in reversed(made):
            command = one(command)
        return command

    return apply


RECIPES_HELP = "AIMRecipes: file, folder or -. Left out, the ones shipped with this program."
PLACE = click.Path(allow_dash=True)
FILES = click.option(
    "-f",
    "--filename",
    "places",
    multiple=True,
    type=PLACE,
    help="AIMEndpoints, AIMCaches, and AIMRecipes of your own: file, folder or - (standard input).",
)
SURROUNDINGS = _options(
    click.option(
        "--cluster",
        multiple=True,
        type=PLACE,
        help="The cluster's Nodes, AIMNodes or AIMInventory: file, folder or -. Left out, a cluster with everything.",
    ),
    click.option("--recipes", multiple=True, type=PLACE, help=RECIPES_HELP),
    click.option("--config", type=click.Path(), help="The operator's settings, as in its ConfigMap."),
    click.option("-n", "--namespace", metavar="NAME", help="Namespace of objects that name none."),
)
CLUSTER = _options(
    click.option("--context", metavar="NAME", help="The kubeconfig's context to use."),
    click.option("--kubeconfig", type=click.Path(), help="The kubeconfig; else KUBECONFIG, else ~/.kube/config."),
)
LIVE = click.option("--live", is_flag=True, help="Take recipes, hardware and caches from the running cluster.")


def _output(*choices: str) -> Callable[[Command], Command]:
    return click.option("-o", "--output", type=click.Choice(choices), default=choices[0], show_default=True)


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's own signature
    if not wanted or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow, and rarely asked for

    try:
        click.echo(f"aim {version('aim-engine-operator')}")
    except PackageNotFoundError:
        click.echo("aim, not installed: run from its sources")
    context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EXIT_CODES)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def cli() -> None:
    """See what the AIM Engine operator would do, and why."""


@contextmanager
def _sentences() -> Iterator[None]:
    """What is wrong with the input as sentences and an exit code."""
    try:
        yield
    except InvalidInputError as error:
        raise CommandError(str(error)) from error
    except RecursionError as error:
        raise CommandError("the input is nested too deeply") from error


def _consistent(options: Mapping[str, Any], *, live: bool) -> None:
    """Refuse options that contradict each other, rather than ignore one of them."""
    if sum(places.count("-") for places in options.values() if isinstance(places, tuple)) > 1:
        raise click.UsageError("standard input (-) can be read once only")
    if live and (options.get("cluster") or options["recipes"]):
        raise click.UsageError("--cluster and --recipes stand in for the running cluster; leave them out to ask that")


@cli.command(short_help="Print what endpoints and caches in files would become, for kubectl apply.")
@FILES
@SURROUNDINGS
@LIVE
@CLUSTER
@_output("yaml", "json", "table")
def plan(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Print the objects that AIMEndpoints and AIMCaches in files would become, for `kubectl apply -f -`.

    An endpoint that uses a cache is planned as if the cache had all its models.
    """
    if not options["places"]:
        raise click.UsageError("say which AIMEndpoint or AIMCache: -f FILE")
    _consistent(options, live=options["live"])
    with _sentences():
        from hooks.cli import commands  # noqa: PLC0415 - when the command runs

        sys.exit(commands.plan(commands.Options(**options)))


@cli.command(short_help="Show every candidate and why it was chosen or not.")
@click.argument("endpoint", nargs=-1)
@FILES
@SURROUNDINGS
@LIVE
@click.option("--fresh", is_flag=True, help="Decide anew instead of showing what was stored with the decision.")
@CLUSTER
@_output("table", "wide", "json", "yaml")
def explain(endpoint: tuple[str, ...], fresh: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Show every candidate with its rank or the reason against it.

    ENDPOINT is an AIMEndpoint of the running cluster (NAME or aimendpoint/NAME); with -f it is read from files.
    """
    if bool(endpoint) == bool(options["places"]):
        raise click.UsageError("say which AIMEndpoint: -f FILE, or its NAME in the running cluster")
    _consistent(options, live=options["live"] or bool(endpoint))
    with _sentences():
        from hooks.cli import commands  # noqa: PLC0415 - when the command runs

        sys.exit(commands.explain(commands.Options(**options), endpoint, fresh=fresh))


@cli.command(short_help="List recipes, and how many endpoints use each.")
@click.option("--recipes", multiple=True, type=PLACE, help=RECIPES_HELP)
@click.option("--live", is_flag=True, help="Those of the running cluster, and how many endpoints each serves.")
@CLUSTER
@_output("table", "wide", "json", "yaml")
def recipes(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """List recipes."""
    _consistent(options, live=options["live"])
    with _sentences():
        from hooks.cli import commands  # noqa: PLC0415 - when the command runs

        sys.exit(commands.recipes(commands.Options(**options)))


@cli.command(short_help="Print a script for completion in a shell.")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete `aim`.

    In bash and zsh: source <(aim completion SHELL). In fish: aim completion fish | source.
    `kubectl aim` is completed by kubectl itself.
    """
    made = get_completion_class(shell)
    click.echo(made(cli, {}, PROGRAM, COMPLETION).source() if made else "")


cli.add_command(cache)


def complete_for_kubectl() -> None:
    """Entry point `kubectl_complete-aim`, by which kubectl completes `kubectl aim`.

    It is given the words after `kubectl aim`, the last of them unfinished, and prints a completion with its description
    per line, and then a colon and what the shell shall do besides (source: kubernetes/enhancements, KEP 2379, and
    Cobra's directives).
    """
    *words, unfinished = sys.argv[1:] or [""]
    found = ShellComplete(cli, {}, PROGRAM, COMPLETION).get_completions(words, unfinished)
    for one in found:
        if one.type == "plain":
            click.echo(f"{one.value}\t{one.help}" if one.help else one.value)
    click.echo(f":{DEFAULT if any(one.type in {'file', 'dir'} for one in found) else NO_FILES}")


DEFAULT, NO_FILES = 0, 4
"""Cobra's directives: also complete file names, or don't."""


def main() -> None:
    """Entry point, as `aim` and as `kubectl aim`."""
    gc.disable()  # the process ends before there is garbage worth collecting
    name = "kubectl aim" if Path(sys.argv[0]).name == PLUGIN else PROGRAM
    cli(prog_name=name, complete_var=COMPLETION)


if __name__ == "__main__":
    main()
