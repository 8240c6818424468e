"""Shows the versions of an endpoint of a running cluster, and writes the annotations that choose among them."""

from collections.abc import Mapping
from typing import NamedTuple

from aimlib.api.canary import CanaryStatus
from aimlib.api.history import HistoryEntry
from aimlib.api.meta import Raw
from aimlib.canary.step import ENDED
from aimlib.naming import ABORT_ANNOTATION, PROMOTE_ANNOTATION, ROLLBACK_ANNOTATION
from aimlib.schema.parsing import parse_as
from aimlib.selection.candidates import format_gpus
from hooks.cli.cluster import LiveCluster
from hooks.cli.endpoint_progress import patched
from hooks.cli.errors import CommandError
from hooks.cli.formats import as_list
from hooks.cli.printing import Table, print_note, print_table, printed_as_data
from hooks.cli.terminal import show_sentence
from hooks.cli.versions import VERSION_HEAD, canary_text, version_row
from hooks.endpoint.history import present, read_history

ANNOTATIONS: Mapping[str, str] = {"promote": PROMOTE_ANNOTATION, "abort": ABORT_ANNOTATION}
"""By what is decided about a canary."""


class EndpointPlace(NamedTuple):
    """An AIMEndpoint of a running cluster."""

    name: str
    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None

    @property
    def cluster(self) -> LiveCluster:
        return LiveCluster(self.context, self.kubeconfig, self.namespace)


def print_history(place: EndpointPlace, output: str = "table") -> None:
    """Prints the versions, the latest last."""
    entries = _entries(place.cluster.endpoint(place.name))
    if not entries:
        raise CommandError(f"{place.name}: no version is recorded yet")
    if not printed_as_data(output, lambda: as_list(one.wire() for one in entries)):
        print_table(Table(VERSION_HEAD, map(version_row, entries), ("READY",)))


def roll_back(place: EndpointPlace, number: int | None, output: str, *, dry_run: bool = False) -> None:
    """Requests an earlier version by its number, else the last that was ready. CommandError where there is none."""
    cluster = place.cluster
    endpoint = cluster.endpoint(place.name)
    entries = _entries(endpoint)
    serving = present(entries)
    kept = {entry.number for entry in entries if entry.stated and entry is not serving}
    good = [entry.number for entry in entries if entry.ready and entry.number in kept]
    chosen = number or max(good, default=None)
    if chosen not in kept:
        what = f"version {number}" if number else "earlier version that was ready"
        listed = f"; there are: {', '.join(map(str, sorted(kept)))}" if kept else ", nor any other"
        raise CommandError(f"{place.name}: there is no {what} to return to{listed}")
    [entry] = [one for one in entries if one.number == chosen]
    before, after = (endpoint["status"].get("resolved"), entry.resolved and entry.resolved.wire())
    if before and after:
        will, was = (f"{one['recipe']} with {format_gpus(one['gpuCount'])}" for one in (after, before))
        show_sentence(f"{place.name}: {will} instead of {was}; its replicas are replaced")
    change = _annotated(ROLLBACK_ANNOTATION, str(chosen))
    if dry_run:
        print_note(f"version {chosen} would be requested; nothing was changed (--dry-run)")
        printed_as_data(output, lambda: patched(endpoint, change))
        return
    requested = f"version {chosen} is requested; `aim rollback {place.name} --end` ends that"
    _apply(place, change, requested, output)


def end_rollback(place: EndpointPlace, output: str) -> None:
    """Withdraws the request for an earlier version."""
    _apply(place, _annotated(ROLLBACK_ANNOTATION, None), "what the spec states is requested", output)


def _apply(place: EndpointPlace, change: Raw, meaning: str, output: str) -> None:
    """Changes an endpoint, and prints what that means; to programs the endpoint."""
    cluster = place.cluster
    cluster.patch_endpoint(place.name, change)
    show_sentence(f"{place.name}: {meaning}")
    printed_as_data(output, lambda: cluster.endpoint(place.name))


def print_canary(place: EndpointPlace, output: str = "table") -> None:
    """Prints how far a canary is, and what was compared last."""
    state = _canary(place)
    if printed_as_data(output, state.wire):
        return
    show_sentence(f"{place.name}: canary {state.id} is {canary_text(state)}")
    rows = [(check.name, check.stable, check.canary, check.limit, check.verdict) for check in state.checks]
    if rows:
        print_table(Table(("FIGURE", "STABLE", "CANARY", "LIMIT", "VERDICT"), rows))


def decide_canary(place: EndpointPlace, action: str, output: str) -> None:
    """Promotes or ends a canary. CommandError where none runs."""
    state = _canary(place)
    if state.phase in ENDED:
        raise CommandError(f"{place.name}: canary {state.id} has ended: {state.phase}: {state.message}")
    _apply(place, _annotated(ANNOTATIONS[action], state.id), f"{action} of canary {state.id} is requested", output)


def _entries(endpoint: Raw) -> tuple[HistoryEntry, ...]:
    return read_history(endpoint.get("status") or {})


def _canary(place: EndpointPlace) -> CanaryStatus:
    found = (place.cluster.endpoint(place.name).get("status") or {}).get("canary")
    if not found:
        raise CommandError(
            f"{place.name}: no canary has run; with deployment.canary.enabled: true in its spec, the next change is one"
        )
    return parse_as(CanaryStatus, found, "status.canary cannot be read")


def _annotated(key: str, value: str | None) -> Raw:
    return {"metadata": {"annotations": {key: value}}}
