"""The processes of the control plane: each in its own process group, with its own log, stopped by its id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 10


class StartError(Exception):
    """A part of the control plane did not come up; the message ends with the last lines of its log."""


@dataclass(frozen=True)
class Process:
    """One running program."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self.popen.pid

    def tail(self, lines: int = 25) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()` holds; StartError when the process ends first or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if (code := self.popen.poll()) is not None:
                raise StartError(f"{self.name} ended with code {code}; {self.log}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready after {seconds:.0f} s; {self.log}:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """End the process and what it started: SIGTERM, then SIGKILL."""
        if self.popen.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(grace_seconds)
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        # The group outlives its leader while a child of it runs; an empty group is an error that says all is done.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def start(
    name: str, command: Sequence[str | Path], logs: Path, environment: Mapping[str, str] | None = None
) -> Process:
    """Start one program with its output in `logs`; `environment` adds to this process's own."""
    log = logs / f"{name}.log"
    with log.open("ab") as output:
        popen = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in a terminal reaches us alone, and we stop the rest in order
            env={**os.environ, **(environment or {})},
        )
    return Process(name, popen, log)


@contextmanager
def running(name: str, command: Sequence[str | Path], logs: Path, **environment: str) -> Iterator[Process]:
    """`start`, and `stop` on the way out whatever happens."""
    process = start(name, command, logs, environment)
    try:
        yield process
    finally:
        process.stop()


def still_running(groups: Container[int]) -> list[str]:
    """The commands that run in these process groups; one that has ended, but that nobody has waited for, does not."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], check=True, capture_output=True, text=True).stdout
    rows = (line.split(maxsplit=2) for line in listed.splitlines())
    return [args for group, state, args in rows if int(group) in groups and not state.startswith("Z")]


def free_ports(count: int) -> list[int]:
    """TCP ports that nobody listens on at 127.0.0.1, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
