"""Endpoints in a queue of the real Kueue: it admits, holds back and preempts, and the status says so."""

import os
import time
from unittest.mock import patch

import pytest

from aimlib.diagnosis.quotas import quota_warning
from hooks.server.observers.quotas import QuotaReader
from tests.cluster import audit
from tests.cluster.operator import own_account
from tests.e2e.conftest import space_for
from tests.e2e.space import endpoint, recipe
from tests.queues.made import SECONDS, empty, priorities, queue, written_once_looked_at

pytestmark = [pytest.mark.queues, pytest.mark.e2e]

QUEUE = "team-a"
LACKS = "insufficient unused quota for amd.com/gpu in flavor mi300x, 1 more needed"


@pytest.fixture(scope="module")
def space(queues):
    """A namespace with a queue that has room for one GPU."""
    with space_for(queues, "queues") as made:
        made.apply(*queue(made.namespace, QUEUE, 1), *priorities())
        made.apply(recipe(made.namespace, modelId=f"example/{made.namespace}"))
        yield made
        made.kubectl("delete", "aimrecipe", made.namespace)
        empty(made, QUEUE)


def queued(space, name, **spec):
    model = f"example/{space.namespace}"
    usual = {"queueName": QUEUE, "priorityClassName": "model-serving-trial"}
    space.apply(endpoint(name, modelId=model, **usual | spec))


def test_one_that_has_room_is_admitted_and_the_next_waits_and_says_for_what(space):
    queued(space, "first")
    space.ready("first", seconds=SECONDS)
    queued(space, "second")
    message = space.becomes("second", "Queued", words=LACKS, seconds=SECONDS)
    assert message.startswith(f"a pod waits in the queue {QUEUE}: ")
    assert space.get("aimendpoint", "second")["status"]["phase"] == "Pending"
    space.ready("first", seconds=SECONDS)


def test_admission_tells_that_the_quota_is_used(space):
    account = own_account(space.plane, "aim-hooks", "aim-system")
    with patch.dict(os.environ, {"KUBECONFIG": str(account)}):
        found = QuotaReader()(space.namespace, QUEUE)
    words = f"the queue {QUEUE} has 1 of 1 amd.com/gpu in use, and 2 are requested: pods wait until there is room"
    assert quota_warning(QUEUE, found, "amd.com/gpu", 2) == words


def test_while_it_waits_nothing_is_written(space):
    since = audit.position(space.plane)
    time.sleep(20)
    made = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    assert [one for one in made if one.namespace == space.namespace] == []


def test_one_of_higher_priority_takes_its_place_and_the_status_of_the_loser_says_so(space):
    space.kubectl("delete", "aimendpoint", "second")
    [before] = space.get("pods", "--selector=aim.engine.amd.com/endpoint=first")["items"]
    queued(space, "urgent", priorityClassName="model-serving-urgent")
    space.ready("urgent", seconds=SECONDS)
    space.becomes("first", "Queued", words=LACKS, seconds=SECONDS)
    status = space.get("aimendpoint", "first")["status"]
    assert (status["phase"], status["replicas"]["ready"]) == ("Pending", 0)
    [after] = space.get("pods", "--selector=aim.engine.amd.com/endpoint=first")["items"]
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def test_it_goes_on_once_there_is_room_again(space):
    space.kubectl("delete", "aimendpoint", "urgent")
    space.ready("first", seconds=SECONDS)


def test_kueue_writes_into_the_template_and_nobody_fights(space):
    labels = space.deployment("first")["spec"]["template"]["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == QUEUE
    assert not [one for one in space.get("aimendpoint", "first")["status"]["warnings"] if "by hand" in one]
    assert written_once_looked_at(space, "first") == []


def test_a_queue_that_is_not_there_is_named(space):
    queued(space, "lost", queueName="no-such-queue")
    space.becomes("lost", "Queued", words="LocalQueue no-such-queue doesn't exist", seconds=SECONDS)
    space.kubectl("delete", "aimendpoint", "lost")
