"""`python -m tests.engines [OPTION...]`: what runs on a real engine, with these options of pytest.

Everything is installed and built first; the tests themselves have a network of their own, and reach nothing else.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import binaries
from tests.engines import installation
from tests.engines.network import run_inside


def main(options: Sequence[str]) -> int:
    """Install, and run the tests; their exit code."""
    installation.ensure()
    for programs in (binaries.control_plane(), binaries.monitoring()):
        binaries.ensure(programs)
    command = [sys.executable, "-m", "pytest", "-m", "engines", "--durations=0", "--verbose", "tests/engines", *options]
    print("+", *command[1:], flush=True)
    with tempfile.TemporaryDirectory(prefix="aim-engines-") as folder:
        return run_inside(command, Path(folder, "hosts"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
