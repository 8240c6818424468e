"""Defines the command line: the hooks' responses for files, explanations, and the endpoints of a cluster.

Commands import what they need when they run, so that completion and `--help` are fast.
"""

import gc
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.shell_completion import ShellComplete, get_completion_class

from hooks.cli.bench_group import bench_command
from hooks.cli.cache_group import cache, require_download_extra
from hooks.cli.endpoint_group import ENDPOINT_COMMANDS, READ_CLUSTER_CODES
from hooks.cli.errors import OUTPUT_ERROR_CODE
from hooks.cli.installation_group import INSTALLATION_COMMANDS
from hooks.cli.migrate_group import migrate
from hooks.cli.options import (
    CLUSTER_OPTIONS,
    CONTEXT_OPTIONS,
    FILE_OPTION,
    LIVE_OPTION,
    PATH,
    RECIPES_HELP,
    check_options,
    invalid_input_ends,
    output_option,
)
from hooks.cli.recipe_group import recipes
from hooks.cli.scaling_group import scaling
from hooks.cli.source_options import CLAIM_FOLDER, server_options
from hooks.cli.version_group import VERSION_COMMANDS

PROGRAM, PLUGIN, COMPLETION = "aim", "kubectl-aim", "_AIM_COMPLETE"
INSPECT_EXIT_CODES = """Exit codes: 0; 2 for bad input. With --report: 60 no safetensors files, 61 a config.json that
cannot be read, and those of aim cache download."""
EXIT_CODES = "Exit codes: 0; 1 when the cluster cannot be reached; 2 for bad input; 3 when nothing fits."


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
    """Serve models on a cluster with the AIM Engine operator, and see what it does and why."""


@cli.command(
    "plan",
    short_help="Print what endpoints and caches in files would become, for kubectl apply.",
    epilog=EXIT_CODES,
)
@FILE_OPTION
@CONTEXT_OPTIONS
@LIVE_OPTION
@CLUSTER_OPTIONS
@click.option(
    "--compare",
    multiple=True,
    type=PATH,
    metavar="PATH|LIVE",
    help="With -o markdown: what is different from these files, or from the running cluster.",
)
@output_option("yaml", "json", "table", "markdown")
def plan_command(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Print the objects that AIMEndpoints and AIMCaches in files would become, for `kubectl apply -f -`.

    An endpoint that uses a cache is planned as if the cache had all its models. As Markdown, it is the decisions
    instead, for a comment on a change.
    """
    if not options["paths"]:
        raise click.UsageError("name an AIMEndpoint or AIMCache: -f FILE")
    if options["compare"] and options["output"] != "markdown":
        raise click.UsageError("--compare is for -o markdown")
    check_options(options, live=options["live"])
    with invalid_input_ends():
        from hooks.cli import commands, decision_commands  # noqa: PLC0415 - when the command runs

        printed = decision_commands.print_decisions if options["output"] == "markdown" else commands.print_plan
        sys.exit(printed(commands.CommandOptions(**options)))


@cli.command(short_help="Show every candidate and why it was chosen or not.", epilog=EXIT_CODES)
@click.argument("endpoint", nargs=-1)
@FILE_OPTION
@click.option("--model", "models", multiple=True, metavar="ID", help="A model that an endpoint requests, and no more.")
@CONTEXT_OPTIONS
@LIVE_OPTION
@click.option("--fresh", is_flag=True, help="Evaluate all candidates again instead of showing the stored decision.")
@click.option("--scaling", is_flag=True, help="Show what its autoscaler measured and wants instead, in the cluster.")
@CLUSTER_OPTIONS
@output_option("table", "wide", "json", "yaml")
def explain(endpoint: tuple[str, ...], fresh: bool, scaling: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Show every candidate with its rank or the reason against it.

    ENDPOINT is an AIMEndpoint of the running cluster (NAME or aimendpoint/NAME); with -f it is read from files.
    Without one, --model is enough; -f then has recipes and models of your own.
    """
    if bool(endpoint) == bool(options["paths"] or options["models"]):
        raise click.UsageError("name an AIMEndpoint: -f FILE, or its NAME in the running cluster; or a --model")
    if scaling and not endpoint:
        raise click.UsageError("--scaling is of an AIMEndpoint of the running cluster: state its NAME")
    check_options(options, live=options["live"] or bool(endpoint))
    with invalid_input_ends():
        from hooks.cli import commands  # noqa: PLC0415 - when the command runs

        if scaling:
            sys.exit(commands.print_scaling(commands.CommandOptions(**options), endpoint))
        sys.exit(commands.print_explanations(commands.CommandOptions(**options), endpoint, fresh=fresh))


@cli.command("models", short_help="List the models that can be served.", epilog=READ_CLUSTER_CODES)
@click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP)
@click.option("--live", is_flag=True, help="Those of the running cluster, with the GPUs that it has.")
@CLUSTER_OPTIONS
@output_option("table", "json", "yaml")
def models_command(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """List the models that recipes serve, with their hardware; others are derived where a model is described."""
    check_options(options, live=options["live"])
    with invalid_input_ends():
        from hooks.cli import commands, model_list  # noqa: PLC0415 - when the command runs

        sys.exit(model_list.print_model_list(commands.CommandOptions(**options)))


@cli.group(short_help="Read the facts of a model that no recipe describes.")
def model() -> None:
    """Read the facts of a model that no recipe describes."""


@model.command(short_help="Print an AIMModel with the facts in a model's files.", epilog=INSPECT_EXIT_CODES)
@click.argument("place", metavar="REPO|FOLDER|SOURCE")
@click.option("--as", "model_id", metavar="ID", help="The id that endpoints request; REPO when left out.")
@server_options
@CLAIM_FOLDER
@click.option("--revision", default="main", show_default=True, metavar="NAME", help="Branch, tag or commit of REPO.")
@click.option("--hub", metavar="URL", help="The hub or its mirror; else HF_ENDPOINT, else Hugging Face.")
@click.option(
    "--report", "reports", metavar="NAME", help="Report to this ConfigMap in POD_NAMESPACE, as Jobs do; print nothing."
)
@output_option("yaml", "json", "table")
def inspect(*, reports: str | None, output: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Print an AIMModel with facts from the config.json and the safetensors files of REPO, FOLDER or SOURCE.

    Of the weights only sizes and headers are read. SOURCE is one of an AIMCache, such as s3://bucket/folder, and needs
    --as. Tokens and keys are found as for downloads. Of pvc://claim/folder it reads below --source-folder.
    """
    with invalid_input_ends(), require_download_extra():
        from hooks.cli import model_commands  # noqa: PLC0415 - when the command runs

        if reports:
            del options["hub"]  # Jobs are told by HF_ENDPOINT
            sys.exit(model_commands.report_model(reports=reports, **options))
        sys.exit(model_commands.print_model(output=output, **options))


@cli.command(short_help="Print a script for completion in a shell.")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete `aim`.

    In bash and zsh: source <(aim completion SHELL). In fish: aim completion fish | source.
    `kubectl aim` is completed by kubectl itself.
    """
    completion_class = get_completion_class(shell)
    click.echo(completion_class(cli, {}, PROGRAM, COMPLETION).source() if completion_class else "")


TOP_COMMANDS = (
    cache,
    migrate,
    recipes,
    bench_command,
    scaling,
    *ENDPOINT_COMMANDS,
    *VERSION_COMMANDS,
    *INSTALLATION_COMMANDS,
)
cli.commands.update({str(one.name): one for one in TOP_COMMANDS})


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
