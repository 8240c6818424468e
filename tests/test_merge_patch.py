"""Differences between JSON values: a patch gives back exactly what it was made from, and has only what differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.files import parsed, written
from tests.merge_patch import apply, difference, same

NAMES = st.sampled_from(["a", "name", "kind", "type", "metadata", "$like", "$lines", "$replace"])
FIXED = ["", "a", "null", "1", "$like", "a\nb\nc\nd", "a\nb\nc\ne\n", "\x85\n", "a\u2028"]
TEXTS = st.sampled_from(FIXED) | st.text(max_size=3)
VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 2) | TEXTS


def grown(inner):
    objects = st.dictionaries(NAMES, inner, max_size=4)
    named = st.builds(lambda name, rest: {**rest, "name": name}, st.sampled_from("abcd"), objects)
    return objects | st.lists(inner, max_size=4) | st.lists(named, max_size=4)


anything = st.recursive(VALUES, grown, max_leaves=20)


@given(anything, anything)
def test_a_patch_makes_the_one_of_the_other_and_so_it_does_from_its_file(base, value):
    patch = difference(base, value)
    assert same(apply(base, patch), value)
    assert same(apply(base, parsed(written(patch))), value)


@given(anything)
def test_nothing_differs_from_itself(value):
    patch = difference(value, value)
    assert patch == {} if isinstance(value, dict) else same(apply(value, patch), value)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), (None, {}), ([], {}), ("", None)])
def test_values_that_only_look_alike_differ(one, other):
    assert not same({"a": one}, {"a": other})
    assert same(apply({"a": one}, difference({"a": one}, {"a": other})), {"a": other})


def objects(**values):
    return [{"name": name, "value": value, "rest": [1, 2, 3]} for name, value in values.items()]


ENGINE = {"name": "engine", "image": "a", "args": ["--port", "8000"], "env": objects(A="1", B="2"), "tty": True}

CASES = {
    "one field of a list's object": (objects(a=1, b=2), objects(a=1, b=3), {"b": {"value": 3}}),
    "an object less": (objects(a=1, b=2), objects(b=2), {"a": None}),
    "a new object at the end": (
        objects(a=1),
        [*objects(a=1), {"name": "b"}],
        {"b": {"name": "b"}},
    ),
    "another order is the whole list": (objects(a=1, b=2), objects(b=2, a=1), objects(b=2, a=1)),
    "a list without names is the whole list": ([{"x": 1}], [{"x": 2}], [{"x": 2}]),
    "two of a name are the whole list": (objects(a=1), [*objects(a=1), *objects(a=2)], [*objects(a=1), *objects(a=2)]),
    "nothing left of a list": (objects(a=1), [], []),
    "a null that is there": ({"a": 1}, {"a": None}, {"$replace": {"a": None}}),
    "a null that was there": ({"a": None, "b": 1}, {"a": None, "b": 2}, {"b": 2}),
    "a null in a list": ({"a": [1]}, {"a": [None]}, {"a": [None]}),
    "an empty object": ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}),
    "an object instead of a text": ({"a": "b"}, {"a": {"b": 1}}, {"a": {"$replace": {"b": 1}}}),
    "one line of a text": ({"a": "1\n2\n3\n4\n"}, {"a": "1\n2\nx\n4\n"}, {"a": {"$lines": {3: "x"}}}),
    "a text of more lines": ({"a": "1\n2\n"}, {"a": "1\n2\n3\n"}, {"a": "1\n2\n3\n"}),
    "a new entry like another": (
        {"a": ENGINE},
        {"a": ENGINE, "b": {**ENGINE, "image": "b"}},
        {"b": {"$like": "a", "image": "b"}},
    ),
    "one that is renamed": ([ENGINE], [{**ENGINE, "name": "other"}], [{**ENGINE, "name": "other"}]),
    "a text under another name": (
        {"a": "1\n2\n3\n4\n5\n6\n7\n8\n"},
        {"b": "1\n2\n3\n4\n5\n6\n7\nx\n"},
        {"a": None, "b": {"$like": "a", "$lines": {8: "x"}}},
    ),
}


@pytest.mark.parametrize(("base", "value", "patch"), CASES.values(), ids=CASES)
def test_a_patch_has_what_differs(base, value, patch):
    assert same(difference(base, value), patch)
    assert same(apply(base, patch), value)


def test_a_patch_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match='the base has "text" where the patch has a mapping of b'):
        apply({"a": "text"}, {"a": {"b": 1}})
    with pytest.raises(KeyError):
        apply({"a": {}}, {"b": {"$like": "c"}})
