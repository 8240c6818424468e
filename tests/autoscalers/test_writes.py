"""What is written of endpoints that are scaled by hand, by a HorizontalPodAutoscaler and by KEDA: steps alone.

MINUTES in the environment is how long all of them rest, two unless it is given.
"""

import os
import time
from collections import Counter
from contextlib import ExitStack, closing

import pytest

from tests.autoscalers import keda_programs, pod_metrics
from tests.autoscalers.served import SECONDS, accepted, ready_replicas, serve, status
from tests.cluster import audit
from tests.dataplane import commands
from tests.e2e.hookserver import configured
from tests.e2e.test_writes import settled

RESTS = 3
"""Before the step to two replicas, before the one back to one, and after it."""
REST_SECONDS = 60 * float(os.environ.get("MINUTES") or 2) / RESTS
SETTLE_SECONDS = 20
"""For which an autoscaler goes on measuring what a step has changed."""
HELD = 2
"""Requests that a replica has at once, for as long as the test lasts."""
BOUNDS = {"minReplicas": 1, "maxReplicas": 2, "scaleDownDelay": 5}
TARGET = 50
SCALING = {
    "by-hand": None,
    "by-cpu": {**BOUNDS, "targetCPUUtilization": TARGET},
    "by-load": {**BOUNDS, "targetRequests": HELD},
}
OWN = {"scaledobjects/status", "horizontalpodautoscalers/status"}
"""What those who scale write to themselves."""


@pytest.fixture(scope="module")
def hooks(live_plane, live_operator, monitored):
    """The hook server as it is shipped, and not one that asks for figures every second."""
    with configured(live_plane, live_operator, prometheusURL=monitored.url, drainSeconds=5):
        yield


@pytest.fixture(scope="module")
def used(space, tmp_path_factory):
    """What replicas use of their CPUs."""
    with pod_metrics.served(space.plane, tmp_path_factory.mktemp("metrics")) as made:
        made.percent = TARGET
        yield made


def test_nobody_writes_while_nothing_is_to_be_scaled_and_a_step_is_one_write_of_each(space, used):
    for name, scaling in SCALING.items():
        serve(space, name, "v1-answers-in-7200000ms", scaling)
    space.wait("KEDA to take it", lambda: accepted(space, "by-load"), SECONDS)
    with ExitStack() as held, ExitStack() as more:
        hold(space, held)
        space.wait("both to measure", lambda: all(map(measures(space), ("by-cpu", "by-load"))), SECONDS)
        rests(space, "one replica of each")
        since = audit.position(space.plane)
        space.kubectl("scale", "aimendpoint/by-hand", "--replicas=2")
        used.percent = 2 * TARGET
        hold(space, more)
        steps(space, 2, since)
        used.percent = TARGET
        rests(space, "two replicas of each")
        since = audit.position(space.plane)
        space.kubectl("scale", "aimendpoint/by-hand", "--replicas=1")
        used.percent = TARGET // 3
        more.close()
        steps(space, 1, since)
        used.percent = TARGET
        rests(space, "one replica of each again")


def hold(space, stack):
    """Requests that the oldest replica has and does not answer, until the stack is closed."""
    address = commands.addresses(space, "by-load")[0]
    for number in range(HELD):
        stack.enter_context(closing(commands.begun(address, f"Think long, {number}.")))


def measures(space):
    return lambda name: all("measured" in one for one in status(space, name)["scaling"]["triggers"])


def steps(space, replicas, since):
    """Each has come to so many replicas by one write of what scales it, and one that the operator makes of that."""
    space.wait("the step", lambda: all(ready_replicas(space, name) == replicas for name in SCALING), SECONDS)
    settled(space)
    found = written(space, since)
    show(f"the step to {replicas}", found)
    for name in SCALING:
        assert sum(found[name, user, "aimendpoints/scale"] for user in SCALERS) == 1, found
        assert found[name, audit.METACONTROLLER, "deployments"] == 1, found


SCALERS = ("admin", "kube-controller-manager", keda_programs.USER)


def rests(space, what):
    """Nobody writes anything of it, but those who scale to their own status."""
    settled(space)
    time.sleep(SETTLE_SECONDS)
    since = settled(space)
    time.sleep(REST_SECONDS)
    found = written(space, since)
    show(f"{what}, {REST_SECONDS:.0f} s", found)
    others = {key: count for key, count in found.items() if key[2] not in OWN}
    assert others == {}


def written(space, since):
    """How often whom wrote what of which object in the namespace."""
    found = audit.writes(space.plane, since=since)
    return Counter((one.name, one.user, one.resource) for one in found if one.namespace == space.namespace)


def show(what, found):
    print(f"{what}: {sum(found.values())} writes")
    for (name, user, resource), count in sorted(found.items()):
        print(f"  {count:5} {resource} {name} by {user.rpartition(':')[2]}")
