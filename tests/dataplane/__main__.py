"""`python -m tests.dataplane [OPTION...]`: the tests that need a network of their own, with these options of pytest.

What they need is built first: nothing is reached from there.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import binaries
from tests.cluster.processes import StartError
from tests.dataplane.network import run_inside
from tests.parts import tried_twice


def main(marks: str, options: Sequence[str]) -> int:
    """Run the tests with these marks; their exit code, and 1 with a sentence where there can be no such network."""
    for programs in (binaries.control_plane(), binaries.monitoring()):
        binaries.ensure(programs)
    command = [sys.executable, "-m", "pytest", "-m", marks, "--durations=10", *options]
    print("+", *command[1:], flush=True)
    with tempfile.TemporaryDirectory(prefix="aim-network-") as folder:
        try:
            return run_inside(command, Path(folder))
        except StartError as error:
            print(error, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(tried_twice("dataplane", lambda options: main("network", ["tests/dataplane", *options, *sys.argv[1:]])))
