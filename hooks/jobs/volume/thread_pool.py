"""Threads that work on items, while the main thread reports progress and can end them at any time."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

from hooks.jobs.volume import clock

Item = TypeVar("Item")
PROGRESS_SECONDS = 0.25
"""Seconds between two reports of progress."""
SHUTDOWN_SECONDS = 3.0
"""Seconds for threads to end; those that wait for a server longer end with the process."""


def run_parallel(
    items: Iterable[Item],
    work: Callable[[Item], None],
    count: int,
    report_progress: Callable[[], None],
    abort: Callable[[], None],
) -> None:
    """Calls `work` for each item, in order, in `count` threads; calls `report_progress` at intervals.

    The first error, in a thread or in the caller, ends all of it: `abort` then ends the threads.
    """
    items_left: SimpleQueue[Item] = SimpleQueue()
    results: SimpleQueue[BaseException | None] = SimpleQueue()
    left = 0
    for item in items:
        items_left.put(item)
        left += 1
    arguments = (items_left, work, results)
    threads = [threading.Thread(target=_run_thread, args=arguments, daemon=True) for _ in range(min(count, left))]
    try:
        for thread in threads:
            thread.start()
        while left:
            try:
                if error := results.get(timeout=PROGRESS_SECONDS):
                    raise error
                left -= 1
            except Empty:
                pass
            report_progress()
    finally:
        if left:
            while not items_left.empty():
                with suppress(Empty):  # a thread may have taken it
                    items_left.get_nowait()
            abort()
        deadline = clock.monotonic() + SHUTDOWN_SECONDS
        for thread in (one for one in threads if one.ident):  # an interrupt may come before the last one starts
            thread.join(max(deadline - clock.monotonic(), 0))


def _run_thread(
    items_left: SimpleQueue[Item], work: Callable[[Item], None], results: SimpleQueue[BaseException | None]
) -> None:
    """The loop of one thread: until no item is left, or one fails."""
    try:
        while True:
            work(items_left.get_nowait())
            results.put(None)
    except Empty:
        return
    except BaseException as error:  # noqa: BLE001 - raised again in the main thread
        results.put(error)
