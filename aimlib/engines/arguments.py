"""Parses command-line arguments like the engine's own parser, checks them, and writes them in a canonical form."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aimlib.engines.flags import Flag, FlagTable, FlagValue, NamedFlag, flag_table

_T = TypeVar("_T")
BOOLEANS = {"true": True, "false": False}
MOST_SEARCHED = 32
"""Errors before which the nearest name of an unknown flag is searched for: a search takes about a millisecond."""


@dataclass(frozen=True)
class Argument:
    """One flag with its values."""

    flag: str
    """The primary name of the flag."""
    key: str
    """The key in --flag.key value, else empty."""
    texts: tuple[str, ...]
    """The values as written; none for a bool."""
    value: FlagValue
    """The parsed value; a list for a flag that takes several."""

    @property
    def name(self) -> str:
        """The flag and its key, as on the command line."""
        return f"{self.flag}.{self.key}" if self.key else self.flag

    def is_replaced_by(self, other: "Argument") -> bool:
        """Whether another one says the same otherwise: the same flag, or a key of it and the whole of it."""
        return self.flag == other.flag and (self.key == other.key or not (self.key and other.key))

    @property
    def text(self) -> str:
        """The value, for messages."""
        return " ".join(self.texts) or str(self.value).lower()

    def render(self) -> tuple[str, ...]:
        """The arguments of the command line; a value that looks like a flag is joined to its name by =."""
        if self.value is False and not self.texts:
            return (f"--no-{self.flag[2:]}",)
        if len(self.texts) == 1 and self.texts[0].startswith("-"):
            return (f"{self.name}={self.texts[0]}",)
        return (self.name, *self.texts)


@dataclass(frozen=True)
class ParsedArgs:
    """The valid arguments in order, and the errors of the others."""

    backend: str
    arguments: tuple[Argument, ...]
    errors: tuple[str, ...]
    """One message per error."""

    def value(self, flag: str, kind: type[_T]) -> _T | None:
        """The value of a flag, by any of its names; None when it is not set, or has a value of another type."""
        named = flag_table(self.backend).find(flag)
        found = (argument.value for argument in self.arguments if named and argument.name == named.name)
        value = next(found, None)
        return value if isinstance(value, kind) else None

    def without(self, *flags: str) -> "ParsedArgs":
        """These arguments without some flags, with or without keys."""
        left = tuple(argument for argument in self.arguments if argument.flag not in flags)
        return ParsedArgs(self.backend, left, self.errors)

    def overridden_by(self, other: "ParsedArgs") -> "ParsedArgs":
        """These arguments, but for those that others replace, and then the others; both have their errors."""
        left = tuple(one for one in self.arguments if not any(map(one.is_replaced_by, other.arguments)))
        return ParsedArgs(self.backend, (*left, *other.arguments), (*self.errors, *other.errors))

    def render(self) -> tuple[str, ...]:
        """The canonical command line: parsing it gives the same arguments."""
        return tuple(word for argument in self.arguments for word in argument.render())


def parse_args(backend: str, args: Sequence[str]) -> ParsedArgs:
    """The arguments of `backend` (vllm or sglang) in any of the spellings that its parser accepts.

    The spelling of the earlier API, in which a bool is followed by its value, works, too: `--trust-remote-code true`.
    An argument that is unknown, removed, of the wrong type, repeated with another value or without a flag is one of the
    `errors` of the result. KeyError for another backend.
    """
    reader = ArgumentReader(flag_table(backend), list(args))
    read = list(reader.arguments())
    valid: dict[object, Argument] = {}
    for argument in read:
        repeated = reader.table.flags[argument.flag].repeat or argument.key.endswith("+")
        first = valid.setdefault(len(valid) if repeated else argument.name, argument)
        if first.value != argument.value:
            reader.errors.append(f"{argument.name} is given twice, as {first.text} and as {argument.text}")
    whole = {argument.flag for argument in valid.values() if not argument.key}
    for flag in dict.fromkeys(argument.flag for argument in valid.values() if argument.key and argument.flag in whole):
        reader.errors.append(f"{flag} is given both as a whole and by key; use one of the two")
    return ParsedArgs(backend, tuple(valid.values()), (*reader.errors, *_missing(reader.table, valid.values())))


def _missing(table: FlagTable, arguments: Iterable[Argument]) -> Iterator[str]:
    """An error for each flag without the one that it needs; a file of arguments may have that."""
    given = {argument.flag for argument in arguments if argument.value is not False and argument.value is not None}
    if ARGUMENTS_FILE not in given:
        needs = table.dialect.needs.items()
        yield from (f"{flag} needs {other}" for flag, other in needs if flag in given and other not in given)


class ArgumentReader:
    """Reads the words of a command line one by one."""

    def __init__(self, table: FlagTable, words: list[str]) -> None:
        self.table, self.words, self.errors = table, words, list[str]()
        self.position = 0

    def arguments(self) -> Iterator[Argument]:
        """The valid arguments; messages about the others are added to `errors`."""
        while self.position < len(self.words):
            word = self.words[self.position]
            self.position += 1
            if not self.is_flag(word):
                self.errors.append(f"{word!r} belongs to no flag")
                continue
            name, tied, value = self.split(word)
            spelling, _, key = name.partition(".")
            named = self.table.find(spelling)
            values = [value] if tied else []
            if named is None or (key and not self.keyed(named)):
                self.errors.append(self.table.unknown(name, search=len(self.errors) < MOST_SEARCHED))
                self.take("*")
            elif self.table.flags[named.name].type == "bool":
                yield from self.switch(named, values)
            else:
                yield from self.valued(named.name, key, values)

    def keyed(self, named: NamedFlag) -> bool:
        return self.table.dialect.dotted_keys and self.table.flags[named.name].keyed

    def split(self, word: str) -> tuple[str, bool, str]:
        """The name in a word, and the value that is joined to it, by = or, for some short flags, directly."""
        for short, flag in self.table.dialect.joined.items():
            if word.startswith(short) and not word.startswith("--"):
                rest = word.removeprefix(short)
                return flag, bool(rest), rest.removeprefix("=")
        name, equals, value = word.partition("=")
        return name, bool(equals), value

    def is_flag(self, word: str) -> bool:
        """Whether argparse treats the word as a flag: it starts with a dash and is neither a number nor a text."""
        number = re.fullmatch(r"-\d+|-\d*\.\d+", word)
        return len(word) > 1 and word.startswith("-") and not number and " " not in word.partition("=")[0]

    def take(self, nargs: str | int | None) -> list[str]:
        """The next words before the next flag, at most as many as a flag with these nargs takes."""
        most = nargs if isinstance(nargs, int) else len(self.words) if nargs in {"*", "+"} else 1
        taken: list[str] = []
        while len(taken) < most and self.position < len(self.words) and not self.is_flag(self.next):
            taken.append(self.next)
            self.position += 1
        return taken

    @property
    def next(self) -> str:
        return self.words[self.position]

    def switch(self, named: NamedFlag, values: list[str]) -> Iterator[Argument]:
        """A bool, on or off by its name and the value that may follow; omitted if off and it cannot be turned off."""
        if not values and self.position < len(self.words) and self.next.lower() in BOOLEANS:
            values = self.take(None)
        stated = BOOLEANS.get(values[0].lower()) if values else True
        if stated is None:
            self.errors.append(f"{named.name} got {values[0]!r}, expected no value")
        elif stated is not named.off or self.table.flags[named.name].style == "optional":
            yield Argument(named.name, "", (), stated is not named.off)

    def valued(self, name: str, key: str, tied: list[str]) -> Iterator[Argument]:
        """A flag with its values, checked for type and number."""
        flag = self.table.flags[name] if not key else KEY
        words = tied or self.take(flag.nargs)
        full = f"{name}.{key}" if key else name
        least = flag.nargs if isinstance(flag.nargs, int) else {"?": 0, "*": 0}.get(str(flag.nargs), 1)
        if len(words) < least:
            self.errors.append(f"{full} needs a value: expected {flag.expected}")
            return
        try:
            values = [self.table.dialect.value(flag, word) for word in words]
        except ValueError as error:
            self.errors.append(f"{full} got {' '.join(words)!r}, {error}")
            return
        several = flag.nargs not in {None, "?"}
        yield Argument(name, key, tuple(words), values if several else values[0] if values else True)


ARGUMENTS_FILE = "--config"
"""The flag of both engines for a file with more arguments."""
KEY = Flag(type="str")
"""The value of a key, of which only the engine knows the schema."""
