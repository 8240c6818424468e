"""Work that is done again and again by a thread beside the tests."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubernetes import client
from urllib3.exceptions import HTTPError


@contextmanager
def rounds(name: str, seconds: float, work: Callable[[], None]) -> Iterator[None]:
    """Do the work every so many seconds for as long as the context lasts."""
    over = threading.Event()
    thread = threading.Thread(target=_keep, args=(name, seconds, work, over), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep(name: str, seconds: float, work: Callable[[], None], over: threading.Event) -> None:
    while not over.wait(seconds):
        try:
            work()
        except (client.ApiException, HTTPError) as error:
            # A busy API server may refuse once; the next round makes good what this one missed.
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
