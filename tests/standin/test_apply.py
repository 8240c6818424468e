"""The three-way merge of dynamic-apply."""

import json

import pytest

from tests.cluster.standin.apply import LAST_APPLIED, applied, last_applied, with_last_applied
from tests.cluster.standin.objects import clone, same


def live(spec, last=None, **metadata):
    """An object as the API server keeps it, written before from `last`."""
    obj = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x", "uid": "u", **metadata}, "spec": spec}
    return with_last_applied(obj, wish(last)) if last is not None else obj


def wish(spec):
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec}


@pytest.mark.parametrize(
    ("name", "there", "last", "desired", "result"),
    [
        ("a field the server defaulted stays", {"a": 1, "d": 9}, {"a": 1}, {"a": 2}, {"a": 2, "d": 9}),
        ("a field no longer wished goes", {"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1}, {"a": 1}),
        ("a field never applied stays", {"a": 1, "b": 2}, {"a": 1}, {"a": 1}, {"a": 1, "b": 2}),
        ("a nested field goes alone", {"m": {"x": 1, "y": 2}}, {"m": {"x": 1}}, {"m": {}}, {"m": {"y": 2}}),
        ("null is a value", {"a": 1}, {"a": 1}, {"a": None}, {"a": None}),
        ("an object becomes a scalar only by being empty", {"a": {"x": 1}}, {}, {"a": 5}, {"a": {"x": 1}}),
        ("a list of scalars is replaced", {"l": [1, 2]}, {"l": [1, 2]}, {"l": [3]}, {"l": [3]}),
        (
            "a keyed list is merged item by item",
            {"l": [{"name": "a", "v": 1, "d": 9}, {"name": "c", "v": 3}]},
            {"l": [{"name": "a", "v": 1}]},
            {"l": [{"name": "b"}, {"name": "a", "v": 2}]},
            {"l": [{"name": "a", "v": 2, "d": 9}, {"name": "c", "v": 3}, {"name": "b"}]},
        ),
        (
            "an item no longer wished leaves a keyed list",
            {"l": [{"name": "a", "d": 1}, {"name": "b", "d": 1}]},
            {"l": [{"name": "a"}, {"name": "b"}]},
            {"l": [{"name": "b"}]},
            {"l": [{"name": "b", "d": 1}]},
        ),
        (
            "containerPort goes before name",
            {"l": [{"name": "a", "containerPort": 1, "d": 1}]},
            {"l": [{"name": "a", "containerPort": 1}]},
            {"l": [{"name": "b", "containerPort": 1}]},
            {"l": [{"name": "b", "containerPort": 1, "d": 1}]},
        ),
        (
            "one item without the key and the list is replaced, defaults and all",
            {"l": [{"name": "a", "d": 1}, {"other": 1}]},
            {"l": [{"name": "a"}]},
            {"l": [{"name": "a"}]},
            {"l": [{"name": "a"}]},
        ),
        ("an emptied keyed list is empty", {"l": [{"name": "a"}]}, {"l": [{"name": "a"}]}, {"l": []}, {"l": []}),
    ],
)
def test_merge(name, there, last, desired, result):
    before = live(there, last)
    untouched = clone(before)
    assert applied(before, wish(desired))["spec"] == result, name
    assert before == untouched, "the observed object belongs to the cache"


def test_the_same_desired_object_twice_changes_nothing():
    spec = {"ports": [{"port": 80, "name": "http"}], "selector": {"a": "b"}}
    observed = live({**spec, "type": "ClusterIP"}, spec, resourceVersion="7")
    assert same(applied(observed, wish(spec)), observed)


@pytest.mark.parametrize(("wished", "stored"), [(1.0, 1), (True, 1), ([], None), ({}, None), ("1000m", "1")])
def test_what_go_calls_different_never_converges(wished, stored):
    observed = live({"v": stored}, {"v": stored})
    after = applied(observed, wish({"v": wished}))
    assert not same(after, observed)


def test_a_field_left_out_and_a_null_are_different():
    assert not same({"a": None}, {})
    assert same({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]})


def test_system_fields_and_status_cannot_be_wished_for():
    observed = {**live({}, {}, resourceVersion="7", creationTimestamp="then"), "status": {"ready": True}}
    desired = wish({})
    desired["metadata"] |= {"uid": "other", "resourceVersion": "1", "generation": 5}
    after = applied(observed, {**desired, "status": {"ready": False}})
    assert after["status"] == {"ready": True}
    assert {key: after["metadata"].get(key) for key in ("uid", "resourceVersion", "generation")} == {
        "uid": "u",
        "resourceVersion": "7",
        "generation": None,
    }


def test_the_annotation_holds_the_desired_object_as_go_writes_it():
    obj = with_last_applied(wish({"b": "<&>ü", "a": 1}), wish({"b": "<&>ü", "a": 1}))
    text = obj["metadata"]["annotations"][LAST_APPLIED]
    assert text == (
        '{"apiVersion":"v1","kind":"Thing","metadata":{"name":"x"},"spec":{"a":1,"b":"\\u003c\\u0026\\u003eü"}}'
    )
    assert json.loads(text) == last_applied(obj)


def test_an_echoed_child_does_not_nest_its_annotation():
    observed = live({"a": 1}, {"a": 1})
    once = applied(observed, clone(observed))
    twice = applied(once, clone(once))
    assert LAST_APPLIED not in last_applied(once)["metadata"].get("annotations", {})
    assert same(once, twice)


def test_recorded_children_carry_the_annotation_that_is_written_here(recording):
    children = recording("endpoint-sync-steady")["children"]
    seen = [obj for group in children.values() for obj in group.values()]
    assert len(seen) == 3
    for obj in seen:
        assert same(with_last_applied(obj, last_applied(obj)), obj)
        assert same(applied(obj, last_applied(obj)), obj), "the recorded state is steady"
