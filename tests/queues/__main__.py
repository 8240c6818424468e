"""`python -m tests.queues [OPTION...]`: the tests with the real Kueue, with these options of pytest."""

import sys

from tests import parts
from tests.cluster import binaries

if __name__ == "__main__":
    for programs in (binaries.control_plane(), binaries.kueue(), binaries.groups()):
        binaries.ensure(programs)
    options = ("-m", "queues", "--verbose", "tests/queues", *sys.argv[1:])
    sys.exit(parts.tried_twice("queues", lambda more: parts.pytest(*options, *more)))
