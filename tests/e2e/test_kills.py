"""The hook server killed at random while many endpoints change: nothing is lost, and nothing deleted."""

import random
import secrets
import time

import pytest

from tests.cluster import operator
from tests.cluster.processes import still_running
from tests.e2e.many import CHANGES, changing, deletions, many_endpoints

pytestmark = pytest.mark.e2e

ENDPOINTS = 80
KILLS = 4
"""Of the hook server. What fails often is tried again late, so more of them would mostly be waited for."""
SETTLED_SECONDS = 300
"""The queue waits 5 ms after a first failure, and twice as long after each further one: 82 s after the fifteenth."""


@pytest.fixture
def many(cluster):
    with many_endpoints(cluster, ENDPOINTS) as made:
        yield made


def test_a_hook_server_that_is_killed_at_random_loses_and_deletes_nothing(many, installation):
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311 - when to kill is no secret
    plane = many.space.plane
    with deletions(many) as gone:
        with changing(many):
            for _ in range(KILLS):
                time.sleep(chance.uniform(0.1, 1.5))
                hooks = plane.processes["hooks"]
                hooks.stop(grace_seconds=0)
                plane.wait_for("its processes to be gone", lambda killed=hooks: not still_running({killed.pid}), 10)
                operator.start_hooks(plane, installation.urls)
        many.become(CHANGES, SETTLED_SECONDS)
    assert gone == []
