"""`python -m tests.groups [OPTION...]`: the tests of replicas on several nodes with LeaderWorkerSet's own program."""

import os
import sys

from tests import parts
from tests.cluster import binaries
from tests.cluster.leader_worker_sets import VARIABLE

if __name__ == "__main__":
    for programs in (binaries.control_plane(), binaries.groups()):
        binaries.ensure(programs)
    os.environ[VARIABLE] = "lws"
    options = ("--verbose", "tests/e2e/test_groups.py", *sys.argv[1:])
    sys.exit(parts.tried_twice("groups", lambda more: parts.pytest(*options, *more)))
