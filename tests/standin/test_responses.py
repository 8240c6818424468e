"""Which answers of a hook are refused, and with which words."""

import pytest

from tests.cluster.standin.responses import (
    COMPOSITE_SYNC,
    CUSTOMIZE,
    DECORATOR_SYNC,
    ResponseError,
    checked,
    children_of,
)

GOOD = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}}


class CrashedError(Exception):
    """In place of the end of the process."""


def crash(message):
    raise CrashedError(message)


@pytest.mark.parametrize(
    ("fields", "answer", "message"),
    [
        (COMPOSITE_SYNC, {"conditions": []}, 'unknown field "conditions"'),
        (COMPOSITE_SYNC, {"labels": {}}, 'unknown field "labels"'),
        (COMPOSITE_SYNC, {"attachments": []}, 'unknown field "attachments"'),
        (COMPOSITE_SYNC, {"status": "Ready"}, "status: expected object, found string"),
        (COMPOSITE_SYNC, {"children": {}}, "children: expected list, found object"),
        (COMPOSITE_SYNC, {"children": ["x"]}, r"children\[0\]: expected object, found string"),
        (COMPOSITE_SYNC, {"resyncAfterSeconds": "5"}, "resyncAfterSeconds: expected number, found string"),
        (COMPOSITE_SYNC, {"resyncAfterSeconds": True}, "resyncAfterSeconds: expected number, found boolean"),
        (COMPOSITE_SYNC, {"finalized": 1}, "finalized: expected boolean, found number"),
        (COMPOSITE_SYNC, [], "expected object, found list"),
        (COMPOSITE_SYNC, None, "expected object, found null"),
        (DECORATOR_SYNC, {"children": []}, 'unknown field "children"'),
        (DECORATOR_SYNC, {"labels": {"a": 1}}, r"labels\[a\]: expected string, found number"),
        (CUSTOMIZE, {"relatedResources": [{"kind": "Node"}]}, r'unknown field "relatedResources\[0\].kind"'),
        (CUSTOMIZE, {"relatedResources": [{"names": [1]}]}, r"names\[0\]: expected string, found number"),
        (
            CUSTOMIZE,
            {"relatedResources": [{"labelSelector": {"matchLabel": {}}}]},
            r'unknown field "relatedResources\[0\].labelSelector.matchLabel"',
        ),
    ],
)
def test_refused(fields, answer, message):
    with pytest.raises(ResponseError, match=message):
        checked(answer, fields)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (COMPOSITE_SYNC, {}),
        (COMPOSITE_SYNC, {"status": None, "children": None}),
        (COMPOSITE_SYNC, {"status": {"any": 1}, "children": [GOOD], "resyncAfterSeconds": 0.5, "finalized": False}),
        (DECORATOR_SYNC, {"labels": {"a": None, "b": "c"}, "annotations": {}, "attachments": [GOOD], "status": None}),
        (CUSTOMIZE, {"relatedResources": [{"apiVersion": "v1", "resource": "nodes", "names": []}]}),
    ],
)
def test_accepted(fields, answer):
    assert checked(answer, fields) is answer


@pytest.mark.parametrize(
    ("change", "path"),
    [({"apiVersion": None}, "apiVersion"), ({"kind": ""}, "kind"), ({"metadata": {}}, "metadata.name")],
)
def test_a_child_needs_its_identity(change, path):
    with pytest.raises(ResponseError, match=rf"children\[1\]: {path} is missing"):
        children_of({"children": [GOOD, {**GOOD, **change}]}, "children", crash)


def test_a_null_child_is_the_end():
    with pytest.raises(CrashedError, match=r"children\[1\] is null"):
        children_of({"children": [GOOD, None]}, "children", crash)


def test_recorded_answers_are_accepted(recording):
    for name in ("endpoint-sync-create", "endpoint-sync-steady", "endpoint-sync-hpa", "endpoint-sync-norecipe"):
        assert checked(recording(f"{name}.response"), COMPOSITE_SYNC)
    assert checked(recording("decorator-sync-node-steady.response"), DECORATOR_SYNC)
    assert checked(recording("endpoint-customize.response"), CUSTOMIZE)
