"""The flags of one engine's command line: their names, and which words are legal values."""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Literal, NamedTuple

from pydantic import ConfigDict, Field

from aimlib.api.base import Model
from aimlib.data import load_data

FlagValue = bool | int | float | str | list["FlagValue"] | dict[str, "FlagValue"] | None
"""What a word means: as the engine reads it, so that 32k and 32000 are equal."""

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
    """The kind of one value: a size is a whole number that may carry a suffix, an object is JSON with keys."""
    style: Literal["optional", "store_true"] | None = None
    """Of a bool: optional is turned off by --no-..., store_true can only be turned on."""
    nargs: Literal["?", "*", "+"] | int | None = None
    """How many values: one when left out, an optional one (?), any number (*), at least one (+), or exactly so many."""
    choices: tuple[int | str, ...] = ()
    """The legal values of a choice."""
    aliases: tuple[str, ...] = ()
    """Other names, short ones too."""
    default: bool | int | float | str | None = None
    """Where the source states a constant; a bool without one is off or decided by the engine."""
    nullable: bool = False
    """The empty text and None say that the flag is not set."""
    auto: bool = False
    """-1 and auto let the engine decide."""
    fold: bool = False
    """Capitals and dashes make no difference in a choice."""
    repeat: bool = False
    """Giving it again adds to it."""

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        one = f"one of {', '.join(map(str, self.choices))}" if self.type == "choice" else EXPECTED_VALUES[self.type]
        return f"{one}, or auto" if self.auto else one

    @property
    def keyed(self) -> bool:
        """Whether its value is made of keys that can be given one by one."""
        return self.type in {"object", "json", "text_or_json"}


class Dialect(Model):
    """What an engine's parser does besides the flags themselves."""

    title: str
    version: str
    dotted_keys: bool
    inverse: Mapping[str, str]
    size_suffixes: Mapping[str, Annotated[int, Field(gt=1)]]
    joined: Mapping[str, str]

    def size(self, word: str) -> int:
        """`32k` as 32000; ValueError when it is no such number."""
        form = re.fullmatch(rf"(\d+)(\.\d+)?({'|'.join(self.size_suffixes)})", word.strip())
        if not form:
            return int(word)
        factor = self.size_suffixes[form[3]]
        if form[2] and factor % 1000:
            raise ValueError("a decimal point does not go with a power of two")
        return int(Decimal(form[1] + (form[2] or "")) * factor)

    def value(self, flag: Flag, word: str) -> FlagValue:
        """What a word means as one value of a flag; ValueError, saying what was expected, when it means nothing."""
        if flag.nullable and word in {"", "None"}:
            return None
        if flag.auto and word.strip().lower() in {"-1", "auto"}:
            return -1
        try:
            return READERS[flag.type](self, flag, word)
        except (ValueError, KeyError, RecursionError):
            raise ValueError(f"expected {flag.expected}") from None


def parse_choice(_: Dialect, flag: Flag, word: str) -> FlagValue:
    """The choice that a word spells."""
    spelt = word.lower().replace("-", "_") if flag.fold else word
    return {str(option): option for option in flag.choices}[spelt]


def parse_json(dialect: Dialect, flag: Flag, word: str) -> FlagValue:
    """JSON, in which numbers outside of texts may carry a suffix where the parser has dotted keys."""
    if dialect.dotted_keys:
        parts = re.split(r'("(?:[^"\\]|\\.)*")', word)
        number = rf"\b\d+(?:\.\d+)?(?:{'|'.join(dialect.size_suffixes)})\b"
        parts[::2] = [re.sub(number, lambda found: str(dialect.size(found[0])), part) for part in parts[::2]]
        word = "".join(parts)
    value: FlagValue = json.loads(word)
    if flag.type == "object" and not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def parse_text_or_json(dialect: Dialect, flag: Flag, word: str) -> FlagValue:
    """JSON when it stands in braces, else the text itself."""
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
    """What a name on the command line stands for."""

    name: str
    """The flag's own name."""
    off: bool
    """Whether the name turns it off."""


class FlagTable:
    """All flags of one engine, found by any name that its parser takes."""

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
        """The flag of that name, with dashes or underscores, also shortened as far as only one flag can be meant."""
        name = dashed(spelling)
        if name in self.names or name in self.removed or not name.startswith("--"):
            return self.names.get(name)
        longer = {named for known, named in self.names.items() if known.startswith(name)}
        return longer.pop() if len(longer) == 1 and len(name) > len("--") else None

    def unknown(self, spelling: str) -> str:
        """The sentence about a name that the parser does not take."""
        name = dashed(spelling)
        sentence = f"{name} is no flag of {self.dialect.title} {self.dialect.version}"
        if name in self.removed:
            return f"{sentence}: {self.removed[name]}"
        near = get_close_matches(name, self.names, n=1)
        return f"{sentence}; did you mean {near[0]}?" if near else sentence


def dashed(spelling: str) -> str:
    """A long name with dashes only."""
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
