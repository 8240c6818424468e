"""To zero and back by the real KEDA, and by load, behind a gateway with a real Envoy: no client sees an error."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.autoscalers import keda_programs
from tests.cluster.components import answers
from tests.cluster.operator import own_account
from tests.dataplane import commands, running
from tests.dataplane.canaries import IMAGE, gateway, host, ready_gateway
from tests.e2e.conftest import space_for
from tests.e2e.hookserver import within
from tests.e2e.optional_kinds import keda_component
from tests.e2e.space import endpoint, recipe

NAME, MODEL = "sleeper", "simulated/sleeper"
IDLE_SECONDS = 10
SECONDS = 240
SCALING = {"minReplicas": 0, "maxReplicas": 1, "idleSeconds": IDLE_SECONDS}
TIMES = 2
GROWER, LOAD = "grower", "simulated/grower"
MOST, CLIENTS = 3, 6
GROWING = {
    "minReplicas": 0,
    "maxReplicas": MOST,
    "idleSeconds": IDLE_SECONDS,
    "targetRequests": CLIENTS // MOST,
    "scaleDownDelay": 10,
}
QUIET_SECONDS = 20
"""For which nothing may change while something is down."""


@pytest.fixture(scope="module")
def space(live_plane, live_operator, monitored, tmp_path_factory):
    """A namespace of a cluster with KEDA, whose hooks know that, and the Prometheus that it asks."""
    folder = tmp_path_factory.mktemp("keda")
    settings = folder / "config.yaml"
    settings.write_text(f"drainSeconds: 5\nprometheusURL: {monitored.url}\n")
    account = str(own_account(live_plane, "aim-hooks", "aim-system"))
    observing = {"KUBECONFIG": account, "AIM_CONFIG": str(settings), "AIM_OBSERVE": "pods"}
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with within(live_plane, live_operator, **observing), keda_component(live_plane, live_operator):
        keda_programs.install(live_plane, folder)
        with space_for(live_plane, "zero") as made:
            yield made
        # Not before the namespace is gone: KEDA has a finalizer on what it scales.
        keda_programs.remove(live_plane)


@pytest.fixture(scope="module")
def served(space):
    """An endpoint that may have no replicas, and the gateway that routes to it."""
    image = {"image": {**IMAGE, "tag": "v1-answers-in-50ms-loads-in-8s"}}
    space.apply(recipe(NAME, modelId=MODEL, configurations=[{"gpuCount": 1}], **image))
    space.apply(gateway("models", holding={"seconds": 45}))
    space.apply(endpoint(NAME, modelId=MODEL, monitoring={"enabled": True}, scaling=SCALING))
    space.ready(NAME, seconds=SECONDS)
    space.wait("the gateway", lambda: ready_gateway(space, "models", 1), SECONDS)
    return space


def status(space, name=NAME):
    return space.get("aimendpoint", name)["status"]


def pods(space, name=NAME):
    return space.names("pods", f"--selector=aim.engine.amd.com/endpoint={name}")


def idle(space, name=NAME):
    return status(space, name)["phase"] == "Idle" and not pods(space, name)


def node(space):
    [found] = space.get("pods", f"--selector=aim.engine.amd.com/endpoint={NAME}")["items"]
    return found["spec"]["nodeName"]


def test_keda_takes_the_scaled_object(served):
    def accepted():
        found = served.get("scaledobject", NAME).get("status", {}).get("conditions", ())
        return any(one["type"] == "Ready" and one["status"] == "True" for one in found)

    served.wait("KEDA to take it", accepted, SECONDS)
    assert status(served)["scaling"]["by"] == "KEDA"


@pytest.mark.parametrize("again", range(TIMES))
def test_an_endpoint_without_requests_stops_and_the_next_request_starts_it_where_it_was(served, again):  # noqa: ARG001 - the same each time
    served.wait("it to be idle", lambda: idle(served), SECONDS)
    known = status(served).get("startup", {}).get("node")
    assert served.condition(NAME)["status"] == "True"
    reply = commands.chat(host(served, "models"), "Are you there?", 80, model=MODEL, max_tokens=3)
    assert reply.status == 200, reply.body
    served.ready(NAME, seconds=SECONDS)
    assert status(served)["phase"] == "Ready"
    # A start of seconds may be over before anybody looks at its pod.
    assert node(served) == (known or node(served))


def test_while_it_is_asked_it_stays(served):
    served.ready(NAME, seconds=SECONDS)
    [before] = pods(served)
    asked = []

    def enough():
        asked.append(commands.chat(host(served, "models"), "Still there?", 80, model=MODEL, max_tokens=3).status)
        return len(asked) > 40

    served.wait("requests for longer than it may idle", enough, SECONDS)
    assert set(asked) == {200}
    assert pods(served) == [before]


def test_suspended_it_is_not_started_and_goes_on_afterwards(served):
    served.patch(f"aimendpoint/{NAME}", {"spec": {"suspend": True}})
    served.wait("it to stop", lambda: status(served)["phase"] == "Stopped" and not pods(served), SECONDS)
    reply = commands.chat(host(served, "models"), "Are you there?", 80, model=MODEL, max_tokens=3)
    assert reply.status == 503, reply.body
    assert b"model_suspended" in reply.body
    assert status(served)["phase"] == "Stopped"
    served.patch(f"aimendpoint/{NAME}", {"spec": {"suspend": False}})
    served.wait("it to be idle or to serve", lambda: status(served)["phase"] in {"Idle", "Ready"}, SECONDS)

    def again():
        """The gateway learns of it a moment after the status."""
        return commands.chat(host(served, "models"), "And now?", 80, model=MODEL, max_tokens=3).status == 200

    served.wait("an answer", again, SECONDS)


@pytest.fixture(scope="module")
def growing(served):
    """An endpoint that grows with its load, and is idle."""
    image = {"image": {**IMAGE, "tag": "v1-answers-in-1500ms"}}
    served.apply(recipe(GROWER, modelId=LOAD, configurations=[{"gpuCount": 1}], **image))
    served.apply(endpoint(GROWER, modelId=LOAD, monitoring={"enabled": True}, scaling=GROWING))
    served.ready(GROWER, seconds=SECONDS)
    served.wait("it to be idle", lambda: idle(served, GROWER), SECONDS)
    return served


@contextmanager
def load(space: object) -> Iterator[Counter[int]]:
    """So many clients that ask one request after the other; how they were answered, by status."""
    answered: Counter[int] = Counter()
    over, address = threading.Event(), host(space, "models")

    def ask() -> None:
        while not over.is_set():
            try:
                status = commands.chat(address, "Hello.", 80, model=LOAD, max_tokens=3).status
            except OSError:
                status = 0
            answered[status] += 1

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield answered
    finally:
        over.set()
        for client in clients:
            client.join()


def stays(space, replicas, seconds=QUIET_SECONDS):
    """Nothing starts, stops or becomes unready for a while."""
    before, end = pods(space, GROWER), time.monotonic() + seconds
    assert len(before) == replicas
    while time.monotonic() < end:
        assert pods(space, GROWER) == before
        assert status(space, GROWER)["phase"] == "Ready"
        time.sleep(1)


def test_from_none_to_three_and_back_and_what_is_killed_meanwhile_harms_nobody(growing, live_plane, monitored):
    with load(growing) as answered:
        growing.wait("three replicas", lambda: len(commands.addresses(growing, GROWER)) == MOST, SECONDS)
        found = status(growing, GROWER)["scaling"]
        assert (found["by"], found["desired"]) == ("KEDA", MOST)
        keda_programs.kill(live_plane)
        stays(growing, MOST)
        keda_programs.start_again(live_plane)
        monitored.process.stop(grace_seconds=0)
    # The requests are over, and nobody knows that of the replicas: so none goes.
    fallback = "Fallback", "True"
    growing.wait("the fall-back", lambda: fallback in conditions(growing), SECONDS)
    stays(growing, MOST)
    live_plane.run("prometheus", *monitored.process.popen.args)
    growing.wait("Prometheus", lambda: answers(f"{monitored.url}/-/ready"), SECONDS)
    growing.wait("it to be idle again", lambda: idle(growing, GROWER), SECONDS)
    assert set(answered) == {200}, answered


def conditions(space):
    """Type and status of the conditions of the ScaledObject."""
    found = space.get("scaledobject", GROWER).get("status", {}).get("conditions", ())
    return {(one["type"], one["status"]) for one in found}
