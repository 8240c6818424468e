"""The data plane: Services lead to pods that answer, names to Services, and pods start, fail and go as on a node."""

import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.dataplane import commands, engine, running
from tests.dataplane.commands import chat
from tests.e2e.conftest import space_for
from tests.e2e.space import Space, endpoint, recipe

MODEL = "simulated/model"
NAMES = {"vllm": "chat", "sglang": "other"}


@pytest.fixture(scope="module")
def space(live_plane, live_operator) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """A namespace with an endpoint of two replicas for each engine."""
    if engine.is_real():
        pytest.skip("of simulated engines: a real one has no commands, and needs a GPU for two replicas")
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with space_for(live_plane, "traffic") as made:
        for backend, name in NAMES.items():
            made.apply(
                recipe(f"{name}-recipe", modelId=f"{MODEL}-{backend}", backend=backend),
                endpoint(name, modelId=f"{MODEL}-{backend}", replicas=2),
            )
        made.ready(*NAMES.values())
        for name in NAMES.values():
            made.wait(f"two pods of {name}", lambda name=name: len(commands.addresses(made, name)) == 2)
            made.wait(f"an answer of {name}", lambda name=name: answers(host(made, name)))
        yield made


def host(space, name, domain="svc.cluster.local"):
    return f"{name}.{space.namespace}.{domain}"


@pytest.mark.parametrize("backend", NAMES)
def test_a_service_leads_to_every_pod_in_turn(space, backend):
    name = NAMES[backend]
    url = space.get("aimendpoint", name)["status"]["endpoints"]["internal"]
    assert url.startswith(f"http://{host(space, name, 'svc')}")
    answered = Counter(chat(host(space, name), port=port_of(space, name)).who for _ in range(10))
    assert answered == dict.fromkeys(commands.addresses(space, name), 5)


def answers(name):
    """Whether the Service leads to a pod that answers: it learns of one a moment after its status."""
    with suppress(ConnectionError, http.client.HTTPException):
        return chat(name).status == 200


def port_of(space, name):
    return space.get("service", name)["spec"]["ports"][0]["port"]


def test_a_name_is_that_of_the_service_and_of_the_pods_behind_a_headless_one(space):
    service = space.get("service", "chat")
    headless = {"clusterIP": "None", "selector": service["spec"]["selector"], "ports": [{"name": "http", "port": 8000}]}
    space.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "chat-pods"}, "spec": headless})
    for domain in ("svc.cluster.local", "svc"):
        assert resolved(host(space, "chat", domain)) == {service["spec"]["clusterIP"]}
    space.wait("the pods by name", lambda: resolved(host(space, "chat-pods")) == {*commands.addresses(space, "chat")})


def test_a_name_that_does_not_exist_is_refused_at_once(space):
    began = time.monotonic()
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(host(space, "nobody"), 80)
    assert time.monotonic() - began < 1


def resolved(name):
    try:
        return {found[4][0] for found in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)}
    except socket.gaierror:
        return set()


def test_a_replica_that_dies_is_started_again_and_the_other_answers_meanwhile(space):
    dead, other = commands.addresses(space, "chat")
    commands.command(dead, crash_after_tokens=0)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        chat(dead)
    space.wait("only the other to be ready", lambda: commands.addresses(space, "chat") == [other])
    answered = []

    def by_the_other():
        with suppress(ConnectionError, http.client.HTTPException):  # until the Service knows
            answered.append(chat(host(space, "chat")))
        return len(answered) >= 5 and {one.who for one in answered[-5:]} == {other}

    space.wait("the other to answer everything", by_the_other)
    space.wait("both again", lambda: {*commands.addresses(space, "chat")} == {dead, other}, 90)
    [restarts] = [
        one["status"]["containerStatuses"][0]["restartCount"]
        for one in space.get("pods", "--selector=app.kubernetes.io/instance=chat")["items"]
        if one["status"]["podIP"] == dead
    ]
    assert restarts == 1


def test_a_model_that_is_being_loaded_is_waited_for(space):
    space.apply(endpoint("late", modelId=f"{MODEL}-vllm", image={"tag": "v1-loads-in-4s"}))
    space.wait("a pod", lambda: space.names("pods", "--selector=app.kubernetes.io/instance=late"))
    began = time.monotonic()
    space.ready("late")
    assert time.monotonic() - began > 3
    space.wait("an answer", lambda: answers(host(space, "late")))
    space.kubectl("delete", "aimendpoint/late")


def test_the_log_of_a_replica_can_be_read(space):
    [pod, _] = space.names("pods", "--selector=app.kubernetes.io/instance=chat")
    assert "simulated vLLM serves simulated/model-vllm" in space.kubectl("logs", pod)


def test_a_prefix_stays_with_the_pod_that_had_it(space):
    pod = commands.addresses(space, "chat")[0]
    text = "once " * 64
    assert [chat(pod, text).cached for _ in range(2)] == [0, 64]
    asked = json.loads(commands.request(pod, "/simulation").body)["requests"]
    assert [one["cached"] for one in asked[-2:]] == [0, 64]
