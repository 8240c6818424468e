"""Work that is shared out to threads: all of it is done, looked on, and ended by the first error."""

import threading

import pytest

from hooks.jobs.volume import thread_pool
from hooks.jobs.volume.thread_pool import run_parallel


def nothing():
    """Nobody looks, nobody ends it."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(thread_pool, "PROGRESS_SECONDS", 0.01)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_each_item_is_worked_on_once(count):
    done = []
    run_parallel(range(20), done.append, count, nothing, nothing)
    assert sorted(done) == [*range(20)]


def test_an_interruption_before_all_threads_have_begun(monkeypatch):
    begun, start = [], threading.Thread.start

    def stopped(thread):
        if begun:
            raise KeyboardInterrupt
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_parallel(range(5), lambda _: None, 3, nothing, nothing)
    assert not begun[0].is_alive()


def test_nothing_to_do_is_done():
    run_parallel((), pytest.fail, 3, pytest.fail, pytest.fail)


def test_progress_is_reported_while_nothing_ends():
    looked, go = [], threading.Event()

    def look():
        looked.append(1)
        if len(looked) == 5:
            go.set()

    run_parallel([1], lambda _: go.wait(), 1, look, nothing)
    assert len(looked) >= 5


def test_the_first_error_ends_the_others():
    stop, done = threading.Event(), []

    def work(item):
        if item == 0:
            raise ZeroDivisionError
        stop.wait()
        done.append(item)

    with pytest.raises(ZeroDivisionError):
        run_parallel(range(10), work, 3, nothing, stop.set)
    assert len(done) < 9
    assert stop.is_set()


def test_what_is_raised_meanwhile_ends_it_too():
    stop = threading.Event()

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_parallel(range(3), lambda _: stop.wait(), 3, interrupt, stop.set)
    assert stop.is_set()


def test_threads_that_do_not_listen_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(thread_pool, "SHUTDOWN_SECONDS", 0.05)
    go = threading.Event()

    def work(item):
        if item:
            raise ZeroDivisionError
        go.wait()

    with pytest.raises(ZeroDivisionError):
        run_parallel((0, 1), work, 2, nothing, nothing)
    left = [one for one in threading.enumerate() if "_run_thread)" in one.name]
    assert len(left) == 1
    go.set()
    left[0].join()
