"""How a Job's process ends: it is told to by signals, and leaves its last words where the kubelet finds them."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOG = "AIM_TERMINATION_LOG"
MOST = 4096
"""Bytes of a termination message that the kubelet keeps (source: kubernetes.io, the reason for pod failure)."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def interruptible() -> Iterator[None]:
    """While this lasts, a signal to end raises KeyboardInterrupt in the main thread; another one changes nothing."""

    def interrupt(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, interrupt) for one in SIGNALS}
    try:
        yield
    finally:
        for one, action in before.items():
            signal.signal(one, action)


def last_words(message: str, say: Callable[[str], None]) -> None:
    """Leave the message for the kubelet, as far as it keeps it."""
    if not (place := os.environ.get(LOG)):
        return
    try:
        Path(place).write_bytes(message.encode()[:MOST].decode(errors="ignore").encode())
    except OSError as error:
        say(f"{place} cannot be written: {error.strerror}")
