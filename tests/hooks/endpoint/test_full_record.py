"""The record of full hardware on what runs model servers: whoever may edit that object may write it."""

import json
from copy import deepcopy

import pytest

from aimlib.api.room import MOST_FULL, FullHardware
from aimlib.naming import FULL_ANNOTATION
from hooks.endpoint.full_record import RECORD_LENGTH, read_full, with_full
from tests.cases import Case
from tests.files import TESTDATA
from tests.hooks.endpoint.test_full_hardware import waiting, world
from tests.playing import again, call, first, stored
from tests.world import NOON, instant

SERVER = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "chat"}}
OTHER = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "chat"}}
GROUP = {**SERVER, "kind": "LeaderWorkerSet", "apiVersion": "leaderworkerset.x-k8s.io/v1"}
SERVERS = "Deployment.apps/v1"


def full(number=0, message="no room"):
    return FullHardware(
        product=f"product-{number}", resource="amd.com/gpu", gpu_count=1, since=instant(NOON), message=message
    )


def record(**changes):
    """A record of one product, with something else about it; its request is `key` unless that is changed."""
    key = changes.pop("decidedFor", "key")
    return json.dumps({"decidedFor": key, "full": [{**full().wire(), **changes}]})


def read(text, key="key"):
    return read_full({"metadata": {"annotations": {FULL_ANNOTATION: text}}}, key)


@pytest.mark.parametrize("server", [SERVER, GROUP])
def test_it_is_on_what_runs_model_servers_and_for_one_request(server):
    known = (full(1), full(2))
    other, made = with_full([OTHER, server], "key", known)
    assert other == OTHER
    assert read_full(made, "key") == known
    assert read_full(made, "another") == read_full(server, "key") == ()
    assert with_full([server], "key", ()) == [server]


def test_it_has_room_for_as_many_as_a_status():
    known = tuple(full(number, "\N{ZOMBIE}" * 4096) for number in range(MOST_FULL))
    [made] = with_full([SERVER], "key", known)
    text = made["metadata"]["annotations"][FULL_ANNOTATION]
    assert len(text) <= RECORD_LENGTH
    assert len(text) + len(json.dumps(text)) < 128 * 1024  # an object may have twice as much; last-applied repeats it
    assert [one.product for one in read_full(made, "key")] == [one.product for one in known]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        "[" * 10_000,
        record(decidedFor="another"),
        record(since="long ago"),
        record(since="9" * 5000),
        record(product="\x1b[2J"),
        record(message="\u202e"),
        record(message="\n"),
        record(resource="x" * 254),
        record(gpuCount=65),
        record(gpuCount=0),
        json.dumps({"decidedFor": "key", "full": []}),
        json.dumps({"decidedFor": "key", "full": [full().wire()] * (MOST_FULL + 1)}),
        record() + " " * RECORD_LENGTH,
        "\ud800",
        '{"decidedFor": "\\ud800"}',
        5,
        None,
    ],
)
def test_what_this_release_does_not_write_counts_as_none(text):
    assert read(record()) == (full(),)
    assert read(text) == ()


def moved():
    """An endpoint that has left full hardware, with the status from before, and its Deployment ready."""
    case = Case(TESTDATA / "endpoint/sync/a-status-from-before-leads-away-from-no-ready-replica")
    return deepcopy(first(case.kind, case.hook, case.world).request), case.world.get("now", NOON)


def products(body, now=NOON):
    code, said = call("endpoint", "/endpoint/sync", body, now)
    assert code == 200
    return said["status"]["resolved"]["product"]


def test_a_status_that_is_lost_leads_back_to_no_full_hardware():
    body, now = moved()
    assert products(body, now) == "MI300X"
    del body["parent"]["status"]
    assert products(body, now) == "MI300X"
    [deployment] = body["children"][SERVERS].values()
    del deployment["metadata"]["annotations"][FULL_ANNOTATION]
    assert products(body, now) == "MI325X"


def test_an_endpoint_that_is_to_wait_does_not_go_by_it():
    body, now = moved()
    body["parent"]["spec"]["recipe"] = {"whenFull": "Wait"}
    assert products(body, now) == "MI325X"


def test_it_is_for_one_request():
    body, now = moved()
    body["parent"]["spec"]["recipe"] = {"precision": "bf16"}
    assert products(body, now) == "MI325X"


@pytest.mark.parametrize("text", ["x", record(), record(product="MI325X", since="long ago")])
def test_an_odd_record_loses_no_child(text):
    body, now = moved()
    [deployment] = body["children"][SERVERS].values()
    deployment["metadata"]["annotations"][FULL_ANNOTATION] = text
    code, said = call("endpoint", "/endpoint/sync", body, now)
    assert (code, said["status"]["resolved"]["product"]) == (200, "MI325X")
    assert "Deployment" in {child["kind"] for child in said["children"]}


@pytest.mark.parametrize("gone", ["AIMInventory", "AIMRecipe"])
def test_where_nothing_can_be_selected_what_runs_stays_as_it_was_applied(gone):
    body, now = moved()
    body["related"] = {key: {} if key.startswith(f"{gone}.") else group for key, group in body["related"].items()}
    code, said = call("endpoint", "/endpoint/sync", body, now)
    [deployment] = body["children"][SERVERS].values()
    kept = next(child for child in said["children"] if child["kind"] == "Deployment")
    assert (code, "resolved" in said["status"]) == (200, False)
    assert kept["spec"] == deployment["spec"]
    assert kept["metadata"]["annotations"][FULL_ANNOTATION] == deployment["metadata"]["annotations"][FULL_ANNOTATION]


def test_a_deployment_of_a_former_release_gets_it_and_keeps_its_pods():
    played = first("endpoint", "/endpoint/sync", world())
    for _ in range(2):
        played = again("endpoint", "/endpoint/sync", played, {**world(), "pods": waiting(played)})
    said = played.answer.said
    former = deepcopy(said["children"])
    [deployment] = [child for child in former if child["kind"] == "Deployment"]
    del deployment["metadata"]["annotations"]
    body = {**played.request, "parent": {**played.request["parent"], "status": said["status"]}}
    body["children"] = {**body["children"], **stored(former, {})}
    [made] = [one for one in call("endpoint", "/endpoint/sync", body).said["children"] if one["kind"] == "Deployment"]
    assert (made["spec"], FULL_ANNOTATION in made["metadata"]["annotations"]) == (deployment["spec"], True)


def test_an_answer_to_a_status_from_before_is_the_one_that_was_given():
    body, now = moved()
    stale = call("endpoint", "/endpoint/sync", body, now).said
    current = {**body, "parent": {**body["parent"], "status": {"observedGeneration": 1, **stale["status"]}}}
    again_said = call("endpoint", "/endpoint/sync", current, now).said
    assert again_said == stale
