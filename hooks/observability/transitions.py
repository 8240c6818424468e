"""Transitions of an object as its users are told them by Events: what a status has that the one before had not."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.protocol.metacontroller import Request
from hooks.observability.changes import as_mapping, detect_change, find_condition, objects_in

NORMAL, WARNING = "Normal", "Warning"
"""The types that Events have."""
PHASES = {
    "Ready": NORMAL,
    "Stopped": NORMAL,
    "Idle": NORMAL,
    "Pending": WARNING,
    "Degraded": WARNING,
    "Failed": WARNING,
}
"""The phases that are told, and the type of the Event. Others pass by themselves, and end in one of these."""
SELECTING_CHANGES = frozenset({"Selected", "Reselected"})
"""Changes that select a configuration."""
MODEL_STATES = {"Ready": ("Downloaded", NORMAL), "Failed": ("DownloadFailed", WARNING)}
"""States of a cached model that are told, with the reason and type of the Event."""
MOST_MODELS = 8
"""Most models of one sync that are told."""


class Transition(NamedTuple):
    """One Event's part that is about the object."""

    reason: str
    """One CamelCase word."""
    type: str
    """Normal or Warning."""
    message: str
    subject: str = ""
    """What of the object it is about, where there may be several at once: a model."""


def transitions(request: Request, status: object) -> list[Transition]:
    """What changed from the status in a request to the new one, in the order in which it came to be."""
    before, after = as_mapping(request.parent.get("status")), as_mapping(status)
    kind = request.parent.get("kind")
    if kind == "AIMEndpoint":
        told = (
            _selection(request, after),
            _up_to_date(before, after),
            _canary(before, after),
            _scaled(before, after),
            _phase(before, after),
        )
        return [*chain.from_iterable(told)]
    if kind == "AIMGateway":
        return [*_phase(before, after)]
    return [*_models(before, after), *_phase(before, after)] if kind == "AIMCache" else []


def _selection(request: Request, after: Raw) -> Iterator[Transition]:
    change = detect_change(request, after)
    if change and change.event in SELECTING_CHANGES:
        yield Transition("Fallback" if change.fallback else "Selected", NORMAL, change.why)


def _up_to_date(before: Raw, after: Raw) -> Iterator[Transition]:
    old, new = (find_condition(status, "UpToDate") for status in (before, after))
    if new.get("status") == "False" and new.get("reason") != old.get("reason"):
        kind = WARNING if new.get("reason") in {"NoLongerFits", "RolledBack"} else NORMAL
        yield Transition(str(new.get("reason")), kind, str(new.get("message")))


def _canary(before: Raw, after: Raw) -> Iterator[Transition]:
    """That a canary has replaced the version before; how another ended is told by UpToDate."""
    old, new = (as_mapping(status.get("canary")) for status in (before, after))
    if new.get("phase") == "Promoted" and (old.get("phase"), old.get("id")) != ("Promoted", new.get("id")):
        yield Transition("Promoted", NORMAL, f"canary {new.get('id')}: {new.get('message')}")


def _scaled(before: Raw, after: Raw) -> Iterator[Transition]:
    """That an endpoint with an autoscaler has other replicas than before, with what the targets measured."""
    old, new = (as_mapping(status.get("replicas")).get("desired") for status in (before, after))
    scaling = as_mapping(after.get("scaling"))
    if not (before.get("scaling") and scaling and isinstance(old, int) and isinstance(new, int)) or old == new:
        return
    counted = [one for one in objects_in(scaling.get("triggers")) if "measured" in one]
    why = ", ".join(f"{one.get('name')} {one['measured']:g} for a target of {one.get('target'):g}" for one in counted)
    yield Transition(
        "ScaledUp" if new > old else "ScaledDown", NORMAL, f"from {old} to {new} replicas{': ' * bool(why)}{why}"
    )


def _phase(before: Raw, after: Raw) -> Iterator[Transition]:
    """The phase, once it or the reason for it differs; one that is still being reached is told when it is."""
    phase = str(after.get("phase"))
    old, new = (find_condition(status, "Ready") for status in (before, after))
    reaching = PHASES.get(phase) == NORMAL and new.get("reason") == "Progressing"
    if phase in PHASES and not reaching and (phase, new.get("reason")) != (before.get("phase"), old.get("reason")):
        about = "" if new.get("status") == "True" or phase == new.get("reason") else f"{new.get('reason')}: "
        yield Transition(phase, PHASES[phase], f"{about}{new.get('message')}")


def _models(before: Raw, after: Raw) -> Iterator[Transition]:
    """Models whose download ended, and models that were removed from the volume."""
    old, new = ({_key(one): one for one in objects_in(status.get("cachedModels"))} for status in (before, after))
    ended = [(key, one) for key, one in new.items() if one.get("status") != old.get(key, {}).get("status")]
    told = [(key, one, MODEL_STATES[one["status"]]) for key, one in ended if one.get("status") in MODEL_STATES]
    for key, one, (reason, kind) in told[:MOST_MODELS]:
        yield Transition(reason, kind, ": ".join(filter(None, (key, one.get("message") or one.get("size")))), key)
    removals = objects_in(as_mapping(after.get("cleanup")).get("removed"))
    whys = {_key(one): one.get("why") for one in removals}
    gone = [
        key for key, one in old.items() if one.get("status") == "Ready" and new.get(key, {}).get("status") != "Ready"
    ]
    for key in gone[:MOST_MODELS]:
        yield Transition("Removed", NORMAL, ": ".join(filter(None, (key, whys.get(key)))), key)


def _key(model: Raw) -> str:
    return f"{model.get('id')}@{model.get('revision')}"
