"""The commands about an installation as a whole: doctor, fleet, images, usage, bug-report."""

from typing import Any

import click

from hooks.cli.endpoint_group import NAMESPACE_OPTIONS, READ_CLUSTER_CODES, connect, parse_seconds, run
from hooks.cli.options import CLUSTER_OPTIONS, CONFIG_OPTION, PATH, RECIPES_HELP, check_options, output_option

DOCTOR_EXIT_CODES = "Exit codes: 0; 1 when the cluster cannot be reached; 2 for bad input; 3 when there is a problem."


@click.command("doctor", short_help="Check an installation, and show what to do.", epilog=DOCTOR_EXIT_CODES)
@NAMESPACE_OPTIONS
@output_option("table", "json", "yaml")
def doctor_command(output: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Check versions, CRDs, controllers, webhooks, GPUs, recipes, storage and rights, each with what to do.

    What you may not read is unknown, and no problem.
    """
    from hooks.cli import doctor  # noqa: PLC0415 - when the command runs

    run(lambda: doctor.print_health(connect(options), output))


@click.command("bug-report", short_help="Write an archive to report a bug with, no secrets.", epilog=READ_CLUSTER_CODES)
@click.option("--file", type=click.Path(dir_okay=False), help="The tar.gz to write; a name with the time if left out.")
@click.option("--no-logs", is_flag=True, help="Leave out all logs.")
@NAMESPACE_OPTIONS
def bug_report_command(file: str | None, no_logs: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """Write an archive with the installation's state, the objects of a namespace, and logs of the operator and engines.

    Secrets are not read; values that may be secret, and what users sent to models, are hidden. Look through it first.
    """
    from hooks.cli import bug_report  # noqa: PLC0415 - when the command runs

    run(lambda: bug_report.write_report(connect(options), bug_report.ReportOptions(file, logs=not no_logs)))


@click.command("images", short_help="List every image of an installation.", epilog=READ_CLUSTER_CODES)
@click.option("--hardware", "products", multiple=True, metavar="PRODUCT", help="Engines for these GPU products alone.")
@click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP)
@CONFIG_OPTION
@click.option("--mirror", metavar="REGISTRY", help="Print commands that copy them to HOST[:PORT][/PATH].")
@click.option("--live", is_flag=True, help="Those of the running cluster, with the digests of what runs.")
@CLUSTER_OPTIONS
@output_option("table", "wide", "json", "yaml")
def images_command(live: bool, **options: Any) -> None:  # noqa: ANN401, FBT001
    """List the images of the operator, its Jobs, gateways and engines, for registries of your own and air gaps.

    Without --live: those that this release uses, for every GPU product that it knows.
    """
    check_options(options, live=live)
    if live and options["config"]:
        raise click.UsageError("--config replaces the settings of the running cluster; leave it out to use them")
    from hooks.cli import images  # noqa: PLC0415 - when the command runs

    place = {name: options.pop(name) for name in ("context", "kubeconfig")}
    wanted = images.ImageOptions(**options)
    run(lambda: images.print_images(wanted, connect({**place, "namespace": None}) if live else None))


@click.command("usage", short_help="Show GPU hours and tokens by namespace and model.", epilog=READ_CLUSTER_CODES)
@click.option("--since", callback=parse_seconds, default="24h", metavar="DURATION", help="Of the last 24h, or this.")
@click.option("--prometheus", metavar="URL|NAMESPACE/SERVICE:PORT", help="Where Prometheus is.")
@click.option("-n", "--namespace", metavar="NAME", help="Of this namespace alone; all if left out.")
@CLUSTER_OPTIONS
@output_option("table", "json", "yaml")
def usage_command(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Show how many GPU hours and tokens the models of each namespace used.

    Without --prometheus: GPUs by the time for which the pods that are there now run, and no tokens.
    """
    from hooks.cli import usage  # noqa: PLC0415 - when the command runs

    wanted = usage.UsageOptions(options["output"], options["namespace"], options["since"], options["prometheus"])
    run(lambda: usage.print_usage(connect(options), wanted))


@click.command("fleet", short_help="Show how GPUs are used, and what would need fewer.", epilog=READ_CLUSTER_CODES)
@click.option("-n", "--namespace", metavar="NAME", help="Of this namespace alone; all if left out.")
@CONFIG_OPTION
@CLUSTER_OPTIONS
@output_option("table", "json", "yaml")
def fleet_command(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Show the GPUs of each namespace and model, how they are used, and what would need fewer, most GPUs first.

    Suggestions are what the selection finds for a spec that requests less; -o json has the patch. Nothing is changed.
    """
    from hooks.cli import fleet_report  # noqa: PLC0415 - when the command runs

    run(lambda: fleet_report.print_fleet(connect(options), fleet_report.FleetOptions(**options)))


INSTALLATION_COMMANDS = (bug_report_command, doctor_command, fleet_command, images_command, usage_command)
"""All of them, for the program."""
