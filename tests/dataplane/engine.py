"""Which engine runs in the pods of endpoints: AIM_ENGINE=simulated, the default, or vllm, the real one on CPUs."""

import os
import sys

from tests.cluster.containers import Image
from tests.cluster.plane import ROOT
from tests.engines import installation

VARIABLE = "AIM_ENGINE"
_START = (sys.executable, "-m", "tests.dataplane.simulated")
SIMULATED = Image(
    {"vllm": (*_START, "vllm"), "python3": (*_START, "python3")}, {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
)
"""In the place of the images of both engines."""
IMAGES = {"simulated": lambda: SIMULATED, "vllm": installation.image}


def is_real() -> bool:
    """Whether a model is computed: what takes a second otherwise takes minutes."""
    return os.environ.get(VARIABLE) == "vllm"


def chosen() -> Image:
    """What the variable names, installed where it is not there."""
    return IMAGES[os.environ.get(VARIABLE, "simulated")]()
