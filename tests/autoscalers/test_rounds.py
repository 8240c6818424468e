"""From no replica to three and back by the real KEDA, three times, with one client that asks on: none sees an error."""

import pytest

from tests.autoscalers.load import load
from tests.autoscalers.served import SECONDS, idle, model, pods, ready_replicas, serve

NAME, MOST, CLIENTS = "grower", 3, 6
SCALING = {
    "minReplicas": 0,
    "maxReplicas": MOST,
    "idleSeconds": 10,
    "targetRequests": CLIENTS // MOST,
    "scaleDownDelay": 10,
}
ROUNDS = 3


@pytest.fixture(scope="module")
def growing(space):
    """An endpoint that grows with its load, and is idle."""
    serve(space, NAME, "v1-answers-in-1500ms", SCALING)
    space.wait("it to be idle", lambda: idle(space, NAME), SECONDS)
    return space


def test_from_none_to_three_to_none_again_and_again_and_no_client_sees_an_error(growing):
    with load(growing, model(NAME)) as clients:
        for _ in range(ROUNDS):
            before = clients.answered[200]
            clients.clients(CLIENTS)
            growing.wait("three replicas", lambda: ready_replicas(growing, NAME) == MOST, SECONDS)
            # One who asks on while replicas go.
            clients.clients(1)
            growing.wait("one replica", lambda: len(pods(growing, NAME)) == 1, SECONDS)
            assert clients.answered[200] > before + CLIENTS
            clients.clients(0)
            growing.wait("it to be idle again", lambda: idle(growing, NAME), SECONDS)
    print(f"{ROUNDS} times 0 → {MOST} → 0: answers by status: {dict(clients.answered)}")
    assert set(clients.answered) == {200}
