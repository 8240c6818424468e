"""The customize hook: when it is asked, what its rules select, and which changes bring a sync."""

import pytest

from .hookserver import Reply
from .stage import config_map, eventually

pytestmark = pytest.mark.e2e


def quiet(_):
    return {"status": {"phase": "Ready"}}


def facts(**rule):
    return {"apiVersion": "contract.example.com/v1", "resource": "facts", **rule}


def secrets(**rule):
    return {"apiVersion": "v1", "resource": "secrets", **rule}


def related(stage):
    """Kind to names, in the latest sync."""
    return {kind: sorted(objects) for kind, objects in stage.syncs()[-1]["related"].items()}


def rules_of_spec(request):
    return {"relatedResources": request["parent"]["spec"]["rules"]}


def test_it_is_called_with_controller_and_parent_once_per_generation(stage):
    made = stage.composite(quiet, customize=lambda _: {"relatedResources": [facts(names=["x"])]})
    stage.widget()
    stage.settle()
    [asked] = stage.customizes()
    assert set(asked) == {"controller", "parent"}
    assert asked["controller"]["metadata"]["uid"] == made["metadata"]["uid"]
    assert asked["parent"]["metadata"]["name"] == "w"
    count = len(stage.syncs())
    stage.change("widgets", "w", {"metadata": {"labels": {"other": "label"}}})
    assert stage.settle() > count
    assert len(stage.customizes()) == 1, "a label is not the generation"
    stage.change("widgets", "w", {"spec": {"more": 1}})
    stage.settle()
    assert [asked["parent"]["metadata"]["generation"] for asked in stage.customizes()] == [1, 2]


def test_rules_select_by_name_and_by_label_and_unite(stage):
    one, two, three = (f"{stage.name}-{number}" for number in (1, 2, 3))
    for name, model in ((one, "m"), (two, "m"), (three, "n")):
        stage.fact(name, {"model": model})
    stage.composite(quiet, customize=rules_of_spec)
    stage.widget(
        rules=[facts(names=[three, "absent"]), facts(labelSelector={"matchLabels": {**stage.labels, "model": "m"}})]
    )
    stage.settle()
    assert related(stage) == {"Fact.contract.example.com/v1": [one, two, three]}
    obj = stage.syncs()[-1]["related"]["Fact.contract.example.com/v1"][one]
    assert (obj["kind"], obj["metadata"]["labels"]["model"]) == ("Fact", "m")
    stage.change("widgets", "w", {"spec": {"rules": [facts(names=["absent"])]}})
    stage.settle()
    assert related(stage) == {"Fact.contract.example.com/v1": []}


def test_empty_names_select_everything_in_all_namespaces(stage):
    stage.make("secrets", {"metadata": {"name": "mine"}})
    elsewhere = stage.make("namespaces", {"metadata": {"name": f"{stage.name}-2", "labels": {"second": stage.name}}})
    other = elsewhere["metadata"]["name"]
    stage.api.create(f"/api/v1/namespaces/{other}/secrets", {"metadata": {"name": "theirs"}})
    mine, theirs = f"{stage.name}/mine", f"{other}/theirs"
    stage.composite(quiet, customize=rules_of_spec)
    stage.widget(rules=[secrets(names=[])])
    stage.settle()
    assert {mine, theirs} <= set(related(stage)["Secret.v1"])
    for rule, found in (
        (secrets(), {mine, theirs}),
        (secrets(namespace=stage.name, names=[]), {mine}),
        (secrets(namespace=other, names=["theirs", "mine"]), {theirs}),
        (secrets(namespaceSelector={"matchLabels": {"second": stage.name}}), {theirs}),
    ):
        stage.change("widgets", "w", {"spec": {"rules": [rule]}})
        stage.settle()
        assert {mine, theirs} & set(related(stage)["Secret.v1"]) == found, rule


def test_a_change_of_a_related_object_brings_one_sync_and_of_another_none(stage):
    ours, other = stage.name, f"{stage.name}-other"
    stage.composite(quiet, customize=lambda _: {"relatedResources": [facts(names=[ours])]})
    stage.widget()
    before = stage.settle()
    stage.fact(ours, value=1)
    assert stage.settle() == before + 1
    stage.change("facts", ours, {"spec": {"value": 2}})
    assert stage.settle() == before + 2
    assert stage.syncs()[-1]["related"]["Fact.contract.example.com/v1"][ours]["spec"] == {"value": 2}
    stage.fact(other)
    stage.change("facts", other, {"spec": {"value": 2}})
    assert stage.settle() == before + 2
    stage.delete(stage.path("facts", ours))
    assert stage.settle() == before + 3
    assert len(stage.customizes()) == 1


def test_an_object_that_loses_the_label_brings_a_sync_too(stage):
    stage.fact(stage.name, {"model": "m"})
    selector = {"matchLabels": {**stage.labels, "model": "m"}}
    stage.composite(quiet, customize=lambda _: {"relatedResources": [facts(labelSelector=selector)]})
    stage.widget()
    stage.settle()
    stage.change("facts", stage.name, {"metadata": {"labels": {"model": None}}})
    eventually(lambda: related(stage) == {"Fact.contract.example.com/v1": []}, "the sync without it")


def test_a_kind_that_is_not_served_fails_every_sync(stage):
    ghosts = {"apiVersion": "contract.example.com/v1", "resource": "ghosts"}
    stage.composite(quiet, customize=lambda _: {"relatedResources": [ghosts]})
    stage.widget()
    stage.warning("w", "SyncError", "ghosts")
    assert stage.syncs() == []


@pytest.mark.parametrize(
    "answer",
    [
        Reply(500, b"no customize today"),
        {"relatedResources": [{"apiVersion": "v1", "kind": "Secret"}]},
        {"relatedResources": [], "more": 1},
        {"relatedResources": [secrets(names=["a"], labelSelector={"matchLabels": {"a": "b"}})]},
        {"relatedResources": [secrets(namespace="default", namespaceSelector={"matchLabels": {"a": "b"}})]},
    ],
)
def test_a_bad_customize_answer_fails_the_sync(stage, answer):
    stage.composite(lambda _: {"children": [config_map("w")]}, {"configmaps": "InPlace"}, customize=lambda _: answer)
    stage.widget()
    eventually(lambda: [event for event in stage.events("w") if event["reason"] == "SyncError"], "the event")
    assert stage.syncs() == []
    assert stage.get("configmaps", "w") is None


def test_a_changed_hook_address_syncs_everything_and_calls_customize_again(stage):
    made = stage.composite(quiet, customize=lambda _: {"relatedResources": []})
    for name in ("a", "b", "c"):
        stage.widget(name)
    stage.settle()
    before = {name: len(stage.syncs(name)) for name in ("a", "b", "c")}
    assert len(stage.customizes()) == 3
    hooks = made["spec"]["hooks"]
    for hook in hooks.values():
        hook["webhook"]["url"] += "?rev=2"
    stage.change("compositecontrollers", made["metadata"]["name"], {"spec": {"hooks": hooks}})
    eventually(lambda: len(stage.customizes()) == 6, "three more questions")
    stage.settle()
    assert all(len(stage.syncs(name)) > count for name, count in before.items())
    assert stage.syncs()[-1]["controller"]["spec"]["hooks"]["sync"]["webhook"]["url"].endswith("?rev=2")


def test_an_annotation_on_the_controller_restarts_nothing(stage):
    made = stage.composite(quiet, customize=lambda _: {"relatedResources": []})
    stage.widget()
    before = stage.settle()
    stage.change("compositecontrollers", made["metadata"]["name"], {"metadata": {"annotations": {"rev": "2"}}})
    assert stage.settle(1.5) == before


def test_a_deleted_controller_calls_no_hook(stage):
    made = stage.composite(quiet)
    stage.widget()
    before = stage.settle()
    stage.delete(stage.path("compositecontrollers", made["metadata"]["name"]))
    eventually(lambda: any(event["reason"] == "Stopped" for event in stage.events(stage.name, "default")), "the stop")
    stage.change("widgets", "w", {"spec": {"new": 1}})
    assert stage.settle(1.5) == before
    assert stage.get("widgets", "w")["status"]["phase"] == "Ready"
