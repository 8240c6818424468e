"""`python -m tests.groups [OPTION...]`: the tests of replicas on several nodes with LeaderWorkerSet's own program."""

import os
import subprocess
import sys

from tests.cluster import binaries
from tests.cluster.leader_worker_sets import VARIABLE

if __name__ == "__main__":
    for programs in (binaries.control_plane(), binaries.groups()):
        binaries.ensure(programs)
    command = [sys.executable, "-m", "pytest", "--verbose", "tests/e2e/test_groups.py", *sys.argv[1:]]
    print("+", *command[1:], flush=True)
    sys.exit(subprocess.run(command, check=False, env={**os.environ, VARIABLE: "lws"}).returncode)
