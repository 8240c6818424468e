"""The end of a Job's process: signals, and the termination message."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOG_VARIABLE = "AIM_TERMINATION_LOG"
MAX_BYTES = 4096
"""Bytes of a termination message that the kubelet keeps (source: kubernetes.io, the reason for pod failure)."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGINT raise KeyboardInterrupt in the main thread; a second signal is ignored."""

    def interrupt(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, interrupt) for one in SIGNALS}
    try:
        yield
    finally:
        for one, action in before.items():
            signal.signal(one, action)


def write_termination_message(message: str, log: Callable[[str], None]) -> None:
    """Writes the termination message for the kubelet, up to the length that it keeps."""
    if not (place := os.environ.get(LOG_VARIABLE)):
        return
    try:
        Path(place).write_bytes(message.encode()[:MAX_BYTES].decode(errors="ignore").encode())
    except OSError as error:
        log(f"{place} cannot be written: {error.strerror}")
