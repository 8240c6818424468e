"""The children in a request: a key for every kind that the controller declares, with objects or not."""

import json

import pytest

from hooks.planning import simulate, simulate_cache
from tests.cases import PARENTS, TESTDATA, cases
from tests.child_types import type_errors
from tests.controllers import declared, groups
from tests.playing import DECORATORS, again, play
from tests.schema import schema

OFFERED = "HTTPRoute.gateway.networking.k8s.io/v1"
WORLD = {
    "endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}},
    "recipes": ["qwen3-32b-mi300x-bf16"],
    "inventory": "mi300x",
    "offers": [OFFERED],
}
AIM_NODE = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMNode", "metadata": {"name": "a"}}


def recorded(name, part):
    return json.loads((TESTDATA / "recordings" / f"{name}.json").read_text())[part]


def test_the_keys_have_the_form_of_those_that_were_recorded():
    assert recorded("endpoint-sync-create", "children").items() <= groups("endpoint").items()
    assert recorded("inventory-sync", "children") == groups("inventory")
    [attached] = recorded("decorator-sync-node-create", "attachments")
    assert {attached.replace("exp.aim/v1", "aim.engine.amd.com/v1alpha1"): {}} == groups("node")


def test_the_command_line_sends_what_the_controllers_declare():
    assert declared("endpoint") == simulate.ENDPOINT_CHILD_KINDS
    assert declared("cache") == simulate_cache.CACHE_CHILD_KINDS


def test_each_request_of_a_case_has_every_declared_kind():
    for kind in PARENTS:
        for case in [one for one in cases(kind, "sync") if "body" not in one.world and "offers" not in one.world]:
            played = play(case.kind, case.hook, case.world)
            part = "attachments" if kind in DECORATORS else "children"
            assert list(played.request[part]) == list(declared(kind)), case
            if played.answer.code == 200:
                assert list(again(kind, case.hook, played, case.world).request[part]) == list(declared(kind)), case


def test_a_component_adds_kinds_at_every_sync():
    played = play("endpoint", "/endpoint/sync", {**WORLD, "earlier": {}})
    after = again("endpoint", "/endpoint/sync", played, WORLD)
    for one in (played, after):
        assert list(one.request["children"]) == [*declared("endpoint"), OFFERED]
        assert one.request["children"][OFFERED] == {}
        assert one.request["children"]["Deployment.apps/v1"]


def test_children_of_a_kind_that_is_not_declared_are_not_observed():
    assert OFFERED not in groups("endpoint", present={OFFERED: {"team-a/chat": {}}})
    assert groups("endpoint", [OFFERED], {OFFERED: {"team-a/chat": {}}})[OFFERED] == {"team-a/chat": {}}


def test_a_kind_of_a_crd_is_held_to_its_schema():
    spec = {"usable": True, "summary": "none", "pools": []}
    assert list(type_errors({**AIM_NODE, "spec": spec})) == []
    assert list(type_errors({**AIM_NODE, "spec": {**spec, "colour": "red"}})) == ["AIMNode/a.spec.colour is unknown"]
    [error] = type_errors({**AIM_NODE, "metadata": {"name": "a", "colour": "red"}, "spec": spec})
    assert error.startswith("AIMNode/a.metadata has a field that V1ObjectMeta has not")


def test_a_kind_of_kubernetes_is_held_to_the_type_of_its_client():
    child = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"colour": "red"}}
    [error] = type_errors(child)
    assert error.startswith("Service/a has a field that V1Service has not")


def test_a_kind_without_a_crd_is_named():
    with pytest.raises(LookupError, match=r"no CRD of Fruit\.example\.com/v1: name it in OTHERS"):
        schema("example.com/v1", "Fruit")
