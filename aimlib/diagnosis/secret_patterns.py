"""Finds possible secrets in texts of other programs: by names, by known formats, and by the end of a value.

Everything after such a name is hidden, to the end of the line if nothing else ends the value.
"""

import re
from collections.abc import Iterator

HIDDEN = "(hidden)"
SECRET_WORDS = frozenset({"key", "apikey", "token", "secret", "password", "passwd", "passphrase", "credential", "auth"})
SECRET_WORDS |= {"authorization", "cookie"}
"""Words in the names of secrets: `--api-key`, `VLLM_API_KEY`, `aws_secret_access_key`."""
SECRET_FORMS = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[a-z]_|github_pat_|glpat-|nvapi-|xox[a-z]-)[A-Za-z0-9_-]{10,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*+\.[A-Za-z0-9_-]++\.)[A-Za-z0-9_-]*?"
    r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^\s/]+(?=@)"
    r"|(?<![^\s\"'(\[{=,;])[^\s:/@\"'(\[{=,;]++:(?!//)[^\s/\"']{1,512}(?=@(?!sha256:)[\w.-])"
    r"|(?i:(?<=\bbearer)\s+\S+)"
    r"|(?i:(?:(?<=[?&]sig=)|(?<=[?&]signature=)|(?<=[?&]x-amz-signature=))[^\s&\"']+)"
)
"""Tokens of hubs, clouds and APIs, JSON Web Tokens, credentials in URLs or before a host, what follows Bearer, and what
signs a URL.

Each begins once in a run of its characters, or is bounded, so that no text takes more than linear time.
"""
PROSE = re.compile(r"server message: ")
"""What follows the name of a secret and is none: `may require authorization: server message: …` of containerd."""
MOST_NAMES = 32
"""Names of secrets in one line, after which the rest of it is hidden."""

_NAME = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]++)(?:["'\])]*\s*(?::=|[:=])\s*|(?<=\w)\s+(?=\S))""")
_QUOTED = r""""(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$)"""
_LISTED = rf"""[\[({{](?:{_QUOTED}|[^\])}}"'])*(?:[\])}}]|$)"""
_VALUE = re.compile(rf"(?:(?:bearer|basic|digest|token)\s+)?(?:{_LISTED}|{_QUOTED}|\S)\S*", re.IGNORECASE)
_VALUES = re.compile(r"\S*+(?:\s++(?!--?[A-Za-z])\S*+)*+")
"""The text after a name: one value, or, after a flag, everything before the next flag."""


def is_secret(name: str) -> bool:
    """Whether a name has a word of SECRET_WORDS."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return not SECRET_WORDS.isdisjoint(word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced))


def hide_tokens(text: str) -> str:
    """A text without anything that has the format of a secret."""
    return SECRET_FORMS.sub(lambda found: f" {HIDDEN}" if found.group()[0].isspace() else HIDDEN, text)


def hide_secrets(line: str) -> str:
    """A line without possible secrets. Parts that are hidden already do not change."""
    line = hide_tokens(line)
    parts, at = [], 0
    for start, end in sorted(_values(line)):
        parts += [line[at:start], HIDDEN] if start >= at else []
        at = max(at, end)
    return "".join([*parts, line[at:]])


def _values(line: str) -> Iterator[tuple[int, int]]:
    """The positions of values after names of secrets; a value may contain such a name, too."""
    names = 0
    for found in _NAME.finditer(line):
        name, assigned = found["name"], found.group().rstrip()[-1] in ":="
        if is_secret(name) and not name.endswith(("Error", "Exception", "Warning")):
            if PROSE.match(line, found.end()):
                continue
            names += 1
            if names > MOST_NAMES:
                yield found.end(), len(line)
                return
            if assigned and (value := _VALUE.match(line, found.end())):
                yield value.span()
            elif name.startswith("-") and (values := _VALUES.match(line, found.end())):
                yield values.span()
