"""Clients that ask for a model through a gateway, as many as a test wants at the moment."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from tests.dataplane import commands
from tests.dataplane.canaries import host
from tests.e2e.space import Space

GATEWAY = "models"


class Load:
    """So many clients, each of which asks one request after the other; how they were answered, by status."""

    def __init__(self, address: str, model: str) -> None:
        self.address, self.model = address, model
        self.answered: Counter[int] = Counter()
        self.wanted = 0
        self.threads: dict[int, threading.Thread] = {}

    def clients(self, count: int) -> None:
        """From now on so many; one that is too many goes after its answer."""
        self.wanted = count
        for number in range(count):
            if number not in self.threads or not self.threads[number].is_alive():
                self.threads[number] = threading.Thread(target=self._ask, args=(number,), daemon=True)
                self.threads[number].start()

    def end(self) -> None:
        """No more clients; all have had their answers."""
        self.wanted = 0
        for thread in self.threads.values():
            thread.join()

    def _ask(self, number: int) -> None:
        while number < self.wanted:
            self.answered[self.ask()] += 1

    def ask(self) -> int:
        """The status of one answer; 0 where the connection broke."""
        try:
            return commands.chat(self.address, f"At {time.monotonic()}?", 80, model=self.model, max_tokens=3).status
        except (OSError, HTTPException):
            return 0


@contextmanager
def load(space: Space, model: str, clients: int = 0) -> Iterator[Load]:
    """Clients of a model as long as the context lasts."""
    made = Load(host(space, GATEWAY), model)
    made.clients(clients)
    try:
        yield made
    finally:
        made.end()
