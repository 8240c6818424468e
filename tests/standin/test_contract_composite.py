"""CompositeController, against a real API server: what the hook gets, and what its answer does to the parent."""

import time

import pytest

from .hookserver import Reply
from .stage import GC_SECONDS, config_map, eventually

pytestmark = pytest.mark.e2e


def one_map(request):
    """One ConfigMap named like the parent, and a status."""
    name = request["parent"]["metadata"]["name"]
    return {"status": {"phase": "Ready"}, "children": [config_map(name, {"a": "1"})]}


def status(stage, name="w"):
    return stage.get("widgets", name).get("status")


def test_a_child_is_labelled_owned_and_annotated_and_lands_beside_its_parent(stage):
    stage.composite(one_map, {"configmaps": "InPlace"})
    parent = stage.widget()
    made = eventually(lambda: stage.get("configmaps", "w"), "the child")
    assert made["metadata"]["labels"] == {"controller-uid": parent["metadata"]["uid"]}
    assert made["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "contract.example.com/v1",
            "kind": "Widget",
            "name": "w",
            "uid": parent["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert made["metadata"]["annotations"]["metacontroller.k8s.io/last-applied-configuration"] == (
        '{"apiVersion":"v1","data":{"a":"1"},"kind":"ConfigMap","metadata":{"labels":{"controller-uid":"'
        f'{parent["metadata"]["uid"]}"}},"name":"w","namespace":"{stage.name}"}}}}'
    )
    assert {entry["manager"] for entry in made["metadata"]["managedFields"]} == {"metacontroller"}


def test_every_child_kind_is_a_key_and_related_is_empty_without_customize(stage):
    stage.composite(one_map, {"configmaps": "InPlace", "services": "InPlace", "deployments": None})
    stage.widget()
    stage.settle()
    first, last = stage.syncs()[0], stage.syncs()[-1]
    assert set(first) == {"controller", "parent", "children", "related", "finalizing"}
    assert first["children"] == {"ConfigMap.v1": {}, "Service.v1": {}, "Deployment.apps/v1": {}}
    assert first["related"] == {}
    assert first["finalizing"] is False
    assert list(last["children"]["ConfigMap.v1"]) == [f"{stage.name}/w"]
    observed = last["children"]["ConfigMap.v1"][f"{stage.name}/w"]
    assert (observed["apiVersion"], observed["kind"]) == ("v1", "ConfigMap")
    assert observed["metadata"]["managedFields"]


def test_status_is_written_with_the_generation_and_then_everything_is_quiet(stage):
    stage.composite(one_map, {"configmaps": "InPlace"})
    stage.widget()
    stage.settle()
    assert status(stage) == {"phase": "Ready", "observedGeneration": 1}
    before = len(stage.syncs()), stage.writes("update", "widgets/status"), stage.writes("update", "configmaps")
    time.sleep(1.5)
    assert (
        len(stage.syncs()),
        stage.writes("update", "widgets/status"),
        stage.writes("update", "configmaps"),
    ) == before
    stage.change("widgets", "w", {"spec": {"new": True}})
    eventually(lambda: status(stage)["observedGeneration"] == 2, "the new generation")


def test_a_resync_writes_nothing_when_nothing_differs(stage):
    def writes():
        return [stage.writes("update", resource) for resource in ("widgets/status", "configmaps", "widgets")]

    stage.composite(one_map, {"configmaps": "InPlace"}, resyncPeriodSeconds=1)
    stage.widget()
    eventually(lambda: status(stage) and len(stage.syncs()) > 3, "a first resync")
    before, count = writes(), len(stage.syncs())
    eventually(lambda: len(stage.syncs()) >= count + 3, "more resyncs")
    assert writes() == before


def test_status_is_replaced_whole(stage):
    stage.composite(lambda r: {"status": {"count": 1} if r["parent"]["spec"].get("done") else {"phase": "New"}})
    stage.widget()
    eventually(lambda: status(stage) == {"phase": "New", "observedGeneration": 1}, "the first status")
    stage.change("widgets", "w", {"spec": {"done": True}})
    eventually(lambda: status(stage) == {"count": 1, "observedGeneration": 2}, "the second status")


def test_a_status_written_by_another_client_is_corrected_at_the_next_sync(stage):
    stage.composite(lambda _: {"status": {"phase": "Ready"}})
    stage.widget()
    eventually(lambda: status(stage), "the status")
    stage.api.merge_patch(stage.path("widgets", "w") + "/status", {"status": {"phase": "Wrong", "count": 3}})
    eventually(lambda: status(stage) == {"phase": "Ready", "observedGeneration": 1}, "the status again")


def test_a_pruned_status_field_is_one_write_per_sync(stage):
    stage.composite(lambda _: {"status": {"phase": "Ready", "undeclared": 1}}, resyncPeriodSeconds=1)
    stage.widget()
    eventually(lambda: status(stage) == {"phase": "Ready", "observedGeneration": 1}, "the status")
    before = stage.writes("update", "widgets/status"), len(stage.syncs())
    eventually(lambda: len(stage.syncs()) >= before[1] + 3, "resyncs")
    assert stage.writes("update", "widgets/status") >= before[0] + 2


def test_an_empty_answer_deletes_every_child_and_wipes_the_status(stage):
    stage.composite(lambda r: {} if r["parent"]["spec"].get("empty") else one_map(r), {"configmaps": "InPlace"})
    stage.widget()
    eventually(lambda: stage.get("configmaps", "w") and status(stage), "child and status")
    stage.change("widgets", "w", {"spec": {"empty": True}})
    eventually(lambda: stage.get("configmaps", "w") is None, "the child to go")
    eventually(lambda: status(stage) == {"observedGeneration": 2}, "the status to be empty")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Reply(500, b"the model is a teapot"), "500 body: the model is a teapot"),
        (Reply(404, b""), "404"),
        (Reply(204, b""), "204"),
        (Reply(200, b"no json"), "unmarshal"),
        (Reply(200, b'{"status": {}, "conditions": []}'), "conditions"),
        (Reply(200, b'{"status": "Ready"}'), "unmarshal|status"),
        (Reply(200, b'{"children": [{"apiVersion": "v1", "metadata": {"name": "x"}}]}'), "ind"),
    ],
)
def test_a_bad_answer_changes_nothing_and_is_an_event(stage, bad, words):
    stage.composite(lambda r: bad if r["parent"]["spec"].get("bad") else one_map(r), {"configmaps": "InPlace"})
    stage.widget()
    stage.settle()
    before = stage.get("widgets", "w")["status"], stage.get("configmaps", "w")
    stage.change("widgets", "w", {"spec": {"bad": True}})
    alternatives = words.split("|")
    eventually(
        lambda: any(word in event["message"] for word in alternatives for event in stage.events("w")),
        f"an event with {words}",
    )
    assert (stage.get("widgets", "w")["status"], stage.get("configmaps", "w")) == before
    said = [event for event in stage.events("w") if event["reason"] == "SyncError"]
    assert {event["type"] for event in said} == {"Warning"}
    assert said[0]["involvedObject"]["kind"] == "Widget"
    stage.change("widgets", "w", {"spec": {"bad": None}})
    eventually(lambda: stage.get("widgets", "w")["status"]["observedGeneration"] == 3, "recovery")


def test_a_hook_that_takes_too_long_changes_nothing(stage):
    def slow(request):
        time.sleep(1.0)
        return one_map(request)

    stage.composite(slow, {"configmaps": "InPlace"}, timeout="300ms")
    stage.widget()
    stage.warning("w", "SyncError", "http error")
    assert stage.get("configmaps", "w") is None
    assert status(stage) is None


def test_failures_back_off_and_a_change_does_not_wait_for_them(stage):
    stage.composite(lambda r: one_map(r) if r["parent"]["spec"].get("good") else Reply(500))
    stage.widget()
    eventually(stage.syncs, "the first sync")
    time.sleep(3)
    count = len(stage.syncs())
    # 5 ms doubled until the sum is 3 s are 9 retries; a fixed short delay would make hundreds
    assert 5 <= count <= 14
    stage.change("widgets", "w", {"spec": {"good": True}})
    eventually(lambda: status(stage), "the status", 2)


def test_too_many_requests_waits_for_the_given_seconds_without_an_event(stage):
    seen = []

    def busy(request):
        seen.append(time.monotonic())
        return Reply(429, b"", {"Retry-After": "2"}) if len(seen) == 1 else one_map(request)

    stage.composite(busy, {"configmaps": "InPlace"})
    stage.widget()
    eventually(lambda: stage.get("configmaps", "w"), "the child after the wait")
    assert 1.9 <= seen[1] - seen[0] <= 6
    assert stage.events("w") == []


def test_resync_after_seconds_brings_one_more_sync(stage):
    seen = []

    def once(_):
        seen.append(time.monotonic())
        return {"status": {"phase": "Ready"}, "resyncAfterSeconds": 1.5 if len(seen) == 2 else 0}

    stage.composite(once)
    stage.widget()
    eventually(lambda: len(seen) == 3, "the third sync")
    assert 1.4 <= seen[2] - seen[1] <= 6
    stage.settle(2.0)
    assert len(seen) == 3


def test_a_resync_period_syncs_every_parent_again(stage):
    stage.composite(lambda _: {}, resyncPeriodSeconds=1)
    stage.widget("one")
    stage.widget("two")
    eventually(lambda: min(len(stage.syncs(name)) for name in ("one", "two")) >= 4, "resyncs of both")


def test_a_parent_without_the_label_is_left_alone_until_it_has_it(stage):
    stage.composite(one_map, {"configmaps": "InPlace"})
    stage.widget("in")
    stage.widget("out", {"stage": "other"})
    stage.settle()
    assert {request["parent"]["metadata"]["name"] for request in stage.syncs()} == {"in"}
    stage.change("widgets", "out", {"metadata": {"labels": stage.labels}})
    eventually(lambda: stage.get("configmaps", "out"), "its child")


def test_ignored_status_changes_still_let_labels_and_spec_through(stage):
    resource = {"apiVersion": "contract.example.com/v1", "resource": "widgets", "ignoreStatusChanges": True}
    stage.composite(lambda _: {}, parentResource={**resource, "labelSelector": {"matchLabels": stage.labels}})
    stage.widget()
    before = stage.settle()
    stage.api.merge_patch(stage.path("widgets", "w") + "/status", {"status": {"phase": "x", "observedGeneration": 1}})
    assert stage.settle() == before
    stage.change("widgets", "w", {"metadata": {"annotations": {"a": "b"}}})
    assert stage.settle() > before


def test_a_parent_that_is_being_deleted_is_still_synced_but_its_children_stay(stage):
    answers = {}
    stage.composite(lambda r: answers.get("now") or one_map(r), {"configmaps": "InPlace"})
    parent = stage.widget()
    eventually(lambda: stage.get("configmaps", "w"), "the child")
    stage.change("widgets", "w", {"metadata": {"finalizers": ["example.com/hold"]}})
    stage.settle()
    answers["now"] = {"status": {"phase": "Going"}, "children": []}
    stage.delete(stage.path("widgets", "w"))
    eventually(lambda: status(stage).get("phase") == "Going", "the status")
    stage.settle()
    assert stage.syncs()[-1]["parent"]["metadata"]["deletionTimestamp"]
    assert stage.syncs()[-1]["finalizing"] is False
    assert stage.get("configmaps", "w")["metadata"]["ownerReferences"][0]["uid"] == parent["metadata"]["uid"]
    stage.change("widgets", "w", {"metadata": {"finalizers": None}})
    eventually(lambda: stage.get("configmaps", "w") is None, "garbage collection", GC_SECONDS)
