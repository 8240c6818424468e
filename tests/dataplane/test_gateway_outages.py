"""Traffic through a gateway of two replicas while parts of the cluster are killed: none of them is on its path."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.kills import Kills
from tests.dataplane import engine, running
from tests.dataplane.asking import Asking, asking
from tests.dataplane.canaries import gateway, host, known, model, ready_gateway
from tests.dataplane.kubelet import GATEWAY
from tests.e2e.conftest import space_for
from tests.e2e.space import Space, endpoint

NAME = "steady"
DOWN_SECONDS = 4
"""How long a part stays away."""
ENOUGH = 20
"""Answers of each client once it is back."""
CLIENTS = 3


@pytest.fixture(scope="module")
def space(live_plane, live_operator) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """An endpoint of two replicas behind a gateway of two."""
    if engine.is_real():
        pytest.skip("of simulated engines: a real one needs a GPU for two replicas")
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with space_for(live_plane, "outages") as made:
        made.apply(gateway("models"), known(NAME), endpoint(NAME, modelId=model(NAME), replicas=2))
        made.ready(NAME, seconds=120)
        made.wait("the gateway", lambda: ready_gateway(made, "models", 1), 120)
        yield made


@pytest.fixture(scope="module")
def asked(space) -> Iterator[Asking]:
    """Clients that ask all the time; all are answered at first."""
    with asking(host(space, "models"), [model(NAME)] * CLIENTS) as made:
        space.wait("answers", lambda: made.settled(model(NAME)), 60)
        yield made


@pytest.fixture(scope="module")
def parts(live_plane, live_operator, space) -> dict[str, Callable[[], None]]:
    """What is killed, and comes back as it was."""
    kills = Kills(live_plane, live_operator).parts
    of_cluster = ("the hook server", "Metacontroller", "the API server")
    return {
        **{name: lambda name=name: kills[name](DOWN_SECONDS) for name in of_cluster},
        "the agents": lambda: kill_agents(space),
    }


def agents() -> list[int]:
    """The processes of the gateway's agents, which are children of this one."""
    command = ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if "hooks.gateway_agent" in line and "--once" not in line]


def kill_agents(space: Space) -> None:
    """One after the other, as what fails does; each is started again by its kubelet."""
    before = restarts(space)
    for number, agent in enumerate(agents(), 1):
        os.kill(agent, signal.SIGKILL)
        space.wait("another agent", lambda number=number: restarts(space) == (before or 0) + number)


def restarts(space: Space) -> int | None:
    """Of both pods of the gateway together; None while one is not ready."""
    pods = space.get("pods", f"--selector=app.kubernetes.io/name={GATEWAY}")["items"]
    found = [status for pod in pods for status in pod["status"]["containerStatuses"]]
    return sum(one["restartCount"] for one in found) if [one["ready"] for one in found] == [True, True] else None


@pytest.mark.parametrize("part", ["the hook server", "Metacontroller", "the API server", "the agents"])
def test_no_client_sees_an_error_while_a_part_is_away_and_after(space, asked, parts, part):
    assert restarts(space) is not None, "both are ready"
    assert len(agents()) == 2
    began = time.time()
    parts[part]()
    back = time.time()
    space.wait("answers", lambda: len(asked.of(model(NAME), back)) >= ENOUGH * CLIENTS)
    assert len(asked.of(model(NAME), began)) > ENOUGH * CLIENTS
    assert asked.errors(model(NAME), began) == []


def test_a_model_that_comes_after_all_that_is_routed(space, asked):
    """What was killed works again: hooks, Metacontroller, API server and agents."""
    began = time.time()
    space.apply(known("later"), endpoint("later", modelId=model("later")))
    space.ready("later", seconds=120)
    space.wait("the gateway", lambda: ready_gateway(space, "models", 2), 120)
    with asking(host(space, "models"), [model("later")]) as more:
        space.wait("answers", lambda: more.settled(model("later")), 60)
    assert asked.errors(model(NAME), began) == []
