"""The model architectures that each engine loads, by its published package: names as config.json has them."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import NamedTuple

from aimlib.data import load_data
from aimlib.printable import printable

LONGEST_NAME = 64
"""Characters of an architecture's name in a message; the longest that an engine has is shorter."""


class Architectures(NamedTuple):
    """What one version of an engine loads."""

    loaded: frozenset[str]
    former: Mapping[str, str]
    """Architectures that were removed, and the last version that loaded each."""
    without_adapters: frozenset[str]
    """Those of which it is known that they take no LoRA adapters."""


@cache
def model_architectures(backend: str) -> Architectures:
    """Those of vllm or sglang; KeyError for another name."""
    version = load_data("engines/backends")[backend]["version"]
    found = load_data(f"engines/{backend}-{version}")
    loaded, alone = frozenset(found["architectures"]), frozenset(found["withoutAdapters"])
    return Architectures(loaded, found["formerArchitectures"], alone)


@lru_cache(maxsize=256)
def not_loaded(backend: str, name: str) -> str:
    """An architecture that an engine does not load, with what is nearest; empty for one that it does.

    The name may be anything that a config.json has.
    """
    known = model_architectures(backend)
    if name in known.loaded:
        return ""
    shown = printable(name, LONGEST_NAME)
    if name in known.former:
        return f"{shown}, which versions up to {known.former[name]} loaded"
    near = get_close_matches(shown, sorted(known.loaded), n=1)
    return f"{shown}; the nearest that it loads is {near[0]}" if near else shown
