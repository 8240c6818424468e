"""The command `aim fleet`: GPUs by namespace and model, how they are used, and what would need fewer."""

from typing import NamedTuple

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from hooks.cli.cluster import LiveCluster
from hooks.cli.commands import CommandOptions, planned_endpoints
from hooks.cli.printing import Table, print_note, print_table, print_text, printed_as_data
from hooks.cli.tables import Cell
from hooks.planning.packing import Running, Suggestion, in_order, packing, running, saved_by, smaller, to_zero
from hooks.planning.plan_input import PlanInput

FLEET_HEAD = ("NAMESPACE", "MODEL", "HARDWARE", "GPUS", "READY", "IDLE", "KV CACHE", "GPU USE", "FREE MEMORY")
FLEET_OMISSIBLE = ("FREE MEMORY", "GPU USE", "HARDWARE")
SUGGESTION_HEAD = ("SAVES", "ENDPOINT", "COST", "SUGGESTION")
SUGGESTION_OMISSIBLE = ("COST",)
NOT_MEASURED = (
    "IDLE, KV CACHE and GPU USE are measured where spec.monitoring.enabled is true and the operator asks Prometheus "
    "(manifests/components/live-figures)"
)


class FleetOptions(NamedTuple):
    """What is planned with, and how it is printed."""

    output: str = "table"
    namespace: str | None = None
    config: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


def print_fleet(cluster: LiveCluster, options: FleetOptions) -> int:
    """Prints a row for each namespace and model, and suggestions, those that save most GPUs first."""
    place = f"/namespaces/{options.namespace}" if options.namespace else ""
    endpoints = cluster.read(f"/apis/{GROUP}/{VERSION}{place}/aimendpoints").get("items") or []
    found = list(running(endpoints))
    rows, suggested = packing(found), _suggestions(found, options)
    data: Raw = {"usage": rows, "suggestions": [one._asdict() for one in suggested]}
    if printed_as_data(options.output, lambda: data):
        return 0
    if not rows:
        print_note(f"{f'namespace {options.namespace}: ' if options.namespace else ''}no endpoint has GPUs")
        return 0
    print_table(Table(FLEET_HEAD, map(_row, rows), FLEET_OMISSIBLE))
    if not any("idleGpus" in row for row in rows):
        print_note(NOT_MEASURED)
    if suggested:
        print_text("\n")
        print_table(Table(SUGGESTION_HEAD, map(_suggestion_row, suggested), SUGGESTION_OMISSIBLE))
    return 0


def _suggestions(found: list[Running], options: FleetOptions) -> list[Suggestion]:
    """What the selection finds for each endpoint, were less requested."""
    tried = [(one, *other) for one in found if one.replicas for other in smaller(one)]
    planned = PlanInput(tuple(endpoint for _, _, endpoint, _ in tried), (), ())
    shared = CommandOptions(
        "table", live=True, config=options.config, context=options.context, kubeconfig=options.kubeconfig
    )
    responses = planned_endpoints(shared, planned)[1] if tried else []
    by_selection = (
        saved_by(one, words, patch, response.explanation.status)
        for (one, words, _, patch), response in zip(tried, responses, strict=True)
    )
    return in_order([*by_selection, *map(to_zero, found)])


def _row(data: Raw) -> tuple[Cell, ...]:
    percents = (data.get(name) for name in ("kvCacheUtilization", "gpuUtilization"))
    free = data.get("freeMemoryGiB")
    return (
        data["namespace"],
        data["model"],
        data["hardware"],
        data["gpus"],
        data["readyGpus"],
        data.get("idleGpus"),
        *(None if one is None else f"{one:.0f} %" for one in percents),
        None if free is None else f"{free} GiB",
    )


def _suggestion_row(one: Suggestion) -> tuple[Cell, ...]:
    return one.saves, f"{one.namespace}/{one.name}", one.cost, one.what
