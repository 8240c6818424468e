"""Command-line arguments of an engine: read as its own parser reads them, checked, written in one canonical form."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aimlib.engines.flags import Flag, FlagTable, FlagValue, NamedFlag, flag_table

_T = TypeVar("_T")
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Argument:
    """One flag with its values."""

    flag: str
    """The flag's own name."""
    key: str
    """The rest of --flag.key value, else empty."""
    words: tuple[str, ...]
    """The values as they were written; none for a bool."""
    value: FlagValue
    """What they mean; a list for a flag that takes several."""

    @property
    def name(self) -> str:
        """How it is asked for: the flag and its key."""
        return f"{self.flag}.{self.key}" if self.key else self.flag

    @property
    def said(self) -> str:
        """The value in a sentence."""
        return " ".join(self.words) or str(self.value).lower()

    def render(self) -> tuple[str, ...]:
        """The words of the command line; a value that looks like a flag is tied to its name."""
        if self.value is False and not self.words:
            return (f"--no-{self.flag[2:]}",)
        if len(self.words) == 1 and self.words[0].startswith("-"):
            return (f"{self.name}={self.words[0]}",)
        return (self.name, *self.words)


@dataclass(frozen=True)
class ParsedArgs:
    """Arguments in their order, and what is wrong with those that are left out of it."""

    backend: str
    arguments: tuple[Argument, ...]
    errors: tuple[str, ...]
    """One sentence for each objection."""

    def value(self, flag: str, kind: type[_T]) -> _T | None:
        """What a flag (by any of its names) was set to; None when it was not, or to something of another kind."""
        named = flag_table(self.backend).find(flag)
        found = (argument.value for argument in self.arguments if named and argument.name == named.name)
        value = next(found, None)
        return value if isinstance(value, kind) else None

    def without(self, *flags: str) -> "ParsedArgs":
        """The same arguments without those flags, with or without keys."""
        left = tuple(argument for argument in self.arguments if argument.flag not in flags)
        return ParsedArgs(self.backend, left, self.errors)

    def render(self) -> tuple[str, ...]:
        """The command line, canonical: parsing it again gives the same arguments."""
        return tuple(word for argument in self.arguments for word in argument.render())


def parse_args(backend: str, args: Sequence[str]) -> ParsedArgs:
    """The arguments of `backend` (vllm or sglang) in any of the spellings that its parser takes.

    Also taken is the spelling of the earlier API, in which a bool is followed by a word: `--trust-remote-code true`.
    What is unknown, removed, of the wrong type, given twice differently or without its flag becomes a sentence in
    `errors`. KeyError for another backend.
    """
    reader = ArgumentReader(flag_table(backend), list(args))
    read = list(reader.arguments())
    kept: dict[object, Argument] = {}
    for argument in read:
        repeated = reader.table.flags[argument.flag].repeat or argument.key.endswith("+")
        first = kept.setdefault(len(kept) if repeated else argument.name, argument)
        if first.value != argument.value:
            reader.errors.append(f"{argument.name} is given twice, as {first.said} and as {argument.said}")
    whole = {argument.flag for argument in kept.values() if not argument.key}
    for flag in dict.fromkeys(argument.flag for argument in kept.values() if argument.key and argument.flag in whole):
        reader.errors.append(f"{flag} is given both whole and by key; write all of it in one way")
    return ParsedArgs(backend, tuple(kept.values()), tuple(reader.errors))


class ArgumentReader:
    """Walks over the words of a command line."""

    def __init__(self, table: FlagTable, words: list[str]) -> None:
        self.table, self.words, self.errors = table, words, list[str]()
        self.position = 0

    def arguments(self) -> Iterator[Argument]:
        """The legal arguments; the others go to `errors`."""
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
                self.errors.append(self.table.unknown(name))
                self.take("*")
            elif self.table.flags[named.name].type == "bool":
                yield from self.switch(named, values)
            else:
                yield from self.valued(named.name, key, values)

    def keyed(self, named: NamedFlag) -> bool:
        return self.table.dialect.dotted_keys and self.table.flags[named.name].keyed

    def split(self, word: str) -> tuple[str, bool, str]:
        """The name in a word, and the value that is tied to it, with = or, for a short flag of that kind, directly."""
        for short, flag in self.table.dialect.joined.items():
            if word.startswith(short) and not word.startswith("--"):
                rest = word.removeprefix(short)
                return flag, bool(rest), rest.removeprefix("=")
        name, equals, value = word.partition("=")
        return name, bool(equals), value

    def is_flag(self, word: str) -> bool:
        """Whether argparse would take the word for a flag: it starts with a dash, and is no number and no text."""
        number = re.fullmatch(r"-\d+|-\d*\.\d+", word)
        return len(word) > 1 and word.startswith("-") and not number and " " not in word.partition("=")[0]

    def take(self, nargs: str | int | None) -> list[str]:
        """The next words, up to the next flag, as many as a flag with these nargs takes."""
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
        """A bool, on or off by its name and by the word that may follow; one that can't be turned off is left out."""
        if not values and self.position < len(self.words) and self.next.lower() in BOOLEANS:
            values = self.take(None)
        said = BOOLEANS.get(values[0].lower()) if values else True
        if said is None:
            self.errors.append(f"{named.name} got {values[0]!r}, expected no value")
        elif said is not named.off or self.table.flags[named.name].style == "optional":
            yield Argument(named.name, "", (), said is not named.off)

    def valued(self, name: str, key: str, tied: list[str]) -> Iterator[Argument]:
        """A flag with its values, each of the right type and as many as it takes."""
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


KEY = Flag(type="str")
"""The value of one key: what is legal depends on a schema that only the engine knows."""
