"""DecoratorController: attachments, labels, annotations and status of objects that others own."""

import pytest

from .hookserver import Reply
from .stage import GC_SECONDS, eventually, fact

pytestmark = pytest.mark.e2e


def nodes(stage, **labels):
    return {"apiVersion": "v1", "resource": "nodes", "labelSelector": {"matchLabels": {**stage.labels, **labels}}}


def panels(stage):
    return {
        "apiVersion": "contract.example.com/v1",
        "resource": "panels",
        "labelSelector": {"matchLabels": stage.labels},
    }


def node(stage, name, **labels):
    """A Node that no kubelet, real or simulated, has written to yet."""
    return stage.make("nodes", {"metadata": {"name": name, "labels": {**stage.labels, **labels}}})


def one_fact(request):
    return {"attachments": [fact(request["object"]["metadata"]["name"], gpus=8)]}


def test_an_attachment_is_owned_and_marked(stage):
    decorated = node(stage, stage.name)
    stage.decorator(one_fact, [nodes(stage)], {"facts": "InPlace"})
    made = eventually(lambda: stage.get("facts", stage.name), "the attachment")
    assert made["spec"] == {"gpus": 8}
    [owner] = made["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "v1",
        "kind": "Node",
        "name": stage.name,
        "uid": decorated["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert made["metadata"]["annotations"]["metacontroller.k8s.io/decorator-controller"] == stage.name
    assert "labels" not in made["metadata"]


def test_the_request_names_the_object_and_every_kind_of_attachment(stage):
    node(stage, stage.name)
    stage.decorator(one_fact, [nodes(stage)], {"facts": "InPlace", "configmaps": "InPlace"})
    eventually(lambda: stage.get("facts", stage.name), "the attachment")
    eventually(lambda: stage.syncs()[-1]["attachments"]["Fact.contract.example.com/v1"], "a sync that shows it")
    first, last = stage.syncs()[0], stage.syncs()[-1]
    assert set(first) == {"controller", "object", "attachments", "related", "finalizing"}
    assert first["attachments"] == {"Fact.contract.example.com/v1": {}, "ConfigMap.v1": {}}
    assert list(last["attachments"]["Fact.contract.example.com/v1"]) == [stage.name]
    assert (first["related"], first["finalizing"]) == ({}, False)


def test_nothing_but_attachments_needs_no_right_to_change_the_object(stage):
    node(stage, stage.name)
    stage.decorator(one_fact, [nodes(stage)], {"facts": "InPlace"})
    eventually(lambda: stage.get("facts", stage.name), "the attachment")
    stage.settle()
    assert (
        stage.writes("update", "nodes") + stage.writes("patch", "nodes") + stage.writes("update", "nodes/status") == 0
    )
    assert [event for event in stage.events(stage.name, "default") if event["type"] == "Warning"] == []


def test_an_attachment_left_out_is_deleted_and_an_updated_one_written(stage):
    def answer(request):
        wanted = request["object"]["metadata"]["labels"].get("gpus")
        return {"attachments": [fact(stage.name, gpus=int(wanted))] if wanted else []}

    node(stage, stage.name, gpus="8")
    stage.decorator(answer, [nodes(stage)], {"facts": "InPlace"})
    eventually(lambda: stage.get("facts", stage.name), "the attachment")
    stage.change("nodes", stage.name, {"metadata": {"labels": {"gpus": "4"}}})
    eventually(lambda: stage.get("facts", stage.name)["spec"] == {"gpus": 4}, "the update")
    stage.change("nodes", stage.name, {"metadata": {"labels": {"gpus": None}}})
    eventually(lambda: stage.get("facts", stage.name) is None, "the attachment to go")


def test_on_delete_is_the_default_for_attachments_too(stage):
    node(stage, stage.name, gpus="8")
    stage.decorator(
        lambda r: {"attachments": [fact(stage.name, gpus=r["object"]["metadata"]["labels"]["gpus"])]},
        [nodes(stage)],
        {"facts": None},
    )
    eventually(lambda: stage.get("facts", stage.name), "the attachment")
    stage.change("nodes", stage.name, {"metadata": {"labels": {"gpus": "4"}}})
    eventually(lambda: stage.syncs()[-1]["object"]["metadata"]["labels"]["gpus"] == "4", "the sync")
    stage.settle()
    assert stage.get("facts", stage.name)["spec"] == {"gpus": "8"}


def test_an_object_that_loses_the_label_still_has_its_attachment(stage):
    node(stage, stage.name)
    stage.decorator(one_fact, [nodes(stage)], {"facts": "InPlace"})
    eventually(lambda: stage.get("facts", stage.name), "the attachment")
    before = stage.settle()
    stage.change("nodes", stage.name, {"metadata": {"labels": {"stage": None}}})
    assert stage.settle(1.5) == before
    assert stage.get("facts", stage.name)


def test_an_attachment_goes_with_its_object(stage):
    node(stage, stage.name)
    stage.decorator(one_fact, [nodes(stage)], {"facts": "InPlace"})
    eventually(lambda: stage.get("facts", stage.name), "the attachment")
    stage.delete(stage.path("nodes", stage.name))
    eventually(lambda: stage.get("facts", stage.name) is None, "garbage collection", GC_SECONDS)


def test_of_two_entries_for_one_kind_the_last_counts(stage):
    first, second = f"{stage.name}-1", f"{stage.name}-2"
    node(stage, first, vendor="one")
    node(stage, second, vendor="two")
    stage.decorator(one_fact, [nodes(stage, vendor="one"), nodes(stage, vendor="two")], {"facts": "InPlace"})
    eventually(lambda: stage.get("facts", second), "the attachment of the second")
    stage.settle()
    assert stage.get("facts", first) is None


def test_an_orphan_is_not_adopted(stage):
    node(stage, stage.name)
    foreign = stage.make("facts", fact(stage.name, gpus=1))
    stage.decorator(one_fact, [nodes(stage)], {"facts": "InPlace"})
    stage.settle()
    assert stage.get("facts", stage.name) == foreign


def test_labels_and_annotations_are_set_and_null_takes_them_away(stage):
    stage.panel(stage.name, {"old": "1", "keep": "1"}, on=True)
    stage.decorator(
        lambda _: {"labels": {"new": "1", "old": None, "absent": None}, "annotations": {"note": "x"}}, [panels(stage)]
    )
    eventually(lambda: "new" in stage.get("panels", stage.name)["metadata"]["labels"], "the label")
    stage.settle()
    found = stage.get("panels", stage.name)
    assert found["metadata"]["labels"] == {**stage.labels, "keep": "1", "new": "1"}
    assert found["metadata"]["annotations"] == {"note": "x"}
    assert found["spec"] == {"on": True}
    assert "status" not in found


def test_status_is_set_through_its_subresource_and_null_leaves_it(stage):
    def answer(request):
        return {"status": None if request["object"]["spec"].get("quiet") else {"phase": "Ready"}}

    stage.panel(stage.name)
    stage.decorator(answer, [panels(stage)])
    eventually(lambda: stage.get("panels", stage.name).get("status") == {"phase": "Ready"}, "the status")
    assert stage.writes("update", "panels/status")
    stage.change("panels", stage.name, {"spec": {"quiet": True}})
    eventually(lambda: stage.syncs()[-1]["object"]["spec"].get("quiet"), "the sync")
    stage.settle()
    assert stage.get("panels", stage.name)["status"] == {"phase": "Ready"}


def test_it_is_quiet_once_all_is_as_wished(stage):
    stage.panel(stage.name)
    stage.decorator(lambda _: {"labels": {"a": "b"}, "status": {"phase": "Ready"}}, [panels(stage)])
    eventually(lambda: stage.get("panels", stage.name).get("status"), "the status")
    count = stage.settle()
    before = stage.writes("update", "panels"), stage.writes("update", "panels/status")
    assert stage.settle(1.5) == count <= 4
    assert (stage.writes("update", "panels"), stage.writes("update", "panels/status")) == before


@pytest.mark.parametrize("bad", [Reply(500, b"no"), {"attachments": [], "children": []}, {"labels": {"a": 1}}])
def test_a_bad_answer_changes_nothing_and_is_an_event(stage, bad):
    stage.decorator(
        lambda r: bad if r["object"]["metadata"]["labels"].get("bad") else one_fact(r),
        [nodes(stage)],
        {"facts": "InPlace"},
    )
    node(stage, stage.name)
    eventually(lambda: stage.get("facts", stage.name), "the attachment")
    stage.change("nodes", stage.name, {"metadata": {"labels": {"bad": "1"}}})
    stage.warning(stage.name, "SyncError", "", "default")
    assert stage.get("facts", stage.name)["spec"] == {"gpus": 8}


def test_customize_relates_objects_to_a_decorated_one(stage):
    related = f"{stage.name}-related"
    rule = {"apiVersion": "contract.example.com/v1", "resource": "facts", "names": [related]}
    node(stage, stage.name)
    stage.decorator(
        lambda _: {},
        [nodes(stage)],
        hooks={
            "sync": stage.hook("sync", lambda _: {}),
            "customize": stage.hook("customize", lambda _: {"relatedResources": [rule]}),
        },
    )
    stage.settle()
    stage.make("facts", fact(related))
    eventually(lambda: stage.syncs()[-1]["related"] != {"Fact.contract.example.com/v1": {}}, "the sync that shows it")
    assert list(stage.syncs()[-1]["related"]["Fact.contract.example.com/v1"]) == [related]
