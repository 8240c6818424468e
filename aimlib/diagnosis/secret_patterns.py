"""What may be a secret in words that others wrote: names that tell, forms that are known, and where a value ends.

What is not known to be harmless behind such a name is hidden, up to the end of the line where nothing else ends it.
"""

import re
from collections.abc import Iterator

HIDDEN = "(hidden)"
SECRET_WORDS = frozenset({"key", "apikey", "token", "secret", "password", "passwd", "passphrase", "credential", "auth"})
SECRET_WORDS |= {"authorization", "cookie"}
"""Words that make a name one of a secret: `--api-key`, `VLLM_API_KEY`, `aws_secret_access_key`."""
SECRET_FORMS = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|\b(?:gh[a-z]_|github_pat_|glpat-|nvapi-|xox[a-z]-)[A-Za-z0-9_-]{10,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^\s/]+(?=@)"
    r"|(?<![^\s\"'(\[{=,;])[^\s:/@\"']+:(?!//)[^\s/\"']+(?=@(?!sha256:)[\w.-])"
    r"|(?i:(?<=\bbearer)\s+\S+)"
)
"""Tokens of hubs, clouds and APIs, JSON Web Tokens, who logs in by a URL or at a host, and what follows Bearer."""

_NAME = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]++)(?:["'\])]*\s*(?::=|[:=])\s*|(?<=\w)\s+(?=\S))""")
_QUOTED = r""""(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$)"""
_LISTED = rf"""[\[({{](?:{_QUOTED}|[^\])}}"'])*(?:[\])}}]|$)"""
_VALUE = re.compile(rf"(?:(?:bearer|basic|digest|token)\s+)?(?:{_LISTED}|{_QUOTED}|\S)\S*", re.IGNORECASE)
_VALUES = re.compile(r".*?(?=\s+--?[A-Za-z]|$)")
"""What stands behind a name: one value, or, behind a flag, all up to the next flag."""


def is_secret(name: str) -> bool:
    """Whether a name is that of a secret, going by its words."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return not SECRET_WORDS.isdisjoint(word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced))


def hide_tokens(text: str) -> str:
    """A text without what has the form of a secret."""
    return SECRET_FORMS.sub(lambda found: f" {HIDDEN}" if found.group()[0].isspace() else HIDDEN, text)


def hide_secrets(line: str) -> str:
    """One line without what may be a secret in it. What is hidden already stays as it is."""
    line = hide_tokens(line)
    kept, at = [], 0
    for start, end in sorted(_values(line)):
        kept += [line[at:start], HIDDEN] if start >= at else []
        at = max(at, end)
    return "".join([*kept, line[at:]])


def _values(line: str) -> Iterator[tuple[int, int]]:
    """Where values stand behind names of secrets; what stands in a value may be such a name again."""
    for found in _NAME.finditer(line):
        name, assigned = found["name"], re.search(r"[:=]\s*$", found.group())
        if is_secret(name) and not re.search(r"(?:Error|Exception|Warning)$", name):
            if assigned and (value := _VALUE.match(line, found.end())):
                yield value.span()
            elif name.startswith("-") and (values := _VALUES.match(line, found.end())):
                yield values.span()
