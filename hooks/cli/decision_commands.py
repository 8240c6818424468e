"""Prints the decisions of files as Markdown, beside those of other files or of the running cluster."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aimlib.api.meta import Raw
from hooks.cli import files
from hooks.cli.commands import CommandOptions, planned_endpoints
from hooks.cli.decision_report import decisions, markdown_report
from hooks.cli.errors import NOTHING_FITS_CODE
from hooks.cli.printing import print_text

if TYPE_CHECKING:
    from hooks.planning.plan import EndpointResponse

LIVE = "LIVE"
"""The word of --compare for the running cluster."""


def print_decisions(options: CommandOptions) -> int:
    """Prints what is decided for endpoints as Markdown, and what is different from before where that is named."""
    plan_input = files.read_plan_input(options.paths, options.namespace, ("AIMEndpoint", "AIMCache"))
    before: Sequence[EndpointResponse] = ()
    if options.compare == (LIVE,):
        live = {_name_of(one): one for one in options.connect().all("aimendpoints")}
        running = [live[name] for one in plan_input.endpoints if (name := _name_of(one)) in live]
        plan_input = plan_input._replace(endpoints=tuple(_as_applied(one, live) for one in plan_input.endpoints))
        _, before = planned_endpoints(options, plan_input._replace(endpoints=tuple(running)))
    elif options.compare:
        former = files.read_plan_input(options.compare, options.namespace, ())
        _, before = planned_endpoints(options, former)
    context, after = planned_endpoints(options, plan_input)
    caches = [context.plan_cache(cache, after) for cache in plan_input.caches]
    print_text(markdown_report(decisions(before, after), caches, compared=bool(options.compare)))
    fitting = [one.explanation.fits for one in after] + [one.fits for one in caches]
    return 0 if all(fitting) else NOTHING_FITS_CODE


def _name_of(one: Raw) -> tuple[str, str]:
    return one["metadata"].get("namespace", "default"), one["metadata"]["name"]


def _as_applied(endpoint: Raw, live: Mapping[tuple[str, str], Raw]) -> Raw:
    """An endpoint of the files as it would be once it is applied: with its status, and so with what is pinned."""
    found = live.get(_name_of(endpoint))
    if found is None:
        return endpoint
    return {**endpoint, "metadata": {**found["metadata"], **endpoint["metadata"]}, "status": found.get("status") or {}}
