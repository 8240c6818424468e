"""The commands on how endpoints scale."""

from pathlib import Path
from typing import Any

import click

from hooks.cli.endpoint_group import NAMESPACE_OPTIONS, READ_CLUSTER_CODES, complete_names, connect, parse_seconds
from hooks.cli.options import invalid_input_ends, output_option


@click.group(short_help="Compare ways to scale an endpoint.")
def scaling() -> None:
    """Compare ways to scale an endpoint by its own past."""


@scaling.command("replay", short_help="Replay recorded traffic against policies of scaling.", epilog=READ_CLUSTER_CODES)
@click.argument("name", required=False, shell_complete=complete_names)
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Recorded traffic instead of an endpoint's: CSV, of each line a second and the load from then on.",
)
@click.option("--prometheus", metavar="URL|NAMESPACE/SERVICE:PORT", help="Where Prometheus is, with NAME.")
@click.option("--since", callback=parse_seconds, default="14d", metavar="DURATION", help="Of the last 14d, or this.")
@click.option(
    "--startup",
    callback=parse_seconds,
    metavar="DURATION",
    help="How long a replica takes to start; status.startup of NAME when left out, else 10m.",
)
@click.option(
    "--capacity",
    type=click.FloatRange(min=0, min_open=True),
    metavar="LOAD",
    help="Load that one replica takes at full use, in the unit of the traffic; a twentieth of its peak when left out.",
)
@click.option(
    "--schedule",
    multiple=True,
    metavar="CRON,DURATION,REPLICAS[,ZONE]",
    help="At least so many replicas at these times, such as '0 8 * * 1-5,10h,4,Europe/Berlin'.",
)
@NAMESPACE_OPTIONS
@output_option("table", "json", "yaml")
def replay_command(name: str | None, path: Path | None, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Show how much load would have met too few replicas, and what they would have cost, by each policy.

    Traffic is that of the AIMEndpoint NAME in Prometheus, the requests that it had at once, or of a file. The cost is
    relative to the replicas that the load itself takes, without any room.
    """
    if (name is None) == (path is None):
        raise click.UsageError("state an endpoint or --file")
    if name and not options["prometheus"]:
        raise click.UsageError("the traffic of an endpoint is in Prometheus: state --prometheus, or --file")
    from hooks.cli import scaling_replay  # noqa: PLC0415 - when the command runs

    wanted = scaling_replay.ReplayOptions(
        options["output"], options["startup"], options["capacity"], tuple(options["schedule"])
    )
    with invalid_input_ends():
        if path:
            scaling_replay.replay_file(path, wanted)
        else:
            source = (options["prometheus"], options["since"])
            scaling_replay.replay_endpoint(connect(options), str(name), source, wanted)
