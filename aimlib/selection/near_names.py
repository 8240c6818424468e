"""Names in the catalogue that are like one that nothing has: what an endpoint may have meant."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache

from aimlib.api.endpoint import EndpointSpec
from aimlib.printable import printable
from aimlib.protocol.observations import CatalogueNames

MOST_SUGGESTED = 3
"""Most names of a suggestion."""
LIKENESS = 0.5
"""The least share of two names that is equal, as difflib measures it."""
SHORTEST_PART = 4
"""Least letters and digits of a part by which names are found."""
MOST_COMPARED = 96
"""Characters of a name that are compared: the time grows with the square of them."""
MOST_LIKELY, RUN = 100, 3
"""Names that are compared as difflib does, which takes up to half a millisecond each, and letters of a run."""


def suggestion(spec: EndpointSpec, known: CatalogueNames, namespace: str) -> str:
    """A question about the names that are like the requested one, closest first; empty where none is.

    Names of recipes for an endpoint that names one; else models and the repositories that are loaded for them.
    """
    custom = spec.recipe.custom_recipe
    names = (one["metadata"]["name"] for one in known.recipes) if custom else _models(known, namespace)
    return meant(custom.name if custom else spec.requested_model.id or "", names)


def meant(name: str, known: Iterable[str]) -> str:
    """A question about the known names that are like one that is not among them; empty where none is."""
    near = _nearest(name, tuple(sorted({*known})))
    return f"did you mean {' or '.join(printable(one) for one in near)}?" if near else ""


def _models(known: CatalogueNames, namespace: str) -> Iterator[str]:
    """The ids by which the catalogue's models can be requested in a namespace."""
    for raw in (*known.recipes, *known.models):
        spec = raw.get("spec")
        if isinstance(spec, dict) and _is_for(spec.get("allowedNamespaces"), namespace):
            named = map(spec.get, ("modelId", "checkpoint", "source"))
            yield from (name for name in named if isinstance(name, str) and "://" not in name)


def _is_for(allowed: object, namespace: str) -> bool:
    return not isinstance(allowed, list) or not allowed or namespace in allowed


@lru_cache(maxsize=1024)
def _nearest(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Kept, since a comparison takes milliseconds and each sync of an endpoint makes the same one."""
    known = {one[:MOST_COMPARED].casefold(): one for one in reversed(names) if one != name}
    wanted = name[:MOST_COMPARED].casefold()
    if wanted in known:
        return (known[wanted],)
    near = get_close_matches(wanted, _likely(wanted, known), n=MOST_SUGGESTED, cutoff=LIKENESS)
    return tuple(known[one] for one in near or _containing(wanted, known))


def _likely(wanted: str, names: Collection[str]) -> Collection[str]:
    """All names; of too many, those that share the most runs of letters with the requested one."""
    if len(names) <= MOST_LIKELY:
        return names
    runs = _runs(wanted)
    return sorted(names, key=lambda one: len(runs & _runs(one)), reverse=True)[:MOST_LIKELY]


def _runs(name: str) -> set[str]:
    return {name[at : at + RUN] for at in range(len(name) - RUN + 1)}


def _containing(part: str, names: Iterable[str]) -> list[str]:
    """The shortest of the names that have a part, whatever the signs in it, as short names of other hubs are."""
    wanted = _plain(part)
    found = (one for one in names if wanted in _plain(one)) if len(wanted) >= SHORTEST_PART else ()
    return sorted(found, key=lambda one: (len(one), one))[:MOST_SUGGESTED]


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name))
