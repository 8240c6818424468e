"""Whether a DeviceClass selects a device: the part of CEL that drivers' classes are made of.

That is `==`, `!=`, `in`, `has`, `!`, `&&`, `||` and parentheses over `device.driver`, `device.attributes[DOMAIN].NAME`
and `device.allowMultipleAllocations` (k8s.io/dynamic-resource-allocation/cel). What else an expression has makes it
unknown, and where it is not known that a class selects a device, the class counts as one that does not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from aimlib.errors import InvalidInputError

Value = str | bool | int | Mapping[str, "Value"] | None
"""A value of CEL; None where it is not known, which is also what an attribute is that a device does not have."""
Evaluate = Callable[[Value], Value]

SELECTOR_TOKEN = re.compile(r"\s*(\|\||&&|==|!=|[!()\[\].]|'[^'\\]*'|\"[^\"\\]*\"|[0-9]{1,18}|[A-Za-z_][A-Za-z0-9_]*)")
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
QUOTED = re.compile(r"(['\"]).*\1")
LONGEST_SELECTOR = 10 * 1024
"""Characters of an expression, as the API server has it (CELSelectorExpressionMaxLength)."""
DEEPEST_SELECTOR = 16
"""Parentheses and negations within each other."""
LITERALS: Mapping[str, Value] = {"true": True, "false": False}


class SelectorError(InvalidInputError):
    """An expression with more than this part of CEL."""


def is_selected(expression: str, device: Mapping[str, Value]) -> bool | None:
    """Whether a selector is true for a device: `{driver, allowMultipleAllocations, attributes: {DOMAIN: {NAME: …}}}`.

    None where that is not known: what it refers to is not there, or it has more than this part of CEL.
    """
    try:
        found = _compiled(expression)({"device": device})
    except SelectorError:
        return None
    return found if isinstance(found, bool) else None


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Evaluate:
    reader = _Reader(_tokens(expression))
    result = reader.either(0)
    reader.expect("")
    return result


def _tokens(expression: str) -> list[str]:
    place, found = 0, []
    if len(expression) > LONGEST_SELECTOR:
        raise SelectorError("too long")
    text = expression.rstrip()
    while place < len(text):
        token = SELECTOR_TOKEN.match(text, place)
        if token is None:
            raise SelectorError("more than comparisons")
        found.append(token[1])
        place = token.end()
    return [*found, ""]


class _Reader:
    """Reads tokens by recursive descent; the last one is empty."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.place = 0

    @property
    def next(self) -> str:
        return self.tokens[self.place]

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1]

    def taken(self, token: str) -> bool:
        if self.next != token:
            return False
        self.place += 1
        return True

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise SelectorError(f"no {token or 'end'}")

    def key(self, form: re.Pattern[str]) -> str:
        key = self.take()
        if not form.fullmatch(key):
            raise SelectorError("no key")
        return key

    def either(self, depth: int) -> Evaluate:
        found = [self.both(depth)]
        while self.taken("||"):
            found.append(self.both(depth))
        return found[0] if len(found) == 1 else lambda world: _joined((one(world) for one in found), decides=True)

    def both(self, depth: int) -> Evaluate:
        found = [self.compared(depth)]
        while self.taken("&&"):
            found.append(self.compared(depth))
        return found[0] if len(found) == 1 else lambda world: _joined((one(world) for one in found), decides=False)

    def compared(self, depth: int) -> Evaluate:
        left = self.single(depth)
        if self.next not in {"==", "!=", "in"}:
            return left
        operator, right = self.take(), self.single(depth)
        return lambda world: _compare(left(world), operator, right(world))

    def single(self, depth: int) -> Evaluate:
        if depth > DEEPEST_SELECTOR:
            raise SelectorError("too deep")
        word = self.take()
        if word == "!":
            inner = self.single(depth + 1)
            return lambda world: _negated(inner(world))
        if word == "(":
            inner = self.either(depth + 1)
            self.expect(")")
            return inner
        if word == "has" and self.taken("("):
            inner = self.single(depth + 1)
            self.expect(")")
            return lambda world: inner(world) is not None
        if word[:1] in {"'", '"'} or word.isdigit() or word in LITERALS:
            value: Value = int(word) if word.isdigit() else LITERALS.get(word, word[1:-1])
            return lambda _: value
        return self.path(word)

    def path(self, first: str) -> Evaluate:
        if first != "device":
            raise SelectorError("no device")
        keys = [first]
        while self.next in {".", "["}:
            if self.take() == ".":
                keys.append(self.key(FIELD))
            else:
                keys.append(self.key(QUOTED)[1:-1])
                self.expect("]")
        return lambda world: _at(world, keys)


def _at(world: Value, keys: list[str]) -> Value:
    for key in keys:
        world = world.get(key) if isinstance(world, Mapping) else None
    return world


def _joined(values: Iterable[Value], *, decides: bool) -> Value:
    """`||` and `&&`, where one value that decides is enough, whatever is not known of the others."""
    found = list(values)
    if decides in [one for one in found if isinstance(one, bool)]:
        return decides
    return (not decides) if all(isinstance(one, bool) for one in found) else None


def _compare(left: Value, operator: str, right: Value) -> Value:
    if operator == "in":
        return left in right if isinstance(left, str) and isinstance(right, Mapping) else None
    if left is None or right is None or type(left) is not type(right):
        return None
    return (left == right) is (operator == "==")


def _negated(value: Value) -> Value:
    return not value if isinstance(value, bool) else None


class DeviceClass(NamedTuple):
    """A DeviceClass, as far as it matters which devices it selects, and by what pods get them without a claim."""

    name: str
    selectors: tuple[str, ...]
    """CEL; all of them must be true."""
    extended_resource: str | None = None
    created: str = ""

    def selects(self, device: Mapping[str, Value]) -> bool:
        """Whether it is known that it selects a device."""
        return all(is_selected(one, device) is True for one in self.selectors)
