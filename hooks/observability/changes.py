"""Detects what changed between an object's status and the next one: changes are counted and recorded."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.naming import full_digest
from aimlib.protocol.metacontroller import Request
from aimlib.selection.rules import RULE_ORDER
from aimlib.selection.steps import is_decided_for

PINNED_FIELDS = ("resolved", "cache")
"""The parts of an endpoint's status that its children are built from."""
NOT_INSPECTED = "ModelNotInspected"
"""The reason of RecipeSelected once the files of a model that nobody described could not be read."""
REFUSAL_REASONS = frozenset({"NothingFits", "NoRecipe", NOT_INSPECTED})
"""Reasons of the condition RecipeSelected when nothing was selected."""
OUTCOME_LABELS = frozenset({"Ready", "JobFailed", *DOWNLOAD_OUTCOMES})
"""Outcomes of downloads. JobFailed: for an unknown reason."""
NO_CACHE = "no AIMCache is used any more"
"""The explanation of a change where CacheReady, the only optional condition, is missing."""
OTHER = "Other"
"""The label for a rule or a reason that is not in this release's tables, since labels are bounded."""


class Change(NamedTuple):
    """One change of a status."""

    event: str
    """Selected, Reselected, Refused, Kept or CacheChanged; of an AIMCache ModelsChanged or DownloadFailed."""
    why: str
    """The message of the condition that changed."""
    before: Raw
    """The pinned fields, or the models on the volume, before."""
    after: Raw
    """The same after."""
    reason: str = ""
    """The condition's reason, such as NothingFits."""
    fallback: bool = False
    """Whether a step of recipe.fallback was used."""
    rejected: tuple[str, ...] = ()
    """The rules that rejected candidates, one per listed candidate."""
    downloads: tuple[str, ...] = ()
    """Outcomes of downloads: Ready, or a reason of `aimlib.caching.download_errors`."""
    removed: int = 0
    """The number of models that were removed from a cache."""

    @property
    def recorded(self) -> bool:
        """Whether the audit record needs a line: something changed, or was refused."""
        return self.before != self.after or self.event == "Refused"


def detect_change(request: Request, status: object) -> Change | None:
    """The change from the status in a request to the new one; None where nothing changed. Never raises."""
    detect = {"AIMEndpoint": _endpoint_change, "AIMCache": _cache_change}.get(str(request.parent.get("kind")))
    return detect(as_mapping(request.parent.get("status")), as_mapping(status)) if detect else None


def _endpoint_change(before: Raw, after: Raw) -> Change | None:
    old, new = ({name: one[name] for name in PINNED_FIELDS if one.get(name)} for one in (before, after))
    selection, earlier = as_mapping(after.get("selection")), as_mapping(before.get("selection"))
    selected_condition, up_to_date = find_condition(after, "RecipeSelected"), find_condition(after, "UpToDate")
    resolved = new.get("resolved")
    if resolved and _only_digest_differs(old.get("resolved"), resolved):
        old["resolved"] = resolved
    resolved_before = old.get("resolved")
    reason = str(selected_condition.get("reason"))
    same = selection.get("message") == earlier.get("message")
    if reason == NOT_INSPECTED:  # the selection is that of before the inspection
        same = find_condition(before, "RecipeSelected").get("reason") == reason
    refused = not same and reason in REFUSAL_REASONS
    up_to_date_before = find_condition(before, "UpToDate")
    kept = up_to_date.get("status") == "False" and up_to_date_before.get("message") != up_to_date.get("message")
    selected_anew = bool(resolved) and resolved != resolved_before
    table = (
        (selected_anew, "Reselected" if resolved_before else "Selected", selected_condition),
        (refused, "Refused", selected_condition),
        (old != new, "CacheChanged", find_condition(after, "CacheReady")),
        (kept, "Kept", up_to_date),
    )
    for applies, event, condition in table:
        if applies:
            return Change(
                event,
                str(condition.get("message") or NO_CACHE),
                before=old,
                after=new,
                reason=str(condition.get("reason") or ""),
                fallback=selected_anew and bool(selection.get("fallback")),
                rejected=tuple(_rules(selection)) if event in {"Selected", "Reselected", "Refused"} else (),
            )
    return None


def _only_digest_differs(before: object, after: object) -> bool:
    """Whether an earlier release wrote the same, with a part of the digest."""
    old, new = as_mapping(before), as_mapping(after)
    same = is_decided_for(str(old.get("decidedFor")), str(new.get("decidedFor")))
    return same and {**old, "decidedFor": None} == {**new, "decidedFor": None}


def _rules(selection: Raw) -> Iterator[str]:
    for one in objects_in(selection.get("candidates")):
        if rule := str(one.get("rule") or ""):
            yield rule if rule in RULE_ORDER else OTHER


def _cache_change(before: Raw, after: Raw) -> Change | None:
    models_before, models = _models(before), _models(after)
    old, new = ({key: _identity(one) for key, one in side.items() if _ready(one)} for side in (models_before, models))
    ended = [
        one
        for key, one in models.items()
        if _download_outcome(one) and _download_outcome(one) != _download_outcome(models_before.get(key, {}))
    ]
    outcomes = tuple(found if (found := _download_outcome(one)) in OUTCOME_LABELS else OTHER for one in ended)
    removed = old.keys() - new.keys()
    if not outcomes and not removed:
        return None
    removals = objects_in(as_mapping(after.get("cleanup")).get("removed"))
    whys = [f"{removal.get('id')}: {removal.get('why')}" for removal in removals if _key(removal) in removed]
    message = str(find_condition(after, "ModelsReady").get("message") or "")
    event = "DownloadFailed" if old == new else "ModelsChanged"
    return Change(event, "; ".join((*whys, message)), old, new, downloads=outcomes, removed=len(removed))


def _models(status: Raw) -> dict[str, Raw]:
    return {_key(one): one for one in objects_in(status.get("cachedModels"))}


def _key(model: Raw) -> str:
    return f"{model.get('id')}@{model.get('revision')}"


def _ready(model: Raw) -> bool:
    return bool(model.get("status") == "Ready")


def _download_outcome(model: Raw) -> str:
    """How its last download ended, also that of a Job that retries; empty before."""
    return "Ready" if _ready(model) else str(model.get("reason") or "")


def _identity(model: Raw) -> Raw:
    return {name: model[name] for name in ("commit", "size", "files") if name in model}


def find_condition(status: Raw, name: str) -> Raw:
    """The condition of that type; empty where there is none."""
    return next((one for one in objects_in(status.get("conditions")) if one.get("type") == name), {})


def as_mapping(value: object) -> Raw:
    """`value` where it is an object, else an empty one: any client may have written a status."""
    return value if isinstance(value, dict) else {}


def objects_in(value: object) -> Iterable[Raw]:
    """The objects in a list; empty where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list | tuple) else ()


class RecentChanges:
    """The last change of each of the last `size` objects.

    A request may have a status from before our own last write; then the same change is detected again.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.latest: OrderedDict[str, str] = OrderedDict()
        self.lock = Lock()

    def is_new(self, request: Request, change: Change) -> bool:
        """Whether this change differs from the last one of its object."""
        metadata = request.parent["metadata"]
        names = (request.parent.get("kind"), metadata.get("namespace"), metadata.get("name"), metadata.get("uid"))
        key, value = full_digest(*names), full_digest(*change)
        with self.lock:
            previous = self.latest.pop(key, None)
            self.latest[key] = value
            while len(self.latest) > self.size:
                self.latest.popitem(last=False)
        return previous != value
