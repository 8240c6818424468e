"""Clients of a gateway that ask all the time, as long as a test lasts, and what they were answered."""

import http.client
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.dataplane import commands
from tests.dataplane.commands import Reply

PAUSE_SECONDS = 0.05
SETTLED = 20
"""As many good answers in a row mean that a gateway serves a model."""


class Told(NamedTuple):
    """One answer."""

    at: float
    """When it was complete, in seconds since 1970."""
    model: str
    reply: Reply | None
    """None where the connection broke."""
    error: str = ""

    @property
    def good(self) -> bool:
        return self.reply is not None and self.reply.status == 200

    @property
    def from_engine(self) -> bool:
        """Whether the engine itself answers so, because it is commanded to; such an answer is passed on as it is."""
        return self.reply is not None and b"commanded to fail" in self.reply.body


class Asking:
    """What all clients were told, in the order in which it came."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.over = threading.Event()

    def of(self, model: str, since: float = 0) -> list[Told]:
        """What was told about a model from some time on."""
        return [one for one in self.told if one.model == model and one.at >= since]

    def errors(self, model: str, since: float = 0) -> list[Told]:
        """What was no answer of a model, and not what an engine is commanded to say."""
        return [one for one in self.of(model, since) if not (one.good or one.from_engine)]

    def settled(self, model: str) -> bool:
        """Whether the last answers are all good: every pod of the gateway has the table."""
        last = self.of(model)[-SETTLED:]
        return len(last) == SETTLED and all(one.good for one in last)

    def ask(self, host: str, model: str) -> None:
        """Ask for a model until it is over; each request has a connection of its own."""
        number = 0
        while not self.over.wait(PAUSE_SECONDS):
            number += 1
            try:
                reply = commands.chat(host, f"Question {number}.", 80, model=model, max_tokens=3)
                self.told.append(Told(time.time(), model, reply))
            except (OSError, http.client.HTTPException) as error:
                self.told.append(Told(time.time(), model, None, f"{type(error).__name__}: {error}"))


@contextmanager
def asking(host: str, models: Iterable[str]) -> Iterator[Asking]:
    """One client for each model, all at the Service of one gateway."""
    made = Asking()
    threads = [threading.Thread(target=made.ask, args=(host, model), name=f"asks {model}") for model in models]
    for one in threads:
        one.start()
    try:
        yield made
    finally:
        made.over.set()
        for one in threads:
            one.join()
