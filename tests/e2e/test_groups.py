"""Replicas on several nodes: the component multi-node on the real control plane.

A stand-in for LeaderWorkerSet's controller makes the pods (tests/cluster/leader_worker_sets.py), and in `make groups`
the program itself. The kind is its own in both.
"""

import time

import pytest

from aimlib.kube.server_kinds import LEADER_WORKER_SET
from tests.cluster import audit, leader_worker_sets
from tests.e2e.access_table import WITH_GROUPS, row
from tests.e2e.optional_kinds import group_component
from tests.e2e.space import endpoint, recipe
from tests.e2e.test_access import answers, differences, subject
from tests.e2e.test_installation import dry_run, golden_children
from tests.e2e.test_writes import settled

pytestmark = pytest.mark.e2e

TWO = {"gpuCount": 16, "nodes": 2, "args": ["--tensor-parallel-size=8", "--pipeline-parallel-size=2"]}


@pytest.fixture(scope="module")
def groups(cluster, installation):
    """The component, on a cluster with the kind and what makes its pods."""
    with group_component(cluster, installation), leader_worker_sets.controller(cluster):
        yield


@pytest.fixture
def model(space):
    """A model that is on two nodes with MI300X."""
    name = space.namespace
    space.apply(recipe(name, modelId=f"example/{name}", hardware="MI300X", configurations=[TWO]))
    yield f"example/{name}"
    space.kubectl("delete", "aimrecipe", name)


def pods(space):
    found = space.get("pods")["items"]
    return {one["metadata"]["name"]: one for one in found if not one["metadata"].get("deletionTimestamp")}


def addresses(space, service):
    slices = space.get("endpointslices", f"--selector=kubernetes.io/service-name={service}")["items"]
    return {one["targetRef"]["name"] for part in slices for one in part.get("endpoints") or () if one.get("targetRef")}


def test_without_the_component_it_is_named(space, model):
    space.apply(endpoint("chat", modelId=model))
    space.becomes("chat", "NothingFits", words="the component multi-node adds them")


@pytest.mark.usefixtures("groups")
def test_a_group_of_two_nodes_becomes_ready_loses_a_worker_and_comes_back_as_a_whole(space, model):
    space.apply(endpoint("chat", modelId=model))
    space.ready("chat")
    before = pods(space)
    assert sorted(before) == ["chat-group-0", "chat-group-0-1"]
    assert len({one["spec"]["nodeName"] for one in before.values()}) == 2
    assert addresses(space, "chat") == {"chat-group-0"}
    status = space.get("aimendpoint", "chat")["status"]
    assert status["resolved"]["nodes"] == 2
    assert status["selection"]["layout"] == "TP 8 x PP 2 on 2 nodes"
    space.kubectl("delete", "pod", "chat-group-0-1", "--wait=false")

    def anew():
        found = pods(space)
        uids = {one["metadata"]["uid"] for one in found.values()}
        return len(uids) == 2 and uids.isdisjoint(one["metadata"]["uid"] for one in before.values())

    space.wait("both pods to be others", anew)
    space.ready("chat")
    space.kubectl("delete", "aimendpoint", "chat")
    space.wait("everything to go", lambda: not space.get("pods")["items"])
    assert not [name for name in space.children() if "leaderworkerset" in name]


@pytest.mark.usefixtures("groups")
def test_an_endpoint_that_lacks_nodes_says_so(space):
    name = space.namespace
    three = {**TWO, "gpuCount": 24, "nodes": 3, "args": ["--pipeline-parallel-size=3"]}
    space.apply(recipe(name, modelId=f"example/{name}", hardware="MI300X", configurations=[three]))
    try:
        space.apply(endpoint("chat", modelId=f"example/{name}"))
        space.becomes("chat", "NothingFits", words="needs 3 equal nodes with 8 GPUs each; the cluster has 2 nodes")
    finally:
        space.kubectl("delete", "aimrecipe", name)


@pytest.mark.usefixtures("groups")
def test_an_endpoint_goes_from_one_node_to_two_and_back(space, model):
    one = {"gpuCount": 8, "args": ["--tensor-parallel-size=8"]}
    space.apply(recipe(space.namespace, modelId=model, hardware="MI300X", configurations=[TWO, one]))
    space.apply(endpoint("chat", modelId=model))
    space.ready("chat")
    assert "deployment.apps/chat" in space.children()
    space.apply(endpoint("chat", modelId=model, recipe={"gpuCount": 16}))
    space.wait("two pods", lambda: sorted(pods(space)) == ["chat-group-0", "chat-group-0-1"])
    space.ready("chat")
    assert "deployment.apps/chat" not in space.children()
    space.apply(endpoint("chat", modelId=model, recipe={"gpuCount": 8}))
    space.wait("the Deployment", lambda: "deployment.apps/chat" in space.children())
    space.ready("chat")


@pytest.mark.usefixtures("groups")
def test_every_one_of_every_golden_case_is_accepted(cluster):
    found = golden_children({LEADER_WORKER_SET})
    assert len(found) > 1
    assert dry_run(cluster, found) == len(found)


@pytest.mark.usefixtures("groups")
def test_the_component_gives_metacontroller_the_rights_to_them_and_no_others(space):
    wanted = row(WITH_GROUPS)
    found = answers(space.plane, subject("metacontroller", space.namespace), list(wanted), space.namespace)
    assert differences(found, wanted) == {}


@pytest.mark.usefixtures("groups")
def test_syncs_of_a_stored_one_write_nothing(space, model):
    space.apply(endpoint("chat", modelId=model, availability={"groupTopology": "kubernetes.io/os"}))
    space.ready("chat")
    since = settled(space)
    for number in range(3):  # each brings a sync, and changes nothing that a child is made of
        space.kubectl("annotate", "--overwrite", "aimendpoint/chat", f"example.com/touched={number}")
        time.sleep(2)
    written = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    assert [write for write in written if write.namespace == space.namespace] == []
