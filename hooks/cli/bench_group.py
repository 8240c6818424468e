"""The command `aim bench`, as it is called."""

from typing import Any

import click

from hooks.cli.endpoint_group import DRY_RUN_OPTION, NAME_ARGUMENT, NAMESPACE_OPTIONS, connect, parse_seconds, run
from hooks.cli.options import WholeNumber, output_option

BENCH_EXIT_CODES = """Exit codes: 0; 1 when the cluster cannot be reached, or refuses; 2 for bad input; 4 when the load
failed, with the last lines of its log; 124 when the time is over."""


@click.command("bench", short_help="Measure an endpoint by a short load.", epilog=BENCH_EXIT_CODES)
@NAME_ARGUMENT
@click.option(
    "--workload", metavar="IN/OUT@N", help="Tokens in and out @ requests at once; the endpoint's if left out."
)
@click.option("--requests", type=WholeNumber(1, 4096), metavar="N", help="Requests in all; four rounds if left out.")
@click.option(
    "--timeout", callback=parse_seconds, default="15m", metavar="DURATION", show_default=True, help="At most."
)
@click.option("--write", is_flag=True, help="Print an entry of `measurements` for the recipe, the table aside.")
@DRY_RUN_OPTION
@NAMESPACE_OPTIONS
@output_option("table", "json", "yaml")
def bench_command(name: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Measure one replica of NAME: time to first token, time between tokens, and throughput, beside the expected.

    A Job runs the load generator in the engine's own image, on the node of the replica, and is removed afterwards.
    With --dry-run it is printed.
    """
    from hooks.cli import bench  # noqa: PLC0415 - when the command runs

    workload = bench.parse_workload(options["workload"]) if options["workload"] else None
    kept = {key: options[key] for key in ("output", "requests", "write", "dry_run")}
    chosen = bench.BenchOptions(workload=workload, seconds=options["timeout"], **kept)
    run(lambda: bench.run_bench(connect(options), name, chosen))
