"""The record of what was last applied is anybody's text: one that is not such a record is none."""

import json

import pytest

from aimlib.protocol.last_applied import LAST_APPLIED, is_applied, is_written, kept_child, last_applied

POD = {"containers": [{"name": "engine", "ports": [{"containerPort": 8000}]}]}
DESIRED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "chat", "namespace": "team-a"},
    "spec": {"replicas": 1, "template": {"spec": POD}},
}


def observed(record):
    metadata = {**DESIRED["metadata"], "uid": "1", "resourceVersion": "2", "labels": {"a": "b"}}
    notes = {"other": "note"} | ({} if record is None else {LAST_APPLIED: record})
    live = {**DESIRED, "metadata": {**metadata, "annotations": notes}, "status": {"replicas": 1}}
    return {**live, "spec": {**DESIRED["spec"], "strategy": {"type": "Recreate"}}}


def record(**changes):
    return json.dumps(DESIRED | changes)


def nested(levels):
    return "[" * levels + "]" * levels


PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def rather(affinity):
    return record(spec={"template": {"spec": {**POD, "affinity": affinity}}})


def on(field):
    return {"nodeAffinity": {PREFERRED: [{"weight": 100, "preference": {"matchFields": [field]}}]}}


UNREADABLE = {
    "nothing": "",
    "no JSON": "{",
    "no object": "[]",
    "an empty object": "{}",
    "a number that is too long": "9" * 5000,
    "brackets": "[" * 100_000,
    "deep": record(spec={**DESIRED["spec"], "x": json.loads(nested(100))}),
    "deeper": json.dumps(DESIRED)[:-1] + f', "x": {nested(3000)}}}',
    "another name": record(metadata={"name": "other"}),
    "metadata that is a text": record(metadata="chat"),
    "another kind": record(kind="Service"),
    "no spec": record(spec=None),
    "no template": record(spec={"replicas": 1}),
    "no containers": record(spec={"template": {"spec": {"containers": []}}}),
    "containers that are a text": record(spec={"template": {"spec": {"containers": "engine"}}}),
    "a port that is none": record(
        spec={"template": {"spec": {"containers": [{"ports": [{"containerPort": "http"}]}]}}}
    ),
    "affinity that is a text": rather("x"),
    "affinity to nodes that is a text": rather({"nodeAffinity": "x"}),
    "terms that are a text": rather({"nodeAffinity": {PREFERRED: "x"}}),
    "a term without a preference": rather({"nodeAffinity": {PREFERRED: [{"weight": 100}]}}),
    "a preference that is a text": rather({"nodeAffinity": {PREFERRED: [{"preference": "x"}]}}),
    "a field without values": rather(on({"key": "metadata.name"})),
    "a node that is an object": rather(on({"values": [{"a": 1}]})),
    "a node that is no name": rather(on({"values": ["node a"]})),
    "a node of a name that is too long": rather(on({"values": ["n" * 1024]})),
    "volumes that are none": record(spec={"template": {"spec": {**POD, "volumes": [{"persistentVolumeClaim": "x"}]}}}),
}


def test_a_record_is_what_is_applied():
    found = observed(record())
    assert (last_applied(found), is_applied(found, DESIRED), kept_child(found)) == (DESIRED, True, DESIRED)
    assert not is_applied(found, DESIRED | {"spec": {}})


@pytest.mark.parametrize(
    "affinity",
    [
        None,
        {},
        {"nodeAffinity": None, "podAffinity": {}},
        {"nodeAffinity": {PREFERRED: [{"preference": {"matchFields": None}}, {"preference": {}}]}},
        on({"key": "metadata.name", "operator": "In", "values": ["node-a.example.com"]}),
    ],
    ids=str,
)
def test_an_affinity_is_read_as_it_is_applied(affinity):
    text = rather(affinity)
    assert last_applied(observed(text)) == json.loads(text)


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_child_whose_record_cannot_be_read_is_not_as_desired_and_is_kept_as_it_is_found(text):
    found = observed(text)
    assert last_applied(found) is None
    assert not is_applied(found, DESIRED)
    assert kept_child(found) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**DESIRED["metadata"], "labels": {"a": "b"}, "annotations": {"other": "note"}},
        "spec": {**DESIRED["spec"], "strategy": {"type": "Recreate"}},
    }


def test_without_a_record_as_under_server_side_apply_a_child_counts_as_applied():
    found = observed(None)
    assert (last_applied(found), is_applied(found, DESIRED)) == (None, True)
    assert kept_child(found)["spec"] == found["spec"]


LABELLED = DESIRED | {"metadata": {"name": "chat", "labels": {"a": "b"}, "annotations": {"c": "d"}}}


@pytest.mark.parametrize(
    ("metadata", "written"),
    [
        ({}, True),
        ({"namespace": "team-a"}, True),
        ({"labels": {"a": "b", "controller-uid": "1"}}, True),
        ({"labels": {"a": "c"}}, False),
        ({"labels": {}}, False),
        ({"labels": "a"}, False),
        ({"annotations": {"c": "e"}}, False),
        ({"annotations": {"c": "d", "e": "f"}}, False),
        ({"annotations": None}, False),
        ({"annotations": ["c"]}, False),
    ],
)
def test_a_child_is_written_where_its_metadata_are_as_desired_too(metadata, written):
    found = observed(json.dumps(LABELLED | {"metadata": LABELLED["metadata"] | metadata}))
    assert is_written(found, LABELLED) is written
    assert not is_written(found, LABELLED | {"spec": {}})


def test_what_is_not_there_or_has_no_record_is_not_known_to_be_written():
    assert not is_written(None, DESIRED)
    assert not is_written(observed(None), DESIRED)
    assert is_written(observed(record()), DESIRED)
