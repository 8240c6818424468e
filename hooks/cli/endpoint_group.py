"""The commands on what runs in the cluster: run, chat, status, top, logs, url, switch, scale, stop, start and so on."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from hooks.cli.errors import CommandError
from hooks.cli.options import CLUSTER_OPTIONS, WholeNumber, invalid_input_ends, join_options, output_option

if TYPE_CHECKING:
    from hooks.cli.cluster import LiveCluster

READ_CLUSTER_CODES = "Exit codes: 0; 1 when the cluster cannot be reached, or refuses; 2 for bad input."
WAIT_EXIT_CODES = """Exit codes: 0 when it is ready, or stopped as requested; 3 when nothing fits; 4 when it failed,
with the reason; 124 when the time is over; 1 when the cluster cannot be reached, or refuses; 2 for bad input."""


def parse_seconds(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """Parses a duration."""
    from aimlib.kube.duration import InvalidDurationError, parse_duration  # noqa: PLC0415 - when a command runs

    try:
        return None if text is None else parse_duration(text)
    except InvalidDurationError as error:
        raise click.BadParameter(str(error)) from error


def _model_id(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Refuses what is no id of a model, before a cluster is asked."""
    from aimlib.api.formats import MODEL_ID  # noqa: PLC0415 - when a command runs

    if text is not None and not MODEL_ID.matches(text):
        raise click.BadParameter(f"{text!r} {MODEL_ID.message}")
    return text


def connect(options: dict[str, Any]) -> "LiveCluster":
    """Connects, by the options that all these commands have."""
    from hooks.cli import cluster  # noqa: PLC0415 - the client takes a second to import

    return cluster.LiveCluster(*(options[name] for name in ("context", "kubeconfig", "namespace")))


def complete_names(context: click.Context, _: click.Parameter, unfinished: str) -> list[CompletionItem]:
    """The names of endpoints in the cluster; none where it cannot be reached."""
    options = {name: context.params.get(name) for name in ("context", "kubeconfig", "namespace")}
    try:
        found = [one["metadata"]["name"] for one in connect(options).endpoints()]
    except CommandError:
        return []
    return [CompletionItem(name) for name in sorted(found) if name.startswith(unfinished)]


def complete_models(_: click.Context, __: click.Parameter, unfinished: str) -> list[CompletionItem]:
    """The models that the shipped recipes serve."""
    from hooks.cli import files  # noqa: PLC0415 - when a shell asks

    found = files.recipe_catalogue(files.read_sources([files.shipped_recipes()]))
    return [CompletionItem(name) for name in sorted({one["spec"]["modelId"] for one in found}) if unfinished in name]


NAMESPACE_OPTIONS = join_options(
    click.option("-n", "--namespace", metavar="NAME", help="Namespace; that of the kubeconfig's context if left out."),
    CLUSTER_OPTIONS,
)
NAME_ARGUMENT = click.argument("name", shell_complete=complete_names)
MODEL_ARGUMENT = click.argument("model", metavar="MODEL", callback=_model_id, shell_complete=complete_models)
REQUEST_OPTIONS = join_options(
    click.option("--gpus", type=WholeNumber(0, 64), metavar="N", help="GPUs per replica; 0 for CPUs."),
    click.option("--precision", metavar="NAME", help="Format of the weights: bf16, fp8, fp4, …"),
    click.option("--hardware", multiple=True, metavar="PRODUCT", help="GPUs that will do, such as MI300X."),
    click.option("--goal", type=click.Choice(("latency", "throughput", "cost")), help="What to rank candidates by."),
)
TIMEOUT_OPTION = click.option(
    "--timeout", callback=parse_seconds, metavar="DURATION", help="Wait no longer than this, such as 30m."
)
DETACH_OPTION = click.option("-d", "--detach", is_flag=True, help="Do not wait until it is ready.")
DRY_RUN_OPTION = click.option("--dry-run", is_flag=True, help="Show what it will mean, and change nothing.")
RESULT_OPTION = output_option("table", "json", "yaml", help="json, yaml: the AIMEndpoint as it is then.")
WAIT_OPTIONS = join_options(DETACH_OPTION, TIMEOUT_OPTION, DRY_RUN_OPTION)


def run(call: Callable[[], int]) -> None:
    """Ends the program with what a command returns."""
    with invalid_input_ends():
        sys.exit(call())


@click.command("run", short_help="Serve a model, wait until it is ready, and chat with it.", epilog=WAIT_EXIT_CODES)
@MODEL_ARGUMENT
@click.option("--name", metavar="NAME", help="Name of the AIMEndpoint; the last part of MODEL if left out.")
@REQUEST_OPTIONS
@click.option("-d", "--detach", is_flag=True, help="Neither wait nor chat.")
@TIMEOUT_OPTION
@click.option("--dry-run", is_flag=True, help="Print the AIMEndpoint, and create nothing.")
@NAMESPACE_OPTIONS
@RESULT_OPTION
def run_command(model: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Create an AIMEndpoint for MODEL, an id on the Hugging Face Hub, and chat when it is ready.

    What is selected is shown first, and what nothing fits is not created. With -o json or yaml there is no chat.
    """
    from hooks.cli import endpoint_commands  # noqa: PLC0415 - when the command runs

    run(lambda: endpoint_commands.run_model(connect(options), model, options))


@click.command("chat", short_help="Chat with a model that is served.", epilog=READ_CLUSTER_CODES)
@click.argument("name", metavar="NAME|MODEL", shell_complete=complete_names)
@click.option("-p", "--prompt", metavar="TEXT", help="Ask this and end; else what is piped in, else a conversation.")
@NAMESPACE_OPTIONS
def chat_command(name: str, prompt: str | None, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Chat with the AIMEndpoint NAME, or one that serves MODEL, through the API server of the cluster.

    Answers go to standard output; how fast they were, to standard error. Ctrl-C stops an answer.
    """
    from hooks.cli import conversation  # noqa: PLC0415 - when the command runs

    def chat() -> int:
        cluster = connect(options)
        opened = conversation.Chat(cluster, conversation.find_name(cluster, name))
        if prompt is None and sys.stdin.isatty():
            opened.converse()
        else:
            opened.ask(sys.stdin.read() if prompt is None else prompt)
        return 0

    run(chat)


@click.command("status", short_help="Show the endpoints, or one of them on one screen.", epilog=READ_CLUSTER_CODES)
@click.argument("name", required=False, shell_complete=complete_names)
@click.option("-w", "--watch", is_flag=True, help="Show it again whenever something changed.")
@NAMESPACE_OPTIONS
@output_option("table", "json", "yaml")
def status_command(name: str | None, output: str, watch: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Show the AIMEndpoints of a namespace, or of NAME: phase and why, replicas, figures and last events."""
    from hooks.cli import endpoint_reports  # noqa: PLC0415 - when the command runs

    run(lambda: endpoint_reports.print_status(connect(options), name, output, watch=watch))


@click.command("top", short_help="Show the load of the endpoints.", epilog=READ_CLUSTER_CODES)
@click.option("-w", "--watch", is_flag=True, help="Show it again whenever something changed.")
@NAMESPACE_OPTIONS
@output_option("table", "json", "yaml")
def top_command(output: str, watch: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Show requests, tokens, queue, KV cache and GPU use of the AIMEndpoints of a namespace, from their status."""
    from hooks.cli import endpoint_reports  # noqa: PLC0415 - when the command runs

    run(lambda: endpoint_reports.print_load(connect(options), output, watch=watch))


@click.command("logs", short_help="Show an engine's log, with the first cause of its end.", epilog=READ_CLUSTER_CODES)
@NAME_ARGUMENT
@click.option("--previous", is_flag=True, help="The log of the run before the last restart.")
@click.option(
    "--tail", type=WholeNumber(1, 100_000), metavar="N", default=500, show_default=True, help="Lines, the last ones."
)
@NAMESPACE_OPTIONS
@output_option("table", "json", "yaml")
def logs_command(name: str, previous: bool, tail: int, output: str, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Show the log of a replica of NAME. The line with the first cause begins with >>>."""
    from hooks.cli import endpoint_reports  # noqa: PLC0415 - when the command runs

    run(lambda: endpoint_reports.print_log(connect(options), name, tail, output, previous=previous))


@click.command("url", short_help="Show the address of an endpoint.", epilog=READ_CLUSTER_CODES)
@NAME_ARGUMENT
@click.option("--openai", is_flag=True, help="The variables of OpenAI's clients, for a shell's eval.")
@NAMESPACE_OPTIONS
@output_option("table", "json", "yaml")
def url_command(name: str, openai: bool, output: str, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Show the base URL of NAME: that from outside where there is one, else the one inside the cluster."""
    from hooks.cli import endpoint_reports  # noqa: PLC0415 - when the command runs

    run(lambda: endpoint_reports.print_url(connect(options), name, output, openai=openai))


@click.command("switch", short_help="Serve another model, or the same otherwise.", epilog=WAIT_EXIT_CODES)
@NAME_ARGUMENT
@click.argument("model", required=False, callback=_model_id, shell_complete=complete_models)
@REQUEST_OPTIONS
@WAIT_OPTIONS
@NAMESPACE_OPTIONS
@RESULT_OPTION
def switch_command(name: str, model: str | None, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Make the AIMEndpoint NAME serve MODEL, or the same model with other GPUs, precision, hardware or goal.

    What it will mean is shown first, and what nothing fits is not applied.
    """
    if not (model or options["hardware"] or any(options[key] is not None for key in ("gpus", "precision", "goal"))):
        raise click.UsageError("name a MODEL, or what to change: --gpus, --precision, --hardware or --goal")
    from hooks.cli import endpoint_commands  # noqa: PLC0415 - when the command runs

    run(lambda: endpoint_commands.switch_endpoint(connect(options), name, model, options))


def _scale(name: str, replicas: int, options: dict[str, Any]) -> None:
    from hooks.cli import endpoint_commands as commands  # noqa: PLC0415 - when the command runs

    run(lambda: commands.scale_endpoint(connect(options), name, replicas, commands.manner_of(options)))


@click.command("scale", short_help="Change the number of replicas.", epilog=WAIT_EXIT_CODES)
@NAME_ARGUMENT
@click.argument("replicas", type=WholeNumber(0, 1000))
@WAIT_OPTIONS
@NAMESPACE_OPTIONS
@RESULT_OPTION
def scale_command(name: str, replicas: int, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Change the number of replicas of NAME, and show what that means in GPUs."""
    _scale(name, replicas, options)


@click.command("stop", short_help="Stop an endpoint: no replicas, no GPUs.", epilog=WAIT_EXIT_CODES)
@NAME_ARGUMENT
@WAIT_OPTIONS
@NAMESPACE_OPTIONS
@RESULT_OPTION
def stop_command(name: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Stop NAME. Its configuration and its models stay, and `aim start` starts it again."""
    _scale(name, 0, options)


@click.command("start", short_help="Start an endpoint that is stopped.", epilog=WAIT_EXIT_CODES)
@NAME_ARGUMENT
@WAIT_OPTIONS
@NAMESPACE_OPTIONS
@RESULT_OPTION
def start_command(name: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Start NAME with one replica, or as many as its autoscaler has at least."""
    from hooks.cli import endpoint_commands as commands  # noqa: PLC0415 - when the command runs

    run(lambda: commands.start_endpoint(connect(options), name, commands.manner_of(options)))


@click.command("wait", short_help="Wait until an endpoint is ready.", epilog=WAIT_EXIT_CODES)
@NAME_ARGUMENT
@TIMEOUT_OPTION
@NAMESPACE_OPTIONS
@RESULT_OPTION
def wait_command(name: str, timeout: int | None, output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Wait until NAME is ready, and end at once when it will not be: for pipelines, where kubectl wait waits on."""
    from hooks.cli import endpoint_commands as commands  # noqa: PLC0415 - when the command runs

    manner = commands.Manner(output, timeout=timeout)
    run(lambda: commands.wait_and_print(connect(options), name, manner))


@click.command("ui", short_help="Open the web page of the cluster.", epilog=READ_CLUSTER_CODES)
@click.option(
    "--port", type=WholeNumber(0, 65535), metavar="N", default=0, help="Port of this machine; a free one if left out."
)
@click.option("--open", "launch", is_flag=True, help="Open it in a browser.")
@click.option(
    "-n", "--namespace", metavar="NAME", default="aim-system", show_default=True, help="That of the operator."
)
@CLUSTER_OPTIONS
def ui_command(port: int, launch: bool, **options: Any) -> None:  # noqa: FBT001, ANN401 - click's parameters
    """Forward a port of this machine to the web page, and print the address with which a browser opens it.

    Takes the right to forward ports in the namespace of the operator. The page is read-only.
    """
    from hooks.cli import web_relay  # noqa: PLC0415 - when the command runs

    run(lambda: web_relay.serve_page(connect(options), port, launch=launch))


ENDPOINT_COMMANDS = (
    run_command,
    chat_command,
    status_command,
    top_command,
    logs_command,
    url_command,
    switch_command,
    scale_command,
    stop_command,
    start_command,
    wait_command,
    ui_command,
)
"""All of them, for the program."""
