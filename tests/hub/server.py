"""The hub: what tests put on it, break about it, and count at it."""

import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

from tests.hub.answers import Answering
from tests.hub.faults import NONE, Fault, Place
from tests.hub.ledger import Ledger, Request
from tests.hub.repository import File, Repository
from tests.loopback import Loopback

EXPIRY = 3600.0
"""Seconds for which the addresses at the second host are good unless a fault says otherwise."""


class Listener(Loopback):
    """One of the two hosts."""

    request_queue_size = 128

    def __init__(self, hub: "Hub", host: str, port: int = 0) -> None:
        self.hub, self.host = hub, host
        self.open: set[socket.socket] = set()
        super().__init__(Answering, port)
        if hub.send_buffer:  # those of accepted connections are like it
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, hub.send_buffer)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), name=f"{host} of a hub")
        self.thread.start()

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self.open.add(connection)
        return connection, address

    def close_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self.open.discard(request)
        super().close_request(request)

    def stop(self) -> None:
        """Close it and all of its connections."""
        self.shutdown()
        self.thread.join()
        for connection in self.open.copy():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already
        self.server_close()


class Hub:
    """A hub with models, on two free ports of loopback: its own, and that of the host it redirects to for LFS files.

    Everything may be changed while it serves.
    """

    def __init__(self, *, send_buffer: int | None = None, port: int = 0) -> None:
        self.send_buffer = send_buffer
        """SO_SNDBUF of its connections in bytes, of which the kernel makes the double; the fewer, the closer are the
        bytes that it counts to those that were received."""
        self.models: dict[str, Repository] = {}
        self.tokens: dict[str, set[str]] = {}
        """Known tokens, and the gated and private models that each may read."""
        self.bare = False
        """Whether its list of a model has the names of files alone, as that of a mirror may."""
        self.page = 1000
        """Most files of a page of a tree."""
        self.ledger = Ledger()
        self.closing = threading.Event()
        self._key = b"of the second host's addresses"
        self._faults: tuple[Fault, ...] = ()
        self._listeners: list[Listener] = []
        self._ports = (port, 0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, on the ports of the time before if it was stopped."""
        self.closing.clear()
        own, cdn = self._ports
        self._listeners = [Listener(self, "hub", own), Listener(self, "cdn", cdn)]
        self._ports = (self._listeners[0].server_port, self._listeners[1].server_port)

    def stop(self) -> None:
        """Close every connection, and listen no more."""
        self.closing.set()
        for listener in self._listeners:
            listener.stop()
        self._listeners = []

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def cdn(self) -> str:
        """The second host; another name and another port."""
        return f"http://localhost:{self._ports[1]}"

    def add(
        self,
        model: str,
        files: Mapping[str, bytes | int],
        revisions: Mapping[str, Mapping[str, bytes | int]] | None = None,
        *,
        gated: bool = False,
        private: bool = False,
    ) -> Repository:
        """A model whose `main` has these files, or its next commit; a number is that many pseudo-random bytes."""
        found = self.models.setdefault(model, Repository(model))
        found.gated, found.private = gated, private
        for revision, given in {"main": files, **(revisions or {})}.items():
            found.commit_to(revision, given)
        return found

    @property
    def fault(self) -> tuple[Fault, ...]:
        """What is wrong; assign None, a Fault, or several of which the first that fits befalls a request."""
        return self._faults

    @fault.setter
    def fault(self, faults: Fault | Iterable[Fault] | None) -> None:
        with self.ledger.lock:
            self._faults = (faults,) if isinstance(faults, Fault) else tuple(faults or ())

    def fault_of_answer(self, place: Place, path: str) -> Fault:
        """What befalls the request before anything is answered."""
        return self._take(lambda fault: fault.status is not None and fault.befalls(place, path))

    def fault_of_link(self, path: str) -> Fault:
        """What befalls the address at the second host that is given for a file."""
        return self._take(lambda fault: fault.expiry is not None and fault.befalls("files", path))

    def fault_of_body(self, place: Place, path: str) -> Fault:
        """What befalls the body of the answer."""
        whole = (None, None)
        return self._take(lambda fault: (fault.status, fault.expiry) == whole and fault.befalls(place, path))

    def _take(self, fits: Callable[[Fault], bool]) -> Fault:
        with self.ledger.lock:
            return next((fault.use() for fault in self._faults if fits(fault)), NONE)

    @property
    def requests(self) -> list[Request]:
        """All requests that were answered so far."""
        with self.ledger.lock:
            return list(self.ledger.requests)

    def sent(self, model: str | None = None) -> int:
        """Bytes of files' contents sent so far, of one model or of all."""
        with self.ledger.lock:
            return sum(count for (one, _), count in self.ledger.counts.items() if model in (None, one))

    def sent_of(self, path: str) -> int:
        """Bytes sent so far of the files at this path, of any model."""
        with self.ledger.lock:
            return sum(count for (_, one), count in self.ledger.counts.items() if one == path)

    def settle(self, seconds: float = 30) -> None:
        """Wait until no file is being sent, such as to a client that was killed: only then are the counts final."""
        self.ledger.settle(seconds)

    def when_sent(self, count: int, call: Callable[[], object]) -> None:
        """Call once, after exactly so many more bytes of files, and before any other one is sent."""
        self.ledger.alarm(count, call)

    def link(self, model: str, commit: str, file: File, seconds: float | None) -> str:
        """The address of a file at the second host, signed and good for a while, as those of storage services are."""
        expires = str(time.time() + (EXPIRY if seconds is None else seconds))
        query = {"path": file.path, "Expires": expires, "Signature": self.signature(model, file.path, expires)}
        return f"{self.cdn}/repos/{quote(model)}/{commit}/{file.etag}?{urlencode(query)}"

    def signature(self, model: str, path: str, expires: str) -> str:
        """What makes an address at the second host good."""
        return hmac.new(self._key, f"{model}\n{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
