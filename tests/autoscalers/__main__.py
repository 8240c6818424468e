"""`python -m tests.autoscalers [OPTION...]`: the tests of scaling by others, with these options of pytest.

KEDA and the VerticalPodAutoscaler take twelve minutes to build, once, which is why they are not among the other tests.
"""

import sys

from tests.cluster import binaries
from tests.dataplane.__main__ import main
from tests.parts import tried_twice

if __name__ == "__main__":
    for programs in (binaries.keda(), binaries.vertical()):
        binaries.ensure(programs)
    options = ("tests/autoscalers", "--verbose", *sys.argv[1:])
    sys.exit(tried_twice("autoscalers", lambda more: main("network", [*options, *more])))
