"""The commands that show the versions of an endpoint, and change which of them runs."""

import click

from hooks.cli.endpoint_group import DRY_RUN_OPTION, NAME_ARGUMENT, NAMESPACE_OPTIONS, READ_CLUSTER_CODES, RESULT_OPTION
from hooks.cli.options import WholeNumber, join_options, output_option

_of_endpoint = join_options(NAME_ARGUMENT, NAMESPACE_OPTIONS)
"""The argument and the options of each of them."""


@click.command(short_help="List the versions that an endpoint has had.", epilog=READ_CLUSTER_CODES)
@_of_endpoint
@output_option("table", "json", "yaml")
def history(name: str, output: str, **cluster: str | None) -> None:
    """List the last versions of the AIMEndpoint NAME: when each came, why, and how it ended."""
    from hooks.cli import version_commands  # noqa: PLC0415 - when the command runs

    version_commands.print_history(version_commands.EndpointPlace(name, **cluster), output)


@click.command(short_help="Let an earlier version of an endpoint run.", epilog=READ_CLUSTER_CODES)
@_of_endpoint
@click.argument("number", required=False, type=WholeNumber(min=1), metavar="[NUMBER]")
@click.option("--end", is_flag=True, help="Let what the spec states run again.")
@DRY_RUN_OPTION
@RESULT_OPTION
def rollback(
    name: str,
    number: int | None,
    output: str,
    end: bool,  # noqa: FBT001 - click's own
    dry_run: bool,  # noqa: FBT001
    **cluster: str | None,
) -> None:
    """Let the version NUMBER of the AIMEndpoint NAME run, as `aim history` lists it; the last good one without it.

    The spec stays as it is, and waits until --end.
    """
    if end and (number or dry_run):
        raise click.UsageError("--end returns to what the spec states; leave out NUMBER and --dry-run")
    from hooks.cli import version_commands  # noqa: PLC0415 - when the command runs

    place = version_commands.EndpointPlace(name, **cluster)
    if end:
        version_commands.end_rollback(place, output)
    else:
        version_commands.roll_back(place, number, output, dry_run=dry_run)


@click.command(short_help="Show, promote or end the canary of an endpoint.", epilog=READ_CLUSTER_CODES)
@_of_endpoint
@output_option("table", "json", "yaml", help="With --promote or --abort: the AIMEndpoint as it is then.")
@click.option("--promote", "action", flag_value="promote", help="Let the new version take over.")
@click.option("--abort", "action", flag_value="abort", help="Remove the new version.")
def canary(name: str, action: str | None, output: str, **cluster: str | None) -> None:
    """Show how far the canary of the AIMEndpoint NAME is and what was compared last, or decide it."""
    from hooks.cli import version_commands  # noqa: PLC0415 - when the command runs

    place = version_commands.EndpointPlace(name, **cluster)
    if action:
        version_commands.decide_canary(place, action, output)
    else:
        version_commands.print_canary(place, output)


VERSION_COMMANDS = (history, rollback, canary)
