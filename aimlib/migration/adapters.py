"""Adapters (LoRA) that somebody has elsewhere: those that an AIMCache can download, beside the model."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aimlib.api.adapter import MOST_ADAPTERS
from aimlib.api.formats import ADAPTER_NAME, MODEL_ID, MODEL_SOURCE
from aimlib.api.meta import Raw
from aimlib.migration.draft import Draft, FoundAdapter, Outcome
from aimlib.migration.forms import OTHER_FORM
from aimlib.migration.shell import is_unstated

NAMES, PLACES = (
    ("adapterName", "name", "id", "lora_name"),
    ("url", "uri", "path", "lora_path", "repository", "adapterPath"),
)
"""The keys by which others call an adapter, and where its files are."""
HUB_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w.-]+")
"""An id of the hub, which a path of a container does not look like: it begins with a slash, or has more of them."""
WITHOUT_ADDRESS = (
    "an AIMCache downloads adapters from the hub, a bucket, a registry or a claim: list it there and in adapters"
)
BOTH_PLACES = "adapters, and a model of the AIMCache"
MODULES = frozenset({"--lora-modules", "--lora-paths"})
"""Flags that list adapters."""
RANK = "--max-lora-rank"
FLAGS: Mapping[str, tuple[Outcome, str]] = {
    "--enable-lora": ("changed", "the engine is started with adapters"),
    RANK: ("kept", "adapters.rank, of each"),
}
"""Flags about all adapters, and what becomes of them."""
WITHOUT_ADAPTERS: tuple[Outcome, str] = ("dropped", f"no adapter is named: {WITHOUT_ADDRESS}")


def _read_list(draft: Draft, text: str, value: Any) -> None:  # noqa: ANN401 - JSON
    """The adapters of an object or of values: a list of names with places."""
    for place, one in enumerate(value if isinstance(value, list) else [value]):
        parts = (one, one.get("adapterSource") or {}) if isinstance(one, dict) else (one,)
        if not all(isinstance(part, dict) for part in parts):
            draft.add(f"{text}.{place}", "needs you", OTHER_FORM)
            continue
        stated = {key: found for part in parts for key, found in part.items()}
        name = _first(stated, NAMES)
        called = f"{draft.name}_{name}" if draft.system == "kubeai" else name
        if _is_of_another(draft, stated.get("baseModel")):
            draft.add(f"{text}.{place} {name}", "changed", f"it is for {stated['baseModel']}")
        else:
            add_adapter(draft, called, _first(stated, PLACES), f"{text}.{place} {name}")


def _first(stated: Raw, keys: Iterable[str]) -> str:
    return next((str(stated[key]) for key in keys if stated.get(key)), "")


def _is_of_another(draft: Draft, base: Any) -> bool:  # noqa: ANN401 - JSON
    return base is not None and str(base) not in {draft.name, draft.model, *draft.names}


def read_modules(draft: Draft, texts: Iterable[str], flag: str) -> None:
    """The values of a flag: NAME=PLACE, JSON, or a place alone."""
    for text in texts:
        for name, place in _modules(text):
            add_adapter(draft, name, place, f"{flag} {name}")


def _modules(text: str) -> Iterator[tuple[str, str]]:
    if not text.startswith(("{", "[")):
        name, equals, place = text.partition("=")
        yield (name, place) if equals else (text, text)
        return
    try:
        found = json.loads(text)
    except ValueError:
        found = {"name": text}
    for one in found if isinstance(found, list) else [found]:
        stated = one if isinstance(one, dict) else {"path": one}
        yield _first(stated, NAMES) or _first(stated, PLACES), _first(stated, PLACES)


def add_adapter(draft: Draft, name: str, place: str, text: str) -> None:
    """An adapter by its name and where its files are; one that no AIMCache can download needs somebody."""
    found = _found(draft, name, place)
    listed = {one.id for one in draft.adapters} | {one.name for one in draft.adapters}
    if found is None:
        draft.add(text, "needs you", WITHOUT_ADDRESS)
    elif not ADAPTER_NAME.matches(name):
        draft.add(text, "needs you", f"its name {ADAPTER_NAME.message}")
    elif len(draft.adapters) == MOST_ADAPTERS or listed & {found.id, name}:
        draft.add(text, "needs you", f"an endpoint has {MOST_ADAPTERS} adapters at most, and each of them once")
    else:
        draft.adapters.append(found)
        draft.add(text, "kept", BOTH_PLACES)


def _found(draft: Draft, name: str, place: str) -> FoundAdapter | None:
    folder = next((one for one in draft.mounts if place == one or place.startswith(f"{one}/")), None)
    if folder:
        place = f"pvc://{draft.mounts[folder][0]}{place.removeprefix(folder)}".rstrip("/")
    scheme, slashes, rest = place.partition("://")
    repository, _, revision = (rest if slashes else place).partition("@")
    if is_unstated(place):
        return None
    if scheme == "hf" or not slashes:
        return FoundAdapter(name, repository, revision) if HUB_REPOSITORY.fullmatch(repository) else None
    if not MODEL_SOURCE.matches(place):
        return None
    own = name if "/" in name else f"adapters/{name}"
    return FoundAdapter(name, own, source=place) if MODEL_ID.matches(own) else None


def finish_adapters(draft: Draft, model: str) -> list[FoundAdapter]:
    """The adapters that the endpoint serves; none where its model is an image, beside which no cache has any."""
    for text, value in draft.adapter_lists:
        _read_list(draft, text, value)
    for flag in draft.lora:
        outcome, why = FLAGS[flag] if draft.adapters else WITHOUT_ADAPTERS
        draft.add(flag, outcome, why)
    taken = {model: "its model has that name", **dict.fromkeys(draft.names, "a name of its model")}
    if draft.images is not None and draft.source.startswith("oci://"):
        taken = {
            one.name: "its model is an image, and adapters are in the AIMCache of their model" for one in draft.adapters
        }
    for one in draft.adapters:
        if one.name in taken:
            draft.add(f"adapter {one.name}", "needs you", taken[one.name])
    return [one for one in draft.adapters if one.name not in taken]


def adapter_spec(draft: Draft, found: Iterable[FoundAdapter]) -> list[Raw]:
    """As an endpoint states them."""
    rank = {"rank": int(draft.lora[RANK])} if RANK in draft.lora else {}
    return [
        {
            "name": one.name,
            "source": {"repository": one.id},
            **({"revision": one.revision} if one.revision else {}),
            **rank,
        }
        for one in found
    ]
