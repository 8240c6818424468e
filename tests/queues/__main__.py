"""`python -m tests.queues [OPTION...]`: the tests with the real Kueue, with these options of pytest."""

import subprocess
import sys

from tests.cluster import binaries

if __name__ == "__main__":
    for programs in (binaries.control_plane(), binaries.kueue(), binaries.groups()):
        binaries.ensure(programs)
    command = [sys.executable, "-m", "pytest", "-m", "queues", "--verbose", "tests/queues", *sys.argv[1:]]
    print("+", *command[1:], flush=True)
    sys.exit(subprocess.run(command, check=False).returncode)
