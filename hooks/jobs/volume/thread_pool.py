"""Threads that share out work, with a main thread that looks on and can end it at any moment."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

from hooks.jobs.volume import clock

Item = TypeVar("Item")
LOOK = 0.25
"""Seconds between two looks at the progress."""
FAREWELL = 3.0
"""Seconds for threads to notice that they are not wanted; those that wait for a server longer end with the process."""


def share_out(
    items: Iterable[Item],
    work: Callable[[Item], None],
    count: int,
    look: Callable[[], None],
    abandon: Callable[[], None],
) -> None:
    """Do `work` on each item by `count` threads, in order; `look` is called now and then meanwhile.

    The first error ends all of it, as anything does that is raised in the calling thread: `abandon` tells the threads.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    results: SimpleQueue[BaseException | None] = SimpleQueue()
    left = 0
    for item in items:
        waiting.put(item)
        left += 1
    arguments = (waiting, work, results)
    threads = [threading.Thread(target=_serve, args=arguments, daemon=True) for _ in range(min(count, left))]
    try:
        for thread in threads:
            thread.start()
        while left:
            try:
                if error := results.get(timeout=LOOK):
                    raise error
                left -= 1
            except Empty:
                pass
            look()
    finally:
        if left:
            while not waiting.empty():
                with suppress(Empty):  # a thread may have been quicker
                    waiting.get_nowait()
            abandon()
        deadline = clock.seconds() + FAREWELL
        for thread in (one for one in threads if one.ident):  # an interruption may come before the last has begun
            thread.join(max(deadline - clock.seconds(), 0))


def _serve(
    waiting: SimpleQueue[Item], work: Callable[[Item], None], results: SimpleQueue[BaseException | None]
) -> None:
    """One thread: until nothing is left, or something fails."""
    try:
        while True:
            work(waiting.get_nowait())
            results.put(None)
    except Empty:
        return
    except BaseException as error:  # noqa: BLE001 - raised anew in the main thread
        results.put(error)
