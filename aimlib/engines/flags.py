"""The flags of an engine's command line: their names and their valid values."""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from math import isfinite
from typing import Annotated, Literal, NamedTuple

from pydantic import ConfigDict, Field

from aimlib.api.base import Model
from aimlib.data import load_data

FlagValue = bool | int | float | str | list["FlagValue"] | dict[str, "FlagValue"] | None
"""A value as the engine parses it, so that 32k and 32000 are equal."""

LARGEST_NUMBER = 2**64
"""No engine takes a larger whole number, and arithmetic on one of hundreds of digits fails."""
EXPECTED_VALUES = {
    "int": "a whole number",
    "size": "a whole number, also with a suffix such as 32k",
    "float": "a number",
    "str": "a text",
    "json": "JSON",
    "object": "a JSON object",
    "text_or_json": "a text or a JSON object",
}


class Flag(Model):
    """One flag, as the engine's parser declares it."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["bool", "int", "size", "float", "str", "choice", "json", "object", "text_or_json"]
    """The type of one value: a size is a whole number that may have a suffix, an object is JSON with keys."""
    style: Literal["optional", "store_true"] | None = None
    """Of a bool: optional is turned off by --no-..., store_true can only be turned on."""
    nargs: Literal["?", "*", "+"] | int | None = None
    """Number of values: one by default, an optional one (?), any number (*), at least one (+), or exactly this many."""
    choices: tuple[int | str, ...] = ()
    """The valid values of a choice."""
    aliases: tuple[str, ...] = ()
    """Other names, short ones too."""
    default: bool | int | float | str | None = None
    """The constant in the engine's source, if any; a bool without one is off or selected by the engine."""
    nullable: bool = False
    """The empty text and None mean that the flag is not set."""
    auto: bool = False
    """-1 and auto let the engine select a value."""
    fold: bool = False
    """Case and dashes are ignored in a choice."""
    repeat: bool = False
    """Repeating the flag adds values."""

    @property
    def expected(self) -> str:
        """A description of valid values."""
        one = f"one of {', '.join(map(str, self.choices))}" if self.type == "choice" else EXPECTED_VALUES[self.type]
        return f"{one}, or auto" if self.auto else one

    @property
    def keyed(self) -> bool:
        """Whether its value has keys that can be set one by one."""
        return self.type in {"object", "json", "text_or_json"}


class Dialect(Model):
    """The syntax of an engine's parser."""

    title: str
    version: str
    dotted_keys: bool
    inverse: Mapping[str, str]
    size_suffixes: Mapping[str, Annotated[int, Field(gt=1)]]
    joined: Mapping[str, str]
    needs: Mapping[str, str]
    """Flags that the engine accepts only together with another one."""

    def size(self, word: str) -> int:
        """`32k` as 32000; ValueError for other texts."""
        form = re.fullmatch(rf"(\d+)(\.\d+)?({'|'.join(self.size_suffixes)})", word.strip())
        if not form:
            return int(word)
        factor = self.size_suffixes[form[3]]
        if form[2] and factor % 1000:
            raise ValueError("a decimal point does not go with a power of two")
        return int(Decimal(form[1] + (form[2] or "")) * factor)

    def value(self, flag: Flag, word: str) -> FlagValue:
        """A word parsed as one value of a flag; ValueError, with what was expected, for an invalid word."""
        if flag.nullable and word in {"", "None"}:
            return None
        if flag.auto and word.strip().lower() in {"-1", "auto"}:
            return -1
        try:
            found = READERS[flag.type](self, flag, word)
        except (ValueError, KeyError, RecursionError):
            raise ValueError(f"expected {flag.expected}") from None
        if isinstance(found, float) and not isfinite(found):
            raise ValueError(f"expected {flag.expected} that is finite")
        if isinstance(found, int) and abs(found) > LARGEST_NUMBER:
            raise ValueError(f"expected {flag.expected} of at most {len(str(LARGEST_NUMBER))} digits")
        return found


def parse_choice(_: Dialect, flag: Flag, word: str) -> FlagValue:
    """The choice that a word names."""
    spelt = word.lower().replace("-", "_") if flag.fold else word
    return {str(option): option for option in flag.choices}[spelt]


def parse_json(dialect: Dialect, flag: Flag, word: str) -> FlagValue:
    """JSON. In that of an object with a schema, numbers outside of texts may carry a suffix, if the engine has such."""
    if dialect.dotted_keys and flag.type == "object":
        parts = re.split(r'("(?:[^"\\]|\\.)*")', word)
        number = rf"\b\d+(?:\.\d+)?(?:{'|'.join(dialect.size_suffixes)})\b"
        parts[::2] = [re.sub(number, lambda found: str(dialect.size(found[0])), part) for part in parts[::2]]
        word = "".join(parts)
    value: FlagValue = json.loads(word)
    if flag.type == "object" and not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def parse_text_or_json(dialect: Dialect, flag: Flag, word: str) -> FlagValue:
    """JSON if the word is in braces, else the text itself."""
    return parse_json(dialect, flag, word) if re.fullmatch(r"(?s)\s*{.*}\s*", word) else word


READERS: Mapping[str, Callable[[Dialect, Flag, str], FlagValue]] = {
    "int": lambda _, __, word: int(word),
    "size": lambda dialect, _, word: dialect.size(word),
    "float": lambda _, __, word: float(word),
    "str": lambda _, __, word: word,
    "choice": parse_choice,
    "json": parse_json,
    "object": parse_json,
    "text_or_json": parse_text_or_json,
}


class NamedFlag(NamedTuple):
    """The flag that a name on the command line refers to."""

    name: str
    """The flag's own name."""
    off: bool
    """Whether the name turns the flag off."""


class FlagTable:
    """All flags of one engine, by any name that its parser accepts."""

    def __init__(self, flags: Mapping[str, Flag], removed: Mapping[str, str], dialect: Dialect) -> None:
        self.flags, self.removed, self.dialect = flags, removed, dialect
        self.names = {name: named for flag in flags for name, named in self.spellings(flag)}

    def spellings(self, name: str) -> list[tuple[str, NamedFlag]]:
        """Every name of a flag: its own, its aliases, and those that turn it off."""
        given = (name, *self.flags[name].aliases)
        found = [(spelling, NamedFlag(name, off=False)) for spelling in given]
        if self.flags[name].style == "optional":
            long = [spelling for spelling in given if spelling.startswith("--")]
            pairs = [(spelling, pair) for spelling in long for pair in self.dialect.inverse.items()]
            negative = [f"--no-{spelling[2:]}" for spelling in long]
            negative += [
                other + spelling.removeprefix(own) for spelling, (own, other) in pairs if spelling.startswith(own)
            ]
            found += [(spelling, NamedFlag(name, off=True)) for spelling in negative]
        return found

    def find(self, spelling: str) -> NamedFlag | None:
        """The flag of that name, with dashes or underscores, or abbreviated unambiguously."""
        name = dashed(spelling)
        if name in self.names or name in self.removed or not name.startswith("--"):
            return self.names.get(name)
        longer = {named for spelled, named in self.names.items() if spelled.startswith(name)}
        return longer.pop() if len(longer) == 1 and len(name) > len("--") else None

    def unknown(self, spelling: str, *, search: bool = True) -> str:
        """The message about a name that the parser does not accept, with the nearest one where that is searched."""
        name = dashed(spelling)
        message = f"{name} is not a flag of {self.dialect.title} {self.dialect.version}"
        if name in self.removed:
            return f"{message}: {self.removed[name]}"
        near = get_close_matches(name, self.names, n=1) if search else ()
        return f"{message}; did you mean {near[0]}?" if near else message


def dashed(spelling: str) -> str:
    """A long name with dashes instead of underscores."""
    return spelling.replace("_", "-") if spelling.startswith("--") else spelling


@cache
def flag_table(backend: str) -> FlagTable:
    """The flags of vllm or sglang; KeyError for another name."""
    facts = load_data("engines/backends")[backend]
    flags = load_data(f"engines/{backend}-{facts['version']}")["flags"]
    return FlagTable(
        {name: Flag.model_validate(flag) for name, flag in flags.items()},
        load_data("engines/removed")[backend],
        Dialect.model_validate(facts),
    )
