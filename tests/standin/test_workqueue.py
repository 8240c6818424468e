"""The stand-in's queue puts a key off once, as client-go's does."""

import pytest

from tests.cluster.standin.workqueue import WorkQueue


@pytest.fixture
def clock():
    """Seconds, which the test moves on."""
    return [0.0]


@pytest.fixture
def queue(clock):
    return WorkQueue(lambda: clock[0])


def taken(queue):
    key = queue.get()
    queue.done(key)
    return key


@pytest.mark.parametrize("delays", [(5, 1), (1, 5), (1, 1, 5)])
def test_a_key_that_is_put_off_several_times_comes_once_at_the_earliest(queue, clock, delays):
    for delay in delays:
        queue.add_after("again", delay)
    queue.add_after("last", 9)
    clock[0] = 2.0
    assert taken(queue) == "again"
    clock[0] = 10.0
    assert taken(queue) == "last"


def test_a_key_is_put_off_anew_once_it_came(queue, clock):
    queue.add_after("again", 1)
    clock[0] = 2.0
    assert taken(queue) == "again"
    queue.add_after("again", 1)
    clock[0] = 4.0
    assert taken(queue) == "again"
