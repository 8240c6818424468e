"""Metrics pages on loopback: each answers on a port of its own, and moves on with the time between two scrapes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST

from tests.loopback import Answering, Loopback, answering


class Page(Protocol):
    """Something that has metrics."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""

    def page(self) -> bytes:
        """What is scraped."""


class Fixed:
    """A page that stays as it is until a test changes its text."""

    def __init__(self, text: bytes = b""):
        self.text = text

    def advance(self, seconds: float) -> None:
        """Nothing moves."""

    def page(self) -> bytes:
        """What is scraped."""
        return self.text


class PageServer:
    """A page behind HTTP. `broken`, while it is set, is answered instead: a status and a body."""

    def __init__(self, page: Page):
        self.source, self.broken = page, None
        self.scraped = time.monotonic()
        self.lock = threading.Lock()
        outer = self

        class Scraped(Answering):
            def do_GET(self) -> None:
                self.reply(*outer.answer(), CONTENT_TYPE_LATEST)

        self.server = Loopback(Scraped)

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self.server.server_port

    def answer(self) -> tuple[int, bytes]:
        """Status and body of one scrape."""
        with self.lock:
            if self.broken:
                return self.broken
            now = time.monotonic()
            self.source.advance(now - self.scraped)
            self.scraped = now
            return 200, self.source.page()


@contextmanager
def served(page: Page) -> Iterator[PageServer]:
    """A page that answers, until the end."""
    server = PageServer(page)
    with answering(server.server, "metrics"):
        yield server
