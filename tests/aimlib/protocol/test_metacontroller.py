"""The hook contract: requests are read or refused in words, and answers say nothing that would never converge."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.protocol.metacontroller import EPOCH, KEPT_IF_EMPTY, BadRequestError, parse_request, prune

PARENT = {"metadata": {"name": "x"}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c", *KEPT_IF_EMPTY]), inner, max_size=4)
    ),
)


def leaves(value, key=""):
    """Everything in a JSON document, with the key that it stands under."""
    yield key, value
    for name, inner in value.items() if isinstance(value, dict) else ((key, item) for item in value or ()):
        if isinstance(inner, dict | list):
            yield from leaves(inner, name)
        else:
            yield name, inner


@given(json_values)
def test_what_is_written_is_settled_the_first_time(value):
    assert prune(prune(value)) == prune(value)


@given(st.dictionaries(st.text(max_size=3), json_values))
def test_nothing_is_written_that_would_never_converge(document):
    for key, value in leaves(prune(document) or {"kept": 1}):
        assert value is not None
        assert value not in ("", []), key
        assert value != {} or key in KEPT_IF_EMPTY
        assert not (isinstance(value, float) and value.is_integer())


clean = st.recursive(
    st.booleans() | st.integers() | st.sampled_from(["a", "b"]) | st.just(0.5),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)
    ),
)


@given(clean)
def test_what_converges_already_is_written_as_it_is(value):
    assert prune(value) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": None, "b": "", "c": [], "d": {}, "e": 0}, {"e": 0}),
        ({"a": {"b": {"c": None}}}, None),
        ({"a": 192.0, "b": 79.6, "c": -0.0}, {"a": 192, "b": 79.6, "c": 0}),
        ({"a": False, "b": 0}, {"a": False, "b": 0}),
        ({"a": ("x", None, ["y", []])}, {"a": ["x", ["y"]]}),
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, {"volumes": [{"name": "v", "emptyDir": {}}]}),
        ({"emptyDir": {"sizeLimit": None}}, None),
        ({"emptyDir": None}, None),
        (True, True),
    ],
    ids=str,
)
def test_this_is_written_as_that(value, written):
    assert prune(value) == written
    assert repr(prune(value)) == repr(written)


def test_whole_numbers_are_written_as_integers_and_booleans_stay():
    assert [type(one) for one in prune([1.0, 1, True, 1.5])] == [int, int, bool, float]


def test_a_composite_request_is_read():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first, second, third = ({"metadata": {"name": name}} for name in "abr")
    children = {"Service.v1": {"b": second, "a": first}}
    related = {"AIMRecipe.aim.engine.amd.com/v1alpha1": {"r": third}}
    read = parse_request({"parent": PARENT, "children": children, "related": related, "finalizing": False}, now)
    assert (read.parent, read.now) == (PARENT, now)
    assert read.observed("Service.v1") == [first, second]
    assert read.found("AIMRecipe.aim.engine.amd.com/v1alpha1") == [third]
    assert read.observed("Deployment.apps/v1") == []


def test_a_kind_that_was_asked_for_may_have_no_objects_but_is_there():
    assert parse_request({"parent": PARENT, "related": {"Node.v1": {}}}).found("Node.v1") == []
    for body in (
        {"parent": PARENT},
        {"parent": PARENT, "related": None},
        {"parent": PARENT, "related": {"Pod.v1": {}}},
    ):
        with pytest.raises(BadRequestError, match=r"the body has no related Node\.v1, which"):
            parse_request(body).found("Node.v1")


def test_a_decorator_request_is_read_the_same():
    attached = {"metadata": {"name": "a"}}
    read = parse_request({"object": PARENT, "attachments": {"AIMNode.x/v1": {"a": attached}}, "related": None})
    assert (read.parent, read.observed("AIMNode.x/v1"), read.related, read.now) == (PARENT, [attached], {}, EPOCH)


@pytest.mark.parametrize("item", [None, "x", [], {}, {"metadata": []}, {"metadata": {}}, {"metadata": {"name": 3}}])
@pytest.mark.parametrize("part", ["children", "related"])
def test_an_object_without_metadata_and_name_is_refused(part, item):
    with pytest.raises(BadRequestError, match="each with metadata and a name"):
        parse_request({"parent": PARENT, part: {"Node.v1": {"a": item}}})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "the body is not a JSON object"),
        ([], "the body is not a JSON object"),
        ("x", "the body is not a JSON object"),
        ({}, "neither a parent nor an object with metadata"),
        ({"parent": {}}, "neither a parent nor an object with metadata"),
        ({"parent": {"metadata": None}}, "neither a parent nor an object with metadata"),
        ({"parent": {"metadata": {}}}, "the parent has no name"),
        ({"object": {"metadata": {"name": ""}}}, "the parent has no name"),
        ({"parent": "x"}, "neither a parent nor an object with metadata"),
        ({"parent": PARENT, "children": [1]}, "children and related are not objects by kind and name"),
        ({"parent": PARENT, "related": {"Node.v1": ["x"]}}, "children and related are not objects by kind and name"),
    ],
    ids=str,
)
def test_what_cannot_be_understood_is_refused_in_words(body, words):
    with pytest.raises(BadRequestError, match=words):
        parse_request(body)


def test_a_parent_of_another_kind_or_version_is_refused_in_words():
    read = parse_request({"parent": {**PARENT, "apiVersion": "v1", "kind": "Node"}})
    read.expect("v1", "Node")
    for version, kind in (("v2", "Node"), ("v1", "Pod")):
        with pytest.raises(BadRequestError, match=f"^the parent is Node of v1, and must be {kind} of {version}$"):
            read.expect(version, kind)
