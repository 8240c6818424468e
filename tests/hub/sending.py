"""How bodies are sent: ranges, pace, counts, and the faults of connections."""

import re
import socket
import struct
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tests.hub.contents import Contents, Given
from tests.hub.faults import Fault, Place
from tests.hub.repository import File

if TYPE_CHECKING:
    from tests.hub.server import Hub, Listener

BEATS = 20
"""Pieces per second of a slow body."""


class ConnectionEndedError(Exception):
    """A fault has ended the connection."""


class Sending(BaseHTTPRequestHandler):
    """One connection: answers may be cut, slowed, falsified; what was sent of files is counted."""

    protocol_version = "HTTP/1.1"
    server_version = "hub"
    disable_nagle_algorithm = True
    server: "Listener"
    asked_of: str
    place: Place

    @property
    def hub(self) -> "Hub":
        return self.server.hub

    @property
    def authorised(self) -> bool:
        return "Authorization" in self.headers

    @property
    def token(self) -> str | None:
        """The token of the request, whether or not the hub knows it."""
        return self.headers["Authorization"].removeprefix("Bearer ") if self.authorised else None

    def log_message(self, *_: object) -> None:
        """Nothing: `Hub.requests` keeps them."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ConnectionEndedError):
            self.close_connection = True

    def note(self, status: int) -> None:
        """Keep the request."""
        raise NotImplementedError

    def send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """A whole answer that is not a file."""
        self._head(status, len(body), headers)
        fault = self.hub.fault_of_body("api", self.path) if status == 200 else Fault()
        self._body(Given(body), 0, len(body), fault, None)

    def send_file(self, model: str, file: File, etag: str, headers: dict[str, str]) -> None:
        """A file, or what the request asks of it."""
        fault = self.hub.fault_of_body(self.place, file.path) if self.command == "GET" else Fault()
        headers = {**headers, "ETag": etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        headers.update(fault.headers)
        span = None if fault.whole else self._span(file.size)
        if span is not None and span[0] >= span[1]:
            self._head(416, 0, {**headers, "Content-Range": f"bytes */{file.size}"})
            return
        start, stop = span or (0, file.size)
        if span and not fault.unranged:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        self._head(206 if span else 200, stop - start, headers)
        with self.hub.ledger.body():
            self._body(file.contents, start, stop, fault, (model, file.path))

    def _span(self, size: int) -> tuple[int, int] | None:
        """From where to before where the request asks; None: all of it."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        if not asked:
            return None
        first, last = asked.groups()
        return int(first), min(int(last) + 1, size) if last else size

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.note(status)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self, contents: Contents, start: int, stop: int, fault: Fault, key: tuple[str, str] | None) -> None:
        """The bytes of the answer; those of files are counted under `key`."""
        if self.command == "HEAD":
            return
        sent, ends = 0, fault.cut or fault.reset
        for piece in self._pieces(contents, start, stop, fault):
            if fault.after - len(piece) < sent <= fault.after and (ends or fault.stall):
                head = piece[: fault.after - sent]
                self._send(head, fault, key)
                self._interrupt(fault)
                self._send(piece[len(head) :], fault, key)
            else:
                self._send(piece, fault, key)
            sent += len(piece)

    def _pieces(self, contents: Contents, start: int, stop: int, fault: Fault) -> Iterator[bytes]:
        pieces = contents.read(start, stop)
        if fault.corrupt:
            for first in pieces:
                yield bytes([first[0] ^ 0xFF]) + first[1:]
                break
        yield from pieces

    def _interrupt(self, fault: Fault) -> None:
        """What happens once `after` bytes were sent."""
        if fault.reset:  # closed without lingering, a socket resets the connection
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if fault.reset or fault.cut or self.hub.closing.wait(fault.stall):
            raise ConnectionEndedError

    def _send(self, piece: bytes, fault: Fault, key: tuple[str, str] | None) -> None:
        """Send it all, at the fault's pace; what could not be sent is not counted."""
        left = memoryview(piece)
        while left:
            wanted = len(left) if fault.rate is None else min(len(left), int(fault.rate / BEATS) + 1)
            granted = self.hub.ledger.allow(key, wanted) if key else wanted
            done = 0
            try:
                done = self.connection.send(left[:granted])
            finally:
                if key:
                    self.hub.ledger.take_back(key, granted - done)
            left = left[done:]
            if fault.rate is not None and self.hub.closing.wait(done / fault.rate):
                raise ConnectionEndedError
