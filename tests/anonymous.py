"""Clients that nobody invited: connections that are idle or half open, and senders that never come to an end.

Each that is closed comes back, so that there are always as many. Runs in threads of this process; for measurements,
`python -m tests.anonymous PORT IDLE SLOW` is one of its own.
"""

import contextlib
import itertools
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator

TICK_SECONDS = 0.1
PIECE = b"x" * 1024
LENGTH = 16 * 2**20
HOOK, ADMISSION = "/endpoint/sync", "/admission/endpoints/validate/warn/none"


def client_hello() -> bytes:
    """The first bytes of a TLS handshake."""
    sent = ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    return sent.read()


def endless(first: bytes, piece: bytes) -> Iterator[bytes]:
    """What a sender sends, piece by piece."""
    return itertools.chain([first], itertools.repeat(piece))


def head(version: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {HOOK} HTTP/{version}", "Host: a", *headers, "", ""]).encode()


SENDERS: dict[str, Callable[[], Iterator[bytes]]] = {
    "half a head": lambda: endless(f"POST {HOOK} HTTP/1.1\r\nX-Long: ".encode(), b"x"),
    "a declared body": lambda: endless(head("1.1", f"Content-Length: {LENGTH}") + b'{"a":"', PIECE),
    "a chunked body": lambda: endless(head("1.1", "Transfer-Encoding: chunked"), b"400\r\n" + PIECE + b"\r\n"),
    "a body without a length": lambda: endless(head("1.0") + b"{", PIECE),
    "tiny pieces": lambda: endless(head("1.1", f"Content-Length: {LENGTH}") + b'{"a":"', b"xx"),
    "the path of admission": lambda: endless(
        head("1.1", f"Content-Length: {LENGTH}").replace(HOOK.encode(), ADMISSION.encode()), PIECE
    ),
    "answers that nobody reads": lambda: endless(b"", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 10),
}
HALF_HANDSHAKE = "half a handshake"


class Anonymous:
    """One connection, which is opened again when it was closed."""

    def __init__(self, port: int, context: ssl.SSLContext | None, kind: str | None) -> None:
        self.port, self.context, self.kind = port, context, kind
        self.opened = 0
        self.sock: socket.socket | None = None

    def tick(self) -> None:
        """Sends its next piece, or looks whether it is still connected."""
        try:
            if self.sock is None:
                self.open()
            elif self.kind is None:
                if self.sock.recv(1) == b"":
                    self.close()
            else:
                self.sock.send(next(self.pieces, b""))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self.close()

    def open(self) -> None:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=2)
        if self.kind == HALF_HANDSHAKE:
            hello = client_hello()
            self.pieces = iter(hello[at : at + 1] for at in range(len(hello) - 1))
        elif self.kind:
            self.pieces = SENDERS[self.kind]()
        try:
            # Every second idle one has not even begun its handshake.
            if self.context and self.kind != HALF_HANDSHAKE and (self.kind or self.opened % 2):
                sock = self.context.wrap_socket(sock, server_hostname="127.0.0.1")
            sock.setblocking(False)
        except OSError:
            sock.close()
            raise
        self.sock, self.opened = sock, self.opened + 1

    def close(self) -> None:
        if self.sock:
            self.sock.close()
        self.sock = None


@contextlib.contextmanager
def anonymous(port: int, context: ssl.SSLContext | None, idle: int, slow: int) -> Iterator[list[Anonymous]]:
    """So many of them as long as the block lasts; it begins when each has connected once."""
    kinds = [*SENDERS, *([HALF_HANDSHAKE] if context else [])]
    crowd = [Anonymous(port, context, None) for _ in range(idle)]
    for number, one in enumerate(crowd):
        one.opened = number % 2
    crowd += [Anonymous(port, context, kinds[number % len(kinds)]) for number in range(slow)]
    over = threading.Event()

    def run(share: list[Anonymous]) -> None:
        while not over.is_set():
            for one in share:
                one.tick()
            over.wait(TICK_SECONDS)

    threads = [threading.Thread(target=run, args=(crowd[part::4],)) for part in range(4)]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and not all(one.opened > 1 or one.sock for one in crowd):
            time.sleep(0.05)
        yield crowd
    finally:
        over.set()
        for thread in threads:
            thread.join()
        for one in crowd:
            one.close()


def main() -> None:
    """Prints a line when all are connected, and ends when standard input does."""
    port, idle, slow = map(int, sys.argv[1:])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with anonymous(port, context, idle, slow) as crowd:
        print("ready", flush=True)
        sys.stdin.read()
        print(sum(one.opened for one in crowd), flush=True)


if __name__ == "__main__":
    main()
