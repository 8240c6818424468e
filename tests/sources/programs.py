"""Servers of other makers, as processes of their own on loopback."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(
    words: Sequence[object], url: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A server that responds at the URL, until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in words], stdout=out, stderr=out, env={**os.environ, **(environment or {})}
        )
        try:
            for _ in range(1800):
                try:
                    urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - on loopback
                    break
                except OSError:
                    if process.poll() is not None:
                        raise RuntimeError(log.read_text()) from None
                    time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait()
