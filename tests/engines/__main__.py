"""`python -m tests.engines [OPTION...]`: what runs on a real engine, with these options of pytest."""

import os
import sys

from tests.dataplane import engine
from tests.dataplane.__main__ import main
from tests.engines import installation

PLACES = ("tests/engines", "tests/dataplane/test_serving.py")

if __name__ == "__main__":
    installation.ensure()
    os.environ[engine.VARIABLE] = "vllm"
    sys.exit(main("engines or network", ["--verbose", "--durations=0", *PLACES, *sys.argv[1:]]))
