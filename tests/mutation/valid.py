"""Objects that the API server would store: values drawn from a CRD's schema, rather at its bounds than within."""

import re
import re._constants as sre
import re._parser as parser
from random import Random
from typing import Any

ASCII = [chr(code) for code in range(33, 127)]
TEXTS = ("a", "ä", "$(HF_TOKEN)", "--x", "a/b", "\u202e", "\x1b[2J", "1e9", "main", "../a", " ", "a\nb", "{", "0")
KEYS = (
    "a",
    "example.com/b",
    "aim.engine.amd.com/cached-models",
    "aim.engine.amd.com/full-hardware",
    "metacontroller.k8s.io/last-applied-configuration",
    "ä",
    "",
)
QUANTITIES = ("0", "1", "500m", "64Gi", "1e9", "1e999999", "9" * 30, "0.000000001", "1E3", "1e-9", "3e30", "1Ei")
TIMES = ("2026-11-23T12:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-23T12:00:00.999999+14:00")
LONG = 70
"""Repetitions without a bound are rarely longer."""


def text_of(chance: Random, pattern: str) -> str:
    """A text that a regular expression of ours matches as a whole."""
    return "".join(_parts(chance, parser.parse(pattern)))


def _parts(chance: Random, parsed: Any) -> list[str]:
    return [text for code, value in parsed for text in PARTS[code](chance, value)]


def _repeated(chance: Random, value: Any) -> list[str]:
    least, most, inner = value
    highest = min(int(most), least + chance.choice((1, 3, LONG)))
    count = chance.choice((least, highest, chance.randint(least, highest)))
    return [text for _ in range(count) for text in _parts(chance, inner)]


PARTS = {
    sre.AT: lambda *_: [],
    sre.LITERAL: lambda _, value: [chr(value)],
    sre.IN: lambda chance, value: [chance.choice(_members(value))],
    sre.BRANCH: lambda chance, value: _parts(chance, chance.choice(value[1])),
    sre.SUBPATTERN: lambda chance, value: _parts(chance, value[3]),
    sre.MAX_REPEAT: _repeated,
}
"""Texts for the parts of regular expressions that ours have."""
CATEGORIES = {sre.CATEGORY_DIGIT: str.isdigit, sre.CATEGORY_SPACE: str.isspace, sre.CATEGORY_WORD: str.isalnum}
OUTSIDE = {sre.CATEGORY_NOT_SPACE: str.isspace, sre.CATEGORY_NOT_DIGIT: str.isdigit}


def _members(parts: Any) -> list[str]:
    """The characters of a class."""
    inside: set[str] = set()
    negated = False
    for code, value in parts:
        if code is sre.NEGATE:
            negated = True
        elif code is sre.LITERAL:
            inside.add(chr(value))
        elif code is sre.RANGE:
            inside |= {chr(one) for one in range(value[0], value[1] + 1)}
        elif value in CATEGORIES:
            inside |= {one for one in ASCII if CATEGORIES[value](one)}
        else:
            inside |= {one for one in ASCII if not OUTSIDE[value](one)}
    return sorted(set(ASCII) - inside if negated else inside)


def value_of(chance: Random, schema: dict[str, Any], dense: float = 0.25) -> Any:
    """A value that a schema accepts; `dense` is how likely a field is there that need not be."""
    if schema.get("x-kubernetes-int-or-string"):
        return chance.choice((0, 1, 3, "0", "0%", "25%", "100%"))
    if "enum" in schema:
        return chance.choice(schema["enum"])
    return BY_TYPE[schema["type"]](chance, schema, dense)


def _object(chance: Random, schema: dict[str, Any], dense: float) -> dict[str, Any]:
    if "additionalProperties" in schema:
        count = chance.choice((0, 1, 2, min(schema.get("maxProperties", 3), 20)))
        inner = schema["additionalProperties"]
        return {chance.choice(KEYS) + str(number): value_of(chance, inner, dense) for number in range(count)}
    required = schema.get("required", ())
    return {
        name: value_of(chance, inner, dense)
        for name, inner in schema.get("properties", {}).items()
        if name in required or chance.random() < dense
    }


def _array(chance: Random, schema: dict[str, Any], dense: float) -> list[Any]:
    least, most = schema.get("minItems", 0), min(schema.get("maxItems", 4), 8)
    found = [value_of(chance, schema["items"], dense) for _ in range(chance.choice((least, least + 1, 2, most)))]
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys:  # the API server refuses two of a key
        found = list({tuple(str(one.get(key)) for key in keys): one for one in found}.values())
    return found[:most]


def _string(chance: Random, schema: dict[str, Any], _: float) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 300)
    pattern = schema.get("pattern")
    if schema.get("format") == "date-time":
        return chance.choice(TIMES)
    for _attempt in range(50):
        if pattern is None:
            text = chance.choice((*TEXTS, "x" * least, "y" * min(most, 5000)))
        elif chance.random() < 0.3:
            text = chance.choice(QUANTITIES)
        else:
            text = text_of(chance, pattern)
        if least <= len(text) <= most and (pattern is None or re.search(pattern, text)):
            return text
    raise ValueError(f"no text of {least} to {most} characters for {pattern}")


def _number(chance: Random, schema: dict[str, Any], _: float) -> float:
    least, most = schema.get("minimum", -(2**31)), schema.get("maximum", 2**53)
    broken = (0.5, 1e300) if schema["type"] == "number" else ()
    return chance.choice([one for one in (0, 1, 2, 8, least, most, least + 1, *broken) if least <= one <= most])


BY_TYPE = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": lambda chance, _schema, _dense: chance.random() < 0.5,
}
