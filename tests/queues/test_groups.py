"""Replicas on several nodes in a queue of the real Kueue: a group is admitted, held back and preempted as a whole."""

import pytest

from tests.cluster.plane import KubectlError
from tests.e2e.conftest import space_for
from tests.e2e.space import endpoint, recipe
from tests.queues.made import SECONDS, empty, priorities, queue, written_once_looked_at

pytestmark = [pytest.mark.queues, pytest.mark.e2e]

QUEUE = "groups"
TWO = {"gpuCount": 16, "nodes": 2, "args": ["--tensor-parallel-size=8", "--pipeline-parallel-size=2"]}
LACKS = "insufficient unused quota for amd.com/gpu in flavor mi300x, 8 more needed"


@pytest.fixture(scope="module")
def space(queues):
    """A namespace with a queue that has room for one group of two nodes."""
    with space_for(queues, "queued-groups") as made:
        made.apply(*queue(made.namespace, QUEUE, 16), *priorities())
        made.apply(recipe(made.namespace, modelId=f"example/{made.namespace}", hardware="MI300X", configurations=[TWO]))
        yield made
        made.kubectl("delete", "aimrecipe", made.namespace)
        empty(made, QUEUE)


def queued(space, name, **spec):
    usual = {"queueName": QUEUE, "priorityClassName": "model-serving-trial"}
    space.apply(endpoint(name, modelId=f"example/{space.namespace}", **usual | spec))


def pods(space, name):
    found = space.get("pods", f"--selector=aim.engine.amd.com/endpoint={name}")["items"]
    return {one["metadata"]["name"]: one for one in found if not one["metadata"].get("deletionTimestamp")}


def test_a_group_that_has_room_is_admitted_and_the_next_waits_as_a_whole(space):
    queued(space, "first")
    space.ready("first", seconds=SECONDS)
    assert len({one["spec"]["nodeName"] for one in pods(space, "first").values()}) == 2
    queued(space, "second")
    message = space.becomes("second", "Queued", words=LACKS, seconds=SECONDS)
    assert f"a pod waits in the queue {QUEUE}: " in message
    assert all(one["spec"].get("schedulingGates") for one in pods(space, "second").values())
    assert space.get("aimendpoint", "second")["status"]["phase"] == "Pending"


def test_kueue_writes_into_the_templates_and_nobody_fights(space):
    [group] = [one for one in space.get("leaderworkersets")["items"] if one["metadata"]["name"] == "first-group"]
    written = group["spec"]["leaderWorkerTemplate"]["workerTemplate"]["metadata"]["annotations"]
    assert written["kueue.x-k8s.io/pod-group-serving"] == "true"
    assert [one for one in warnings(space) if "memory was not checked" not in one] == []
    assert written_once_looked_at(space, "first") == []


def test_a_group_that_loses_a_worker_comes_back_within_its_quota(space):
    before = {one["metadata"]["uid"] for one in pods(space, "first").values()}
    space.kubectl("delete", "pod", "first-group-0-1", "--wait=false")

    def anew():
        uids = {one["metadata"]["uid"] for one in pods(space, "first").values()}
        return len(uids) == 2 and uids.isdisjoint(before)

    space.wait("both pods to be others", anew, SECONDS)
    space.ready("first", seconds=SECONDS)


def test_a_group_of_higher_priority_takes_its_place(space):
    space.kubectl("delete", "aimendpoint", "second")
    queued(space, "urgent", priorityClassName="model-serving-urgent")
    space.ready("urgent", seconds=SECONDS)
    space.becomes("first", "Queued", words=LACKS, seconds=SECONDS)
    space.kubectl("delete", "aimendpoint", "urgent")
    space.ready("first", seconds=SECONDS)


def test_the_queue_is_changed_while_the_group_is_stopped(space):
    with pytest.raises(KubectlError, match=r"queueName .* is changed while the endpoint is stopped"):
        queued(space, "first", queueName="other")
    queued(space, "first", suspend=True)
    space.becomes("first", "Suspended", seconds=SECONDS)
    space.wait("the group to go", lambda: not space.names("leaderworkersets"), SECONDS)
    queued(space, "first", queueName="other", suspend=True)
    queued(space, "first", queueName=QUEUE, suspend=True)
    queued(space, "first")
    space.ready("first", seconds=SECONDS)


def warnings(space):
    return space.get("aimendpoint", "first")["status"].get("warnings", ())
