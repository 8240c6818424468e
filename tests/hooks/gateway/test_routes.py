"""The bound of a gateway's table: names of the newest endpoints have no room, and the condition has both numbers."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlib.gateway.names import routed_digest
from aimlib.gateway.overload import MOST_HEAP
from aimlib.gateway.table import ModelTable
from aimlib.kube.quantity import parse_quantity
from hooks.gateway.children.deployment import MEMORY_LIMIT
from hooks.gateway.routes import MOST_BYTES
from tests.playing import play
from tests.world import NAMESPACE

ANYBODY = {"spec": {"clients": {"anonymous": True}}}


def endpoints(count, names=1):
    """As many endpoints, the first ones the oldest."""
    return {
        f"{NAMESPACE}/model-{at:04}": {
            "names": [f"organisation/model-{at:04}-{name}" for name in range(names)],
            "created": f"2026-11-23T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z",
        }
        for at in range(count)
    }


def synced(count, names=1):
    said = play("gateway", "/gateway/sync", {"gateway": ANYBODY, "routed": endpoints(count, names)}).answer.said
    [table] = [one["data"]["table.json"] for one in said["children"] if one["kind"] == "ConfigMap"]
    return said, ModelTable.model_validate_json(table)


def annotation(said):
    [made] = [one for one in said["children"] if one["kind"] == "ConfigMap"]
    return len(json.dumps(made, separators=(",", ":")).encode())


def condition(said):
    return next(one for one in said["status"]["conditions"] if one["type"] == "RoutesReady")


def test_a_thousand_endpoints_fit_into_a_table():
    said, table = synced(1000)
    assert len(table.models) == said["status"]["routes"] == 1000
    assert condition(said)["status"] == "True"
    assert annotation(said) < MOST_BYTES
    assert len(said["status"]["models"]) == 256
    listed = {(one["namespace"], one["name"]) for model in said["status"]["models"] for one in model["endpoints"]}
    found = {(NAMESPACE, f"model-{at:04}") for at in range(1000)} - listed
    assert said["status"]["moreEndpoints"] == sorted(routed_digest(*one) for one in found)


def test_beyond_its_room_the_oldest_are_routed_and_both_numbers_are_told():
    said, table = synced(300, names=9)
    assert annotation(said) < MOST_BYTES
    assert condition(said)["reason"] == "TooManyModels"
    left = 2700 - len(table.models)
    assert f"{len(table.models)} names are routed, {left} are not" in condition(said)["message"]
    assert f"of {MOST_BYTES} bytes" in condition(said)["message"]
    assert (
        sorted(one.name for one in table.models)
        == sorted(f"organisation/model-{at:04}-{name}" for at in range(300) for name in range(9))[: len(table.models)]
    )


def shared(counts):
    """The table where namespaces have as many endpoints, and the status; the first is the gateway's own."""
    others = [name for name in counts if name != NAMESPACE]
    found = {
        f"{space}/{name.partition('/')[2]}": record
        for space in counts
        for name, record in endpoints(counts[space]).items()
    }
    for name, record in found.items():
        record["names"] = [f"{name}-with-a-name-that-takes-room-{'x' * 100}"]
    spaces = {name: {"aim.engine.amd.com/models": "use"} for name in others}
    world = {"gateway": {"spec": {**ANYBODY["spec"], "namespaces": others}}, "namespaces": spaces, "routed": found}
    said = play("gateway", "/gateway/sync", world).answer.said
    [table] = [one["data"]["table.json"] for one in said["children"] if one["kind"] == "ConfigMap"]
    names = (target.name for one in ModelTable.model_validate_json(table).models for target in one.targets)
    return said, Counter(name.partition("/")[0] for name in names)


def test_a_namespace_of_thousands_keeps_no_other_out():
    said, routed = shared({NAMESPACE: 2000, "team-b": 20, "team-c": 400})
    assert annotation(said) < MOST_BYTES
    assert routed["team-b"] == 20
    assert 200 < routed["team-c"] < routed[NAMESPACE]
    [warning] = said["status"]["warnings"]
    assert warning.startswith("the table has ")
    left = 2000 - routed[NAMESPACE], 400 - routed["team-c"]
    assert f"{left[0]} of {NAMESPACE}, {left[1]} of team-c" in warning
    assert condition(said)["reason"] == "TooManyModels"


def test_what_others_do_not_need_is_for_the_one_that_does():
    alone, few = shared({NAMESPACE: 2000})[1], shared({NAMESPACE: 2000, "team-b": 1})[1]
    assert alone[NAMESPACE] - few[NAMESPACE] <= 2


@given(st.lists(st.integers(0, 400), min_size=1, max_size=4))
@settings(max_examples=4, deadline=None)
def test_each_namespace_has_its_share_of_the_table(counts):
    spaces = {NAMESPACE if at == 0 else f"team-{'bcd'[at - 1]}": count for at, count in enumerate(counts)}
    said, routed = shared(spaces)
    assert annotation(said) < MOST_BYTES
    claiming = [name for name, count in spaces.items() if count]
    most = 700  # of such names
    for name in claiming:
        assert routed[name] >= min(spaces[name], most // len(claiming) - 2)


@pytest.mark.parametrize("places", [9, 20])
def test_a_message_names_a_few_and_counts_the_others(places):
    names = [f"team-{at:02}" for at in range(places)]
    world = {"gateway": {"spec": {**ANYBODY["spec"], "namespaces": names}}}
    message = condition(play("gateway", "/gateway/sync", world).answer.said)["message"]
    assert f"team-07 and {places - 8} more, which must be there" in message


def test_many_conflicts_are_counted():
    claims = {f"{NAMESPACE}/{endpoint}": {"names": [f"name-{at}" for at in range(9)]} for endpoint in ("a", "b")}
    said = play("gateway", "/gateway/sync", {"gateway": ANYBODY, "routed": claims}).answer.said
    unique = next(one for one in said["status"]["conditions"] if one["type"] == "ModelsUnique")
    assert "; and 1 names more; endpoints of one namespace share a name" in unique["message"]


def test_envoy_refuses_requests_before_its_container_has_no_memory_left():
    assert 0.9 * parse_quantity(MEMORY_LIMIT) >= MOST_HEAP
