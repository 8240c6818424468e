"""What becomes of children: update strategies, the merge with what others wrote, owners, and failures."""

import re

import pytest

from tests.cluster.standin.objects import clone

from .stage import GC_SECONDS, config_map, eventually

pytestmark = pytest.mark.e2e


def from_spec(request):
    """One ConfigMap whose data is the parent's spec.data."""
    name = request["parent"]["metadata"]["name"]
    return {"status": {}, "children": [config_map(name, request["parent"]["spec"].get("data"))]}


def deployment(name, **template):
    labels = {"app": name}
    container = {"name": "server", "image": "example/server:v1", **template.pop("container", {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], **template}},
        },
    }


def set_data(stage, **data):
    stage.change("widgets", "w", {"spec": {"data": data}})


def data(stage, name="w"):
    found = stage.get("configmaps", name)
    return found and found.get("data", {})


def test_in_place_updates_and_preserves_the_fields_of_others(stage):
    stage.composite(from_spec, {"configmaps": "InPlace"})
    stage.widget(data={"a": "1", "b": "1"})
    uid = eventually(lambda: stage.get("configmaps", "w"), "the child")["metadata"]["uid"]
    stage.change("configmaps", "w", {"data": {"theirs": "x"}, "metadata": {"annotations": {"theirs": "y"}}})
    set_data(stage, a="2", b=None)
    eventually(lambda: data(stage) == {"a": "2", "theirs": "x"}, "the update")
    after = stage.get("configmaps", "w")
    assert after["metadata"]["uid"] == uid
    assert after["metadata"]["annotations"]["theirs"] == "y"


def test_in_place_repairs_drift(stage):
    stage.composite(from_spec, {"configmaps": "InPlace"})
    stage.widget(data={"a": "1"})
    eventually(lambda: data(stage), "the child")
    stage.change("configmaps", "w", {"data": {"a": "drifted"}})
    eventually(lambda: data(stage) == {"a": "1"}, "the repair")
    stage.change("configmaps", "w", {"metadata": {"labels": {"controller-uid": None, "more": "x"}}})
    stage.delete(stage.path("configmaps", "w"))
    eventually(lambda: data(stage) == {"a": "1"}, "the child again")


@pytest.mark.parametrize("method", [None, "OnDelete"])
def test_on_delete_is_the_default_and_never_updates(stage, method):
    stage.composite(from_spec, {"configmaps": method})
    stage.widget(data={"a": "1"})
    eventually(lambda: data(stage), "the child")
    set_data(stage, a="2")
    eventually(lambda: stage.syncs()[-1]["parent"]["metadata"]["generation"] == 2, "the sync")
    stage.settle()
    assert data(stage) == {"a": "1"}
    stage.delete(stage.path("configmaps", "w"))
    eventually(lambda: data(stage) == {"a": "2"}, "the child made anew")


def test_recreate_deletes_now_and_creates_at_the_next_sync(stage):
    stage.composite(from_spec, {"configmaps": "Recreate"})
    stage.widget(data={"a": "1"})
    before = eventually(lambda: stage.get("configmaps", "w"), "the child")
    set_data(stage, a="2")
    eventually(lambda: data(stage) == {"a": "2"}, "the new child")
    assert stage.get("configmaps", "w")["metadata"]["uid"] != before["metadata"]["uid"]


def test_a_child_left_out_is_deleted_and_no_other(stage):
    stage.composite(
        lambda r: {"children": [config_map(name) for name in r["parent"]["spec"]["names"]]}, {"configmaps": "InPlace"}
    )
    stage.make("configmaps", config_map("foreign"))
    stage.widget(names=["a", "b"])
    eventually(lambda: stage.get("configmaps", "a") and stage.get("configmaps", "b"), "both")
    stage.change("widgets", "w", {"spec": {"names": ["b"]}})
    eventually(lambda: stage.get("configmaps", "a") is None, "a to go")
    stage.settle()
    assert stage.get("configmaps", "b")
    assert stage.get("configmaps", "foreign")


def test_defaults_of_the_server_survive_in_keyed_lists(stage):
    def answer(request):
        image = request["parent"]["spec"]["image"]
        return {"children": [deployment("w", container={"image": image, "ports": [{"containerPort": 80}]})]}

    stage.composite(answer, {"deployments": "InPlace"})
    stage.widget(image="example/server:v1")
    eventually(lambda: stage.get("deployments", "w"), "the Deployment")
    stage.settle()
    assert len(stage.syncs()) > 1
    assert stage.writes("update", "deployments") == 0, "steady: what the server added is no difference"
    stage.change("widgets", "w", {"spec": {"image": "example/server:v2"}})
    eventually(lambda: stage.get("deployments", "w")["metadata"]["generation"] == 2, "the update")
    [container] = stage.get("deployments", "w")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "example/server:v2"
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert container["terminationMessagePath"] == "/dev/termination-log"


def test_a_list_without_a_key_is_replaced_and_loses_the_servers_defaults_at_every_sync(stage):
    terms = [{"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
    projected = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    stage.composite(
        lambda _: {"children": [deployment("w", affinity=affinity, volumes=[{"name": "v", **projected}])]},
        {"deployments": "InPlace"},
        resyncPeriodSeconds=1,
    )
    stage.widget()
    eventually(lambda: stage.get("deployments", "w"), "the Deployment")
    before = stage.writes("update", "deployments"), len(stage.syncs())
    eventually(lambda: len(stage.syncs()) >= before[1] + 3, "resyncs")
    # `sources` has no key and the server adds expirationSeconds: never equal, a PUT at each sync
    assert stage.writes("update", "deployments") >= before[0] + 2


def test_a_field_wished_once_and_then_left_out_falls_back_to_the_default(stage):
    def answer(request):
        child = deployment("w")
        if "replicas" in request["parent"]["spec"]:
            child["spec"]["replicas"] = request["parent"]["spec"]["replicas"]
        else:
            del child["spec"]["replicas"]
        return {"children": [child]}

    stage.composite(answer, {"deployments": "InPlace"})
    stage.widget(replicas=3)
    eventually(lambda: stage.get("deployments", "w"), "the Deployment")
    stage.change("widgets", "w", {"spec": {"replicas": None}})
    eventually(lambda: stage.get("deployments", "w")["spec"]["replicas"] == 1, "the reset to 1")
    stage.change("deployments", "w", {"spec": {"replicas": 2}})
    stage.settle()
    assert stage.get("deployments", "w")["spec"]["replicas"] == 2, "left out from then on, it is others' business"


def test_a_foreign_object_of_the_same_name_is_left_alone_without_an_event(stage):
    foreign = stage.make("configmaps", config_map("w", {"theirs": "1"}))
    stage.composite(from_spec, {"configmaps": "InPlace"})
    stage.widget(data={"ours": "1"})
    stage.settle()
    set_data(stage, ours="2")
    stage.settle()
    assert stage.get("configmaps", "w") == foreign
    assert stage.syncs()[-1]["children"]["ConfigMap.v1"] == {}
    assert [event for event in stage.events("w") if event["type"] == "Warning"] == []


def test_an_orphan_that_the_selector_matches_is_adopted(stage):
    parent = stage.widget(data={"a": "1"})
    uid = parent["metadata"]["uid"]
    stage.make("configmaps", config_map("w", {"a": "0"}, labels={"controller-uid": uid}))
    stage.composite(from_spec, {"configmaps": "InPlace"})
    eventually(lambda: data(stage) == {"a": "1"}, "the update of the adopted child")
    [owner] = stage.get("configmaps", "w")["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (uid, True)


def test_an_owned_child_that_the_selector_no_longer_matches_is_released(stage):
    stage.composite(from_spec, {"configmaps": "OnDelete"})
    stage.widget()
    eventually(lambda: stage.get("configmaps", "w"), "the child")
    stage.change("configmaps", "w", {"metadata": {"labels": {"controller-uid": "somebody-else"}}})
    eventually(lambda: not stage.get("configmaps", "w")["metadata"].get("ownerReferences"), "the release")


def test_without_a_generated_selector_the_parents_own_counts(stage):
    def answer(request):
        labels = request["parent"]["spec"]["childLabels"]
        return {"children": [config_map("a", labels=labels), config_map("b", labels=labels)]}

    stage.composite(answer, {"configmaps": "InPlace"}, generateSelector=False)
    selector = {"matchLabels": {"of": stage.name}}
    stage.widget(selector=selector, childLabels={"of": "other"})
    stage.warning("w", "SyncError", "don't match parent selector")
    assert [item for item in stage.items("configmaps") if item["metadata"]["name"] in {"a", "b"}] == []
    stage.change("widgets", "w", {"spec": {"childLabels": {"of": stage.name}}})
    made = eventually(lambda: stage.get("configmaps", "b"), "the children")
    assert made["metadata"]["labels"] == {"of": stage.name}


def test_without_any_selector_the_sync_fails(stage):
    stage.composite(from_spec, {"configmaps": "InPlace"}, generateSelector=False)
    stage.widget()
    stage.warning("w", "SyncError", "selector must have either matchLabels, matchExpressions, or both")
    assert stage.syncs() == []


def test_one_failing_child_stops_neither_its_siblings_nor_the_status(stage):
    def answer(_):
        bad = {**config_map("Not A Name"), "metadata": {"name": "Not A Name"}}
        return {"status": {"phase": "Ready"}, "children": [bad, config_map("good")]}

    stage.composite(answer, {"configmaps": "InPlace"})
    stage.widget()
    eventually(lambda: stage.get("configmaps", "good"), "the sibling")
    eventually(lambda: stage.get("widgets", "w").get("status"), "the status")
    message = stage.warning("w", "SyncError", "can't reconcile children")["message"]
    about = f"Sync error: can't reconcile children for Widget {stage.name}/w: "
    assert message.startswith(f'{about}ConfigMap "Not A Name" is invalid: metadata.name: Invalid value: "Not A Name"')


def test_several_errors_are_told_together_each_in_the_words_of_the_api_server(stage):
    def answer(_):
        return {"children": [{**config_map(name), "metadata": {"name": name}} for name in ("Not A Name", "Nor This")]}

    stage.composite(answer, {"configmaps": "InPlace"})
    stage.widget()
    message = stage.warning("w", "SyncError", "Nor This")["message"]
    about = f"Sync error: can't reconcile children for Widget {stage.name}/w: "
    assert message.startswith(f"{about}[ConfigMap ")
    assert {*re.findall(r'(?:\[|, )(ConfigMap "[^"]*" is invalid: )', message)} == {
        'ConfigMap "Not A Name" is invalid: ',
        'ConfigMap "Nor This" is invalid: ',
    }


def test_a_kind_that_is_not_listed_is_created_and_never_seen_again(stage):
    stage.composite(lambda _: {"children": [config_map("unlisted")]}, {"services": "InPlace"})
    stage.widget()
    eventually(lambda: stage.get("configmaps", "unlisted"), "the child")
    stage.settle()
    assert stage.syncs()[-1]["children"] == {"Service.v1": {}}


def test_a_child_in_another_namespace_is_garbage_collected(stage):
    stage.composite(
        lambda _: {"status": {"phase": "Ready"}, "children": [config_map(stage.name, namespace="default")]},
        {"configmaps": "InPlace"},
    )
    stage.widget()
    eventually(lambda: stage.get("widgets", "w").get("status"), "the status")
    before = stage.get("widgets", "w")

    def far():
        maps = stage.api.get("/api/v1/namespaces/default/configmaps")["items"]
        return [item for item in maps if item["metadata"]["name"] == stage.name]

    eventually(lambda: stage.writes("delete", "configmaps", user=None) and not far(), "garbage collection", GC_SECONDS)
    assert stage.get("widgets", "w") == before, "nobody is told"


def test_a_childs_own_status_change_brings_a_sync_and_is_never_written(stage):
    stage.composite(
        lambda _: {"children": [{**deployment("w"), "status": {"replicas": 77}}]}, {"deployments": "InPlace"}
    )
    stage.widget()
    eventually(lambda: (stage.get("deployments", "w") or {}).get("status", {}).get("observedGeneration"), "its status")
    stage.settle()
    seen = clone(stage.syncs()[-1]["children"]["Deployment.apps/v1"][f"{stage.name}/w"])
    assert seen["status"]["observedGeneration"] == 1
    assert "replicas" not in seen["status"]


def test_an_event_that_somebody_deleted_is_written_again_when_its_error_lasts(stage):
    def answer(_):
        return {"children": [{**config_map("Not A Name"), "metadata": {"name": "Not A Name"}}]}

    stage.composite(answer, {"configmaps": "InPlace"})
    stage.widget()
    first = stage.warning("w", "SyncError", "Not A Name")["metadata"]["name"]
    stage.delete(stage.path("events", first))
    assert stage.warning("w", "SyncError", "Not A Name")["metadata"]["name"] != first
