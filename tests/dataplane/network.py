"""A network of the tests' own: the addresses of nodes, Services and pods are local, and nothing else is reached.

`python -m tests.dataplane.network COMMAND…` is what runs first in such a namespace of the kernel.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.processes import StartError

RANGES = ("10.0.0.0/24", "10.96.0.0/16", "10.244.0.0/16")
"""Nodes, Services and pods."""
RESOLVER = "10.96.0.10"
"""Where names are asked for (names.py), as in most clusters; the API server gives Services other addresses."""
FILES = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    # A pod's own has its namespace as the first word of `search`.
    "resolv.conf": f"nameserver {RESOLVER}\nsearch svc.cluster.local cluster.local\noptions ndots:5 timeout:1\n",
    "nsswitch.conf": "hosts: files dns\n",
}
"""What stands in the place of the machine's own below /etc, where it has them."""
INSIDE = "AIM_TEST_NETWORK"
"""Set within; its value is the folder of those files."""


def inside() -> bool:
    """Whether this process is in such a network."""
    return INSIDE in os.environ


def refusal() -> str | None:
    """Why this machine cannot make one, as a sentence; None where it can."""
    missing = [name for name in ("unshare", "ip", "mount") if not shutil.which(name)]
    if missing:
        return f"a network of one's own takes {', '.join(missing)} (util-linux, iproute2), which PATH does not have"
    if subprocess.run([*_words(), "true"], check=False, capture_output=True).returncode:
        return "this machine lets nobody make a network of his own: it takes root, or namespaces of users"
    return None


def run_inside(command: Sequence[str], folder: Path) -> int:
    """Run a command in such a network; its exit code. `folder` is for files that this makes.

    Raises StartError with the reason where the machine cannot make one.
    """
    if why := refusal():
        raise StartError(why)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    words = [*_words(), sys.executable, "-m", "tests.dataplane.network", *command]
    with subprocess.Popen(words, env={**os.environ, INSIDE: str(folder)}) as process:
        # What runs inside stops what it has started. Ctrl-C in a terminal reaches it without this.
        usual = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)


def shell() -> str:
    """The command that opens a shell in this network, for whoever is outside of it."""
    everybody = "4294967295"  # as many users as there are: no namespace of users
    rights = [] if everybody in Path("/proc/self/uid_map").read_text() else ["--user", "--preserve-credentials"]
    return " ".join(["nsenter", f"--target={os.getpid()}", *rights, "--net", "--mount", "bash"])


def _words() -> list[str]:
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *rights, "--net", "--mount"]


def _enter(command: Sequence[str]) -> None:
    for name in FILES:
        if Path("/etc", name).exists():
            subprocess.run(["mount", "--bind", Path(os.environ[INSIDE], name), Path("/etc", name)], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for each in RANGES:
        subprocess.run(["ip", "route", "add", "local", each, "dev", "lo"], check=True)
    os.execvp(command[0], list(command))  # noqa: S606 - what was asked for


if __name__ == "__main__":
    _enter(sys.argv[1:])
