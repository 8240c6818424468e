"""A load as production had it: thirty hours of a public trace in nine minutes, each request at its time.

Requests come when the trace has them, and not when others are answered, so that a queue grows where replicas are
missing. The trace has rates alone; within a step of it requests come at random, the same each time.
"""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from tests.dataplane.simulated.server import CHAT
from tests.files import TESTDATA

SOURCE = TESTDATA / "traffic" / "servegen" / "language-m-small.txt"
FIRST, STEPS = 12, 180
"""Of the ten minutes of the trace: from the least load of its first night to that of the second."""
STEP_SECONDS = 3.0
"""What ten minutes become."""
PEAK = 7.0
"""Requests per second at the highest of these rates."""
MOST = 3000
"""Requests that there may be, whatever the trace has."""
SEED = 1
TOKENS = 19
"""Of an answer; a simulated engine has no more."""
TIMEOUT_SECONDS = 120


class Answer(NamedTuple):
    """One request, in seconds since the load began."""

    began: float
    status: int
    """0 where the connection broke, or the answer ended early."""
    first_token: float | None = None
    """From the request on."""
    took: float = 0.0


def rates() -> list[float]:
    """Requests per second of each step."""
    taken = [int(word) for word in SOURCE.read_text(encoding="utf-8").split()][FIRST : FIRST + STEPS]
    return [PEAK * one / max(taken) for one in taken]


def arrivals(each: Sequence[float], seconds: float = STEP_SECONDS) -> list[float]:
    """When requests come, from the beginning on: at random within a step, by its rate; MOST at most."""
    draw, found = random.Random(SEED), []  # noqa: S311 - nobody is to be kept from guessing
    for number, rate in enumerate(each):
        at = number * seconds
        # What is left of a pause at the end of a step counts for nothing: pauses have no memory.
        while rate and (at := at + draw.expovariate(rate)) < (number + 1) * seconds:
            found.append(at)
    return found[:MOST]


class Replay:
    """The requests for a model at the address of a gateway, each by a thread of its own."""

    def __init__(self, address: str, model: str, port: int = 80) -> None:
        self.address, self.model, self.port = address, model, port
        self.answers: list[Answer] = []
        self.start = 0.0

    def run(self, times: Sequence[float]) -> None:
        """Send each at its time; all have been answered when this returns."""
        self.start = time.time()
        threads = []
        for number, at in enumerate(times):
            time.sleep(max(0.0, self.start + at - time.time()))
            threads.append(threading.Thread(target=self._ask, args=(number,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.answers.sort()

    def _ask(self, number: int) -> None:
        began = time.time()
        try:
            status, first = self._streamed(number)
        except (OSError, http.client.HTTPException):
            status, first = 0, None
        now = time.time()
        self.answers.append(Answer(began - self.start, status, None if first is None else first - began, now - began))

    def _streamed(self, number: int) -> tuple[int, float | None]:
        """The status of an answer, and when its first token came."""
        messages = [{"role": "user", "content": f"{number} comes after what?"}]
        body = {"model": self.model, "messages": messages, "max_tokens": TOKENS, "stream": True}
        with closing(http.client.HTTPConnection(self.address, self.port, timeout=TIMEOUT_SECONDS)) as connection:
            connection.request("POST", CHAT, json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            if reply.status != 200:
                reply.read()
                return reply.status, None
            first, ended = None, False
            for event in _events(reply):
                ended = event == "[DONE]"
                if not ended and first is None and _has_text(event):
                    first = time.time()
            return (200 if ended and first is not None else 0), first


def _events(reply: http.client.HTTPResponse) -> Iterator[str]:
    for line in reply:
        if line.startswith(b"data: "):
            yield line.removeprefix(b"data: ").decode().strip()


def _has_text(event: str) -> bool:
    return any(one["delta"].get("content") for one in json.loads(event)["choices"])
