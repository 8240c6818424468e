"""What an answer decides that the status before it does not say yet: what is worth counting and recording."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.naming import short_digest
from aimlib.protocol.metacontroller import Request
from aimlib.selection.rules import RULE_ORDER

PINNED = ("resolved", "cache")
"""The parts of an endpoint's status that its children are built from."""
REFUSALS = frozenset({"NothingFits", "NoRecipe"})
"""Reasons of the condition RecipeSelected of a decision for nothing."""
ENDS = frozenset({"Ready", "JobFailed", *DOWNLOAD_OUTCOMES})
"""How a download ends. JobFailed: without a word about why."""
NO_CACHE = "no AIMCache is used any more"
"""Why an endpoint without the condition CacheReady has changed: the other conditions are always there."""
OTHER = "Other"
"""For a rule or a reason that this release does not know, since labels of metrics are bounded."""


class Change(NamedTuple):
    """What is new in an answer."""

    event: str
    """In one word: Selected, Reselected, Refused, Kept, CacheChanged; ModelsChanged, DownloadFailed of an AIMCache."""
    why: str
    """The sentence that goes with it."""
    before: Raw
    """What was pinned, or what was on the volume, before."""
    after: Raw
    """And now."""
    reason: str = ""
    """Of a refusal NothingFits or NoRecipe; of a choice that is kept, that of the condition UpToDate."""
    fallback: bool = False
    """Whether a step of recipe.fallback was needed."""
    rejected: tuple[str, ...] = ()
    """The rule that objected to each of the candidates that the status lists."""
    downloads: tuple[str, ...] = ()
    """Outcomes of downloads: Ready, or a reason of `aimlib.caching.download_errors`."""
    removed: int = 0
    """How many models a cache has no more."""

    @property
    def lasting(self) -> bool:
        """Whether anything is otherwise than before, or was asked for and refused."""
        return self.before != self.after or self.event == "Refused"


def change(asked: Request, status: object) -> Change | None:
    """What is new in the status of an answer to a sync; None where nothing is, which is usual. Nothing is raised."""
    find = {"AIMEndpoint": _of_endpoint, "AIMCache": _of_cache}.get(str(asked.parent.get("kind")))
    return find(mapping(asked.parent.get("status")), mapping(status)) if find else None


def _of_endpoint(before: Raw, after: Raw) -> Change | None:
    old, new = ({name: one[name] for name in PINNED if one.get(name)} for one in (before, after))
    selection, earlier = mapping(after.get("selection")), mapping(before.get("selection"))
    chosen, current = condition(after, "RecipeSelected"), condition(after, "UpToDate")
    was, now = old.get("resolved"), new.get("resolved")
    same = selection.get("message") == earlier.get("message")
    refused = not same and str(chosen.get("reason")) in REFUSALS
    known = condition(before, "UpToDate")
    kept = current.get("status") == "False" and known.get("message") != current.get("message")
    chosen_anew = bool(now) and now != was
    table = (
        (chosen_anew, "Reselected" if was else "Selected", chosen),
        (refused, "Refused", chosen),
        (old != new, "CacheChanged", condition(after, "CacheReady")),
        (kept, "Kept", current),
    )
    for applies, event, said in table:
        if applies:
            return Change(
                event,
                str(said.get("message") or NO_CACHE),
                before=old,
                after=new,
                reason=str(said.get("reason") or ""),
                fallback=chosen_anew and bool(selection.get("fallback")),
                rejected=tuple(_rules(selection)) if event in {"Selected", "Reselected", "Refused"} else (),
            )
    return None


def _rules(selection: Raw) -> Iterator[str]:
    for one in listed(selection.get("candidates")):
        if rule := str(one.get("rule") or ""):
            yield rule if rule in RULE_ORDER else OTHER


def _of_cache(before: Raw, after: Raw) -> Change | None:
    were, are = _models(before), _models(after)
    old, new = ({key: _content(one) for key, one in models.items() if _ready(one)} for models in (were, are))
    ended = [one for key, one in are.items() if _outcome(one) and _outcome(one) != _outcome(were.get(key, {}))]
    outcomes = tuple(found if (found := _outcome(one)) in ENDS else OTHER for one in ended)
    gone = old.keys() - new.keys()
    if not outcomes and not gone:
        return None
    removals = listed(mapping(after.get("cleanup")).get("removed"))
    whys = [f"{one.get('id')}: {one.get('why')}" for one in removals if _key(one) in gone]
    said = str(condition(after, "ModelsReady").get("message") or "")
    event = "DownloadFailed" if old == new else "ModelsChanged"
    return Change(event, "; ".join((*whys, said)), old, new, downloads=outcomes, removed=len(gone))


def _models(status: Raw) -> dict[str, Raw]:
    return {_key(one): one for one in listed(status.get("cachedModels"))}


def _key(model: Raw) -> str:
    return f"{model.get('id')}@{model.get('revision')}"


def _ready(model: Raw) -> bool:
    return bool(model.get("status") == "Ready")


def _outcome(model: Raw) -> str:
    """How its last download ended, that of a Job that tries again included; empty while it has not."""
    return "Ready" if _ready(model) else str(model.get("reason") or "")


def _content(model: Raw) -> Raw:
    return {name: model[name] for name in ("commit", "size", "files") if name in model}


def condition(status: Raw, name: str) -> Raw:
    """The condition of that type; empty where there is none."""
    return next((one for one in listed(status.get("conditions")) if one.get("type") == name), {})


def mapping(value: object) -> Raw:
    """`value` where it is an object, else an empty one: a status was written by anybody."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> Iterable[Raw]:
    """The objects in a list; nothing where it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list | tuple) else ()


class Told:
    """The latest change of each of the latest `size` objects.

    A request may carry a status from before our own last write, and then the same change is found once more.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.latest: OrderedDict[str, str] = OrderedDict()
        self.lock = Lock()

    def is_new(self, asked: Request, found: Change) -> bool:
        """Whether this change was not the last one that was told of its object."""
        metadata = asked.parent["metadata"]
        names = (asked.parent.get("kind"), metadata.get("namespace"), metadata.get("name"), metadata.get("uid"))
        who, what = short_digest(*names, length=32), short_digest(*found, length=32)
        with self.lock:
            known = self.latest.pop(who, None)
            self.latest[who] = what
            while len(self.latest) > self.size:
                self.latest.popitem(last=False)
        return known != what
