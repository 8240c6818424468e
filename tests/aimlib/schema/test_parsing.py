"""What is parsed again is what was parsed before, if the text is the same, and nothing else is."""

import pytest

from aimlib.api.base import Model
from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.parsing import parse_again, parse_as


class Sized(Model):
    """A value with a field of any form."""

    size: float | str | tuple[object, ...] | None = None


class Other(Model):
    """Another type for the same text."""

    size: object = None


def test_an_equal_text_is_parsed_once():
    first = parse_again(Sized, {"size": "a"})
    assert parse_again(Sized, {"size": "a"}) is first
    assert first == parse_as(Sized, {"size": "a"})
    assert type(parse_again(Other, {"size": "a"})) is Other


@pytest.mark.parametrize(
    ("one", "other"), [({"size": 1}, {"size": "1"}), ({"size": float("nan")}, {"size": None}), ({}, {"size": None})]
)
def test_different_texts_are_parsed_apart(one, other):
    for raw in (one, other):
        assert repr(parse_again(Sized, raw)) == repr(parse_as(Sized, raw))
    assert parse_again(Sized, one) is not parse_again(Sized, other)


def test_what_cannot_be_written_as_text_is_parsed_all_the_same():
    half = "half of a pair: \ud800"
    assert parse_again(Other, {"size": half}).size == half
    deep: object = "a"
    for _ in range(300):
        deep = [deep]
    assert parse_again(Other, {"size": deep}).size == deep


def test_an_error_says_what_it_is_about_each_time():
    for about in ("spec", "status.resolved"):
        with pytest.raises(BadRequestError, match=f"^{about}: size"):
            parse_again(Sized, {"size": {}}, about)
