"""Defines the command line: the hooks' responses for files, and explanations for a cluster.

Commands import what they need when they run, so that completion and `--help` are fast.
"""

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import ShellComplete, get_completion_class

from aimlib.errors import InvalidInputError
from hooks.cli.cache_group import cache
from hooks.cli.errors import OUTPUT_ERROR_CODE, CommandError

PROGRAM, PLUGIN = "aim", "kubectl-aim"
COMPLETION = "_AIM_COMPLETE"
EXIT_CODES = "Exit codes: 0; 1 when the cluster cannot be reached; 2 for bad input; 3 when nothing fits."

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, shown by --help in this order."""

    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


RECIPES_HELP = "AIMRecipes: file, folder or -. Left out, the ones shipped with this program."
PATH = click.Path(allow_dash=True)
FILE_OPTION = click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    type=PATH,
    help="AIMEndpoints, AIMCaches, and AIMRecipes of your own: file, folder or - (standard input).",
)
CONTEXT_OPTIONS = _options(
    click.option(
        "--cluster",
        multiple=True,
        type=PATH,
        help="The cluster's Nodes, AIMNodes or AIMInventory: file, folder or -. Left out, a cluster with everything.",
    ),
    click.option(
        "--hardware", multiple=True, metavar="PRODUCT", help="Instead of --cluster: one usual node of each such GPU."
    ),
    click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP),
    click.option("--config", type=click.Path(), help="The operator's settings, as in its ConfigMap."),
    click.option("-n", "--namespace", metavar="NAME", help="Namespace of objects that name none."),
)
CLUSTER_OPTIONS = _options(
    click.option("--context", metavar="NAME", help="The kubeconfig's context to use."),
    click.option("--kubeconfig", type=click.Path(), help="The kubeconfig; else KUBECONFIG, else ~/.kube/config."),
)
LIVE_OPTION = click.option("--live", is_flag=True, help="Take recipes, hardware and caches from the running cluster.")


def _output(*choices: str) -> Callable[[Command], Command]:
    return click.option("-o", "--output", type=click.Choice(choices), default=choices[0], show_default=True)


def _version(context: click.Context, _: click.Parameter, requested: bool) -> None:  # noqa: FBT001 - click's own signature
    if not requested or context.resilient_parsing:
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
    """Show what the AIM Engine operator would do, and why."""


@contextmanager
def _as_command_errors() -> Iterator[None]:
    """Turns errors of the input into CommandErrors."""
    try:
        yield
    except InvalidInputError as error:
        raise CommandError(str(error)) from error
    except RecursionError as error:
        raise CommandError("the input is nested too deeply") from error


def _check_options(options: Mapping[str, Any], *, live: bool) -> None:
    """Refuses options that contradict each other."""
    if sum(paths.count("-") for paths in options.values() if isinstance(paths, tuple)) > 1:
        raise click.UsageError("standard input (-) can be read only once")
    if live and (options.get("cluster") or options.get("hardware") or options["recipes"]):
        raise click.UsageError(
            "--cluster, --hardware and --recipes replace the running cluster; leave them out to use it"
        )
    if options.get("cluster") and options.get("hardware"):
        raise click.UsageError("--cluster and --hardware are two ways to describe a cluster; use one")


@cli.command("plan", short_help="Print what endpoints and caches in files would become, for kubectl apply.")
@FILE_OPTION
@CONTEXT_OPTIONS
@LIVE_OPTION
@CLUSTER_OPTIONS
@_output("yaml", "json", "table")
def plan_command(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Print the objects that AIMEndpoints and AIMCaches in files would become, for `kubectl apply -f -`.

    An endpoint that uses a cache is planned as if the cache had all its models.
    """
    if not options["paths"]:
        raise click.UsageError("name an AIMEndpoint or AIMCache: -f FILE")
    _check_options(options, live=options["live"])
    with _as_command_errors():
        from hooks.cli import commands  # noqa: PLC0415 - when the command runs

        sys.exit(commands.print_plan(commands.CommandOptions(**options)))


@cli.command(short_help="Show every candidate and why it was chosen or not.")
@click.argument("endpoint", nargs=-1)
@FILE_OPTION
@click.option("--model", "models", multiple=True, metavar="ID", help="A model that an endpoint requests, and no more.")
@CONTEXT_OPTIONS
@LIVE_OPTION
@click.option("--fresh", is_flag=True, help="Evaluate all candidates again instead of showing the stored decision.")
@CLUSTER_OPTIONS
@_output("table", "wide", "json", "yaml")
def explain(endpoint: tuple[str, ...], fresh: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Show every candidate with its rank or the reason against it.

    ENDPOINT is an AIMEndpoint of the running cluster (NAME or aimendpoint/NAME); with -f it is read from files.
    Without one, --model is enough.
    """
    if [bool(endpoint), bool(options["paths"]), bool(options["models"])].count(True) != 1:
        raise click.UsageError("name an AIMEndpoint: -f FILE, or its NAME in the running cluster; or a --model")
    _check_options(options, live=options["live"] or bool(endpoint))
    with _as_command_errors():
        from hooks.cli import commands  # noqa: PLC0415 - when the command runs

        sys.exit(commands.print_explanations(commands.CommandOptions(**options), endpoint, fresh=fresh))


@cli.group(invoke_without_command=True, short_help="List recipes; derive new ones, and check your own.")
@click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP)
@click.option("--live", is_flag=True, help="Those of the running cluster, and how many endpoints each serves.")
@CLUSTER_OPTIONS
@_output("table", "wide", "json", "yaml")
def recipes(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """List recipes."""
    if click.get_current_context().invoked_subcommand:
        return
    _check_options(options, live=options["live"])
    with _as_command_errors():
        from hooks.cli import commands  # noqa: PLC0415 - when the command runs

        sys.exit(commands.print_recipes(commands.CommandOptions(**options)))


@recipes.command(short_help="Print recipes for GPUs that a model has none for, to review.")
@click.option("--model", required=True, metavar="ID", help="The model, as endpoints request it.")
@click.option("--hardware", multiple=True, metavar="NAME", help="GPU products; left out, every known one.")
@click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP)
def derive(model: str, hardware: tuple[str, ...], recipes: tuple[str, ...]) -> None:
    """Print AIMRecipes that the operator derives for MODEL, to review, change and commit."""
    with _as_command_errors():
        from hooks.cli import recipe_commands  # noqa: PLC0415 - when the command runs

        sys.exit(recipe_commands.print_derived(model, hardware, recipes))


@recipes.command(short_help="Check AIMRecipes in files as the operator would.")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="FILE...")
def check(paths: tuple[str, ...]) -> None:
    """Check AIMRecipes: memory, degrees, and the flags of the engine. FILE is a file, a folder or -."""
    with _as_command_errors():
        from hooks.cli import recipe_commands  # noqa: PLC0415 - when the command runs

        sys.exit(recipe_commands.print_checked(paths))


@cli.group(short_help="Read the facts of a model that no recipe describes.")
def model() -> None:
    """Read the facts of a model that no recipe describes."""


@model.command(short_help="Print an AIMModel with the facts in a model's files.")
@click.argument("place", metavar="REPO|FOLDER")
@click.option("--as", "model_id", metavar="ID", help="The id that endpoints request; REPO when left out.")
@click.option("--revision", default="main", show_default=True, help="Branch, tag or commit of REPO.")
@click.option("--hub", metavar="URL", help="The hub or its mirror; else HF_ENDPOINT, else Hugging Face.")
def inspect(place: str, model_id: str | None, revision: str, hub: str | None) -> None:
    """Print an AIMModel with facts from the config.json and the safetensors files of REPO or FOLDER.

    Of the weights only sizes and headers are read. A token for gated models is found as for downloads (HF_TOKEN).
    """
    with _as_command_errors():
        from hooks.cli import model_commands  # noqa: PLC0415 - when the command runs

        sys.exit(model_commands.print_model(place, model_id, revision, hub))


@cli.command(short_help="Print a script for completion in a shell.")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete `aim`.

    In bash and zsh: source <(aim completion SHELL). In fish: aim completion fish | source.
    `kubectl aim` is completed by kubectl itself.
    """
    completion_class = get_completion_class(shell)
    click.echo(completion_class(cli, {}, PROGRAM, COMPLETION).source() if completion_class else "")


cli.add_command(cache)


def complete_for_kubectl() -> None:
    """Entry point `kubectl_complete-aim`, by which kubectl completes `kubectl aim`.

    It gets the arguments after `kubectl aim`, the last of them incomplete, and prints one completion with description
    per line, then a colon and a directive for the shell (source: kubernetes/enhancements, KEP 2379, and Cobra's
    directives).
    """
    *args, unfinished = sys.argv[1:] or [""]
    found = ShellComplete(cli, {}, PROGRAM, COMPLETION).get_completions(args, unfinished)
    for one in found:
        if one.type == "plain":
            click.echo(f"{one.value}\t{one.help}" if one.help else one.value)
    click.echo(f":{FILE_COMPLETION if any(one.type in {'file', 'dir'} for one in found) else NO_FILE_COMPLETION}")


FILE_COMPLETION, NO_FILE_COMPLETION = 0, 4
"""Cobra's directives: complete file names, too, or not."""


def main() -> None:
    """Entry point, as `aim` and as `kubectl aim`."""
    gc.disable()  # the process ends before a collection is worth it
    name = "kubectl aim" if Path(sys.argv[0]).name == PLUGIN else PROGRAM
    try:
        try:
            cli(prog_name=name, complete_var=COMPLETION)
        finally:
            sys.stdout.flush()
    except OSError as error:
        # What reads and connects has messages of its own: what is left is that the output cannot be written.
        with suppress(OSError):
            sys.stdout.close()  # else the interpreter tries to write it once more when it ends
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        sys.stderr.write(f"Error: the output cannot be written: {error.strerror}\n")
        sys.exit(OUTPUT_ERROR_CODE)


if __name__ == "__main__":
    main()
