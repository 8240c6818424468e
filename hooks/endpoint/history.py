"""The versions that an endpoint has had, and the return to one of them.

A version is a configuration and what the spec states about its pods. It is known by the digest of the pods' template:
whatever replaces pods is another version.
"""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.history import HistoryEntry, Rollback
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.memo import once_per_value
from aimlib.naming import ENDPOINT_LABEL, ROLLBACK_ANNOTATION, full_digest, label_value
from aimlib.printable import printable
from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.parsing import parse_again, parse_as
from hooks.endpoint.children.placement import anywhere
from hooks.endpoint.world import World

KEPT = 10
"""Versions that a status has."""
OF_NO_VERSION = frozenset(
    {
        "replicas",
        "suspend",
        "queueName",
        "scaling",
        "availability",
        "service",
        "monitoring",
        "cache",
        "deployment",
        "routing",
    }
)
"""Fields of the spec that stay as they are stated now, whichever version runs."""
STATED_LENGTH = 16384
"""Characters of what a version stated; one with more cannot be returned to."""
REASON_LENGTH = 1024


class Version(NamedTuple):
    """Which version is to run: what the spec requests, or an earlier one."""

    spec: EndpointSpec
    """The spec with what that version stated about its pods."""
    rollback: Rollback | None = None
    """Why it is an earlier one."""
    resolved: Resolved | None = None
    """The configuration of the earlier one."""
    stated: str = ""
    """What the version states about its pods, as JSON."""
    warnings: tuple[str, ...] = ()


def template_id(template: Raw, endpoint: str) -> str:
    """Identifies a version by the pods' template, which differs between tracks in one label, and by no node."""
    template = anywhere(template)
    metadata = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), ENDPOINT_LABEL: label_value(endpoint)}
    return full_digest({**template, "metadata": {**metadata, "labels": labels}})[:16]


def read_history(before: Raw) -> tuple[HistoryEntry, ...]:
    """The versions in a status; BadRequestError where an older release wrote what this one cannot read."""
    found = before.get("history") or ()
    return tuple(parse_again(HistoryEntry, one, "status.history cannot be read") for one in found)


def present(history: Sequence[HistoryEntry]) -> HistoryEntry | None:
    """The version that serves."""
    return next((entry for entry in reversed(history) if entry.until is None), None)


@once_per_value
def stated(spec: EndpointSpec) -> str:
    """What a spec states about pods, as JSON."""
    parts = spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(OF_NO_VERSION))
    return json.dumps(parts, sort_keys=True)


def version_to_run(world: World) -> Version:
    """The version to run: the one that an annotation requests, or the last good one where a later one has failed."""
    requested = world.annotations.get(ROLLBACK_ANNOTATION)
    history = read_history(world.before)
    if requested is not None:
        return _by_annotation(world.spec, str(requested), history)
    written = world.before.get("rollback")
    rollback = parse_as(Rollback, written, "status.rollback cannot be read") if written else None
    if rollback is None or rollback.by == "Annotation" or rollback.requested != full_digest(stated(world.spec)):
        return _requested(world.spec)
    entry = next((one for one in history if one.number == rollback.number), None)
    spec = restored(world.spec, entry) if entry else None
    return Version(spec, rollback, entry.resolved, entry.stated) if entry and spec else _requested(world.spec)


def _requested(spec: EndpointSpec, *warnings: str) -> Version:
    return Version(spec, stated=stated(spec), warnings=warnings)


def restored(spec: EndpointSpec, entry: HistoryEntry) -> EndpointSpec | None:
    """A spec with what a version stated about its pods; None where that is not kept, or does not go with the rest."""
    if not entry.stated:
        return None
    kept = spec.model_dump(mode="json", by_alias=True, exclude_unset=True, include=set(OF_NO_VERSION))
    try:
        found = parse_as(EndpointSpec, {**json.loads(entry.stated), **kept})
    except (BadRequestError, ValueError, TypeError):
        return None
    if entry.stated == stated(spec):  # a recipe has failed that updatePolicy: Auto took; a better one may be
        return found
    return found.model_copy(update={"recipe": found.recipe.model_copy(update={"update_policy": "Pinned"})})


def _by_annotation(spec: EndpointSpec, requested: str, history: Sequence[HistoryEntry]) -> Version:
    entry = next((one for one in history if str(one.number) == requested), None)
    back = restored(spec, entry) if entry else None
    shown = f"annotation {ROLLBACK_ANNOTATION}: {printable(requested, 64)}"
    if entry is None or back is None:
        numbers = ", ".join(str(one.number) for one in history if one.stated) or "none"
        return _requested(spec, f"{shown} has no effect: status.history has {numbers} to return to")
    back = back.model_copy(update={"recipe": back.recipe.model_copy(update={"update_policy": "Pinned"})})
    message = f"version {entry.number} runs as the {shown} requests; without it, what the spec states would"
    rollback = Rollback(number=entry.number, by="Annotation", requested=full_digest(stated(spec)), message=message)
    return Version(back, rollback, entry.resolved, entry.stated)


def configuration_digest(resolved: Resolved) -> str:
    """Identifies a configuration, whatever labels its nodes have."""
    left_out = {"node_labels", "node_products", "may_come"}
    return full_digest(resolved.model_dump(mode="json", exclude_none=True, exclude=left_out))


def last_good(history: Sequence[HistoryEntry], spec: EndpointSpec) -> HistoryEntry | None:
    """The last version before the present one that was ready and can be returned to."""
    former = (one for one in reversed(history) if one.until is not None and one.ready)
    return next((one for one in former if restored(spec, one)), None)


def failure(target: EndpointSpec, to: HistoryEntry, failed: Resolved, message: str) -> Rollback:
    """That what the spec requests has failed."""
    shown = printable(f"version {to.number} runs, since what the spec requests failed: {message}", 4096)
    return Rollback(
        number=to.number,
        by="Failure",
        requested=full_digest(stated(target)),
        failed=configuration_digest(failed),
        message=shown,
    )


class Now(NamedTuple):
    """The version that serves after a sync."""

    id: str
    stated: str
    resolved: Resolved
    rollback: Rollback | None = None


def with_ready(history: Sequence[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    """The versions, with the one that serves noted as ready."""
    last = present(history)
    return tuple(one.model_copy(update={"ready": True}) if one is last else one for one in history)


def with_present(
    history: Sequence[HistoryEntry], before: Raw, now: Now, happened: Callable[[], str], *, ran: bool
) -> tuple[HistoryEntry, ...]:
    """The versions with the one that serves, which is added where it is another than before, if that ever `ran`.

    `happened` tells the time of the change.
    """
    last = present(history)
    kept = now.stated if len(now.stated) <= STATED_LENGTH else ""
    if last and last.id == now.id:
        return tuple(history)
    if last and not ran and not last.ready:
        changed = last.model_copy(update={"id": now.id, "stated": kept})
        return tuple(changed if one is last else one for one in history)
    at = happened()
    entry = HistoryEntry(
        number=_next_number(history),
        id=now.id,
        since=at,
        why=why(last, before, now),
        stated=kept,
    )
    ended = [_ended(one, before, now.rollback, at) if one is last else one for one in history]
    return _bounded((*ended, entry), now.rollback)


def with_failed(history: Sequence[HistoryEntry], entry: Raw) -> tuple[HistoryEntry, ...]:
    """The versions with one that was tried and did not come to serve."""
    return _bounded((*history, HistoryEntry(number=_next_number(history), **entry)), None)


def _next_number(history: Sequence[HistoryEntry]) -> int:
    return max((one.number for one in history), default=0) + 1


def _bounded(history: Sequence[HistoryEntry], rollback: Rollback | None) -> tuple[HistoryEntry, ...]:
    """The latest, and always the one that serves and the one that was returned to."""
    surplus = len(history) - KEPT
    needed = {rollback.number} if rollback else set()
    old = [one for one in history if one.until is not None and one.number not in needed][: max(surplus, 0)]
    return tuple(one for one in history if one not in old)


def _ended(last: HistoryEntry, before: Raw, rollback: Rollback | None, at: str) -> HistoryEntry:
    failed = rollback is not None and rollback.by == "Failure"
    written = before.get("resolved")
    resolved = parse_as(Resolved, written, "status.resolved cannot be read") if written else None
    return last.model_copy(
        update={
            "until": at,
            "outcome": "Failed" if failed else "Replaced",
            "message": rollback.message[:REASON_LENGTH] if rollback and failed else "",
            "resolved": last.resolved or resolved,
        }
    )


def why(last: HistoryEntry | None, before: Raw, now: Now) -> str:
    """What brought a version: the first row that applies."""
    if last is None:
        return "the first that is recorded"
    former = before.get("resolved") or {}
    table = (
        (now.rollback is not None, f"returned to version {now.rollback.number if now.rollback else ''}"),
        (last.stated != now.stated, "the spec was changed"),
        (former.get("recipe") != now.resolved.recipe, f"recipe {now.resolved.recipe} was taken"),
        (configuration_changed(former, now.resolved), "the recipe or the hardware has changed"),
        (True, "a setting of the operator, the cache or another part of the spec has changed"),
    )
    return next(text for applies, text in table if applies)


def configuration_changed(former: Raw, resolved: Resolved) -> bool:
    """Whether a configuration is another one than that of a status."""
    try:
        return configuration_digest(Resolved.model_validate(former)) != configuration_digest(resolved)
    except ValueError:
        return True
