"""Splits what people type into commands as a shell does, as far as that goes without running anything."""

import re
import shlex

from aimlib.errors import InvalidInputError

COMMENT_LINE = re.compile(r"^[ \t]*#[^\n]*\n", re.MULTILINE)
CONTINUED = re.compile(r"(?:\\|(?<=\s)[\^`])[ \t]*(?:[ \t]#[^\n]*)?\r?\n\s*")
"""A line that goes on: as in a POSIX shell, in cmd.exe and in PowerShell; people put comments there, too."""
COMMENT = re.compile(r"(?<=\s)#[^\n]*")
REDIRECTION = re.compile(r"(?<!\S)[\d&]?>{1,2}\s*(?:&\d|[^\s;&|]+)")
DEFAULT = re.compile(r"\$\{\w+:?-([^{}$]*)\}")
SUBSTITUTION = re.compile(r"\$\([^()\n]*\)")
UNSTATED = re.compile(r"\$[\w{(]")
"""A variable, or what another command prints: its value is nowhere in the text."""
OPERATORS = ";&|\n"
SMALL_NUMBER = re.compile(r"[0-9]{1,9}")


def count(text: str) -> int | None:
    """A number of GPUs, replicas or a port; None for other texts, and for more digits than any such number has."""
    return int(text) if SMALL_NUMBER.fullmatch(text) else None


def with_defaults(text: str) -> str:
    """A text in which variables that state a default, such as `${TAG:-latest}`, have it."""
    return DEFAULT.sub(r"\1", text)


def is_unstated(text: str) -> bool:
    """Whether a value is of a variable or of another command, and so not in the text."""
    return UNSTATED.search(text) is not None


def joined_lines(text: str) -> str:
    """A text without comments, in which a command is on one line."""
    return COMMENT.sub("", CONTINUED.sub(" ", COMMENT_LINE.sub("", text)))


def commands(text: str) -> list[list[str]]:
    """The words of each command, without redirections and what the output is piped to.

    InvalidInputError for a text that no shell reads.
    """
    plain = SUBSTITUTION.sub("$(…)", REDIRECTION.sub("", joined_lines(with_defaults(text))))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=OPERATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    found: list[list[str]] = [[]]
    piped = False
    try:
        for word in lexer:
            if set(word) <= set(OPERATORS) and word:
                piped = word == "|"
                found += [] if piped else [[]]
            elif not piped:
                found[-1].append(word)
    except ValueError as error:
        raise InvalidInputError(f"the command cannot be read: {error}") from error
    return [one for one in found if one]
