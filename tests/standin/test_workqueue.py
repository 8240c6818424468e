"""The work queue, its back-off and the token bucket."""

import threading

import pytest

from tests.cluster.standin.ratelimit import Backoff, TokenBucket
from tests.cluster.standin.workqueue import WorkQueue


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_key_waits_once():
    queue = WorkQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    queue.add("end")
    assert [queue.get(), queue.get(), queue.get()] == ["a", "b", "end"]


def test_a_key_added_while_worked_on_comes_again_afterwards_and_not_before():
    queue = WorkQueue()
    queue.add("a")
    assert queue.get() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.get() == "b"
    queue.done("a")
    assert queue.get() == "a"


def test_a_later_key_waits_for_its_time():
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add_after("late", 5)
    queue.add_after("early", 2)
    queue.add("now")
    assert queue.get() == "now"
    clock.now += 10
    assert [queue.get(), queue.get()] == ["early", "late"]


def test_a_waiting_worker_wakes_for_an_earlier_key():
    queue, got = WorkQueue(), []
    queue.add_after("late", 30)
    worker = threading.Thread(target=lambda: got.append(queue.get()))
    worker.start()
    queue.add_after("early", 0.05)
    worker.join(5)
    assert got == ["early"]


def test_shut_down_releases_everybody():
    queue, got = WorkQueue(), []
    workers = [threading.Thread(target=lambda: got.append(queue.get())) for _ in range(3)]
    for worker in workers:
        worker.start()
    queue.shut_down()
    for worker in workers:
        worker.join(5)
    queue.add("too late")
    assert got == [None, None, None]
    assert queue.get() is None


def test_failures_double_the_delay_up_to_a_thousand_seconds():
    backoff = Backoff()
    delays = [backoff.failed("a") for _ in range(20)]
    assert delays[:4] == pytest.approx([0.005, 0.01, 0.02, 0.04])
    assert delays[17] == pytest.approx(0.005 * 2**17)
    assert delays[18:] == [1000, 1000]
    assert backoff.failed("b") == pytest.approx(0.005), "each key has its own"
    backoff.forget("a")
    assert backoff.failed("a") == pytest.approx(0.005)


def test_ten_thousand_failures_do_not_overflow():
    backoff = Backoff()
    assert max(backoff.failed("a") for _ in range(10_000)) == 1000


def test_a_bucket_lets_the_burst_through_and_then_its_rate():
    clock = Clock()
    bucket = TokenBucket(rate=2, burst=3, clock=clock)
    assert [bucket.reserve() for _ in range(5)] == pytest.approx([0, 0, 0, 0.5, 1.0])
    clock.now += 1.0
    assert not bucket.try_take(), "both are promised already"
    clock.now += 0.5
    assert bucket.try_take()
    clock.now += 100
    assert [bucket.try_take() for _ in range(4)] == [True, True, True, False]
