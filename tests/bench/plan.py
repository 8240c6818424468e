"""`aim plan` and `aim explain` as whole processes, beside the start of Python and of libraries that they need."""

import os
import resource
import subprocess
import sys
import time
from typing import NamedTuple

from tests.bench.latency import MANY
from tests.bench.measure import p50, turns
from tests.bench.report import Goal, Part, Row, Table
from tests.cluster.controlplane import ROOT

EXAMPLE = ROOT / "manifests" / "examples" / "endpoint.yaml"
DERIVED = ROOT / "tests" / "bench" / "derived.yaml"
AIM = ("-m", "hooks.cli.main")
LIMITS = {
    "aim plan": 0.5,
    "aim explain": 0.6,
    "aim explain --model --hardware": 0.6,
    "aim explain, nothing but an AIMModel": 0.6,
}
"""The most seconds that a command should take."""
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import pydantic, yaml'": ("-c", "import pydantic, yaml"),
    "aim plan": (*AIM, "plan", "--filename", str(EXAMPLE)),
    "aim explain": (*AIM, "explain", "--filename", str(EXAMPLE)),
    "aim explain --model --hardware": (*AIM, "explain", "--model", MANY, "--hardware", "MI300X"),
    "aim explain, nothing but an AIMModel": (*AIM, "explain", "--filename", str(DERIVED)),
}
# As installed: with the bytecode of all modules beside them, which some development machines are told not to write.
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}


class Run(NamedTuple):
    """What one process took, in seconds."""

    wall: float
    cpu: float


def process(arguments: tuple[str, ...]) -> Run:
    """Run it to its end; CalledProcessError if it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, env=ENVIRONMENT)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def run(seconds: float) -> Part:
    """The commands take turns for `seconds`."""
    for arguments in COMMANDS.values():
        process(arguments)  # fills the page cache, and writes bytecode
    found = turns({name: lambda _, words=words: process(words) for name, words in COMMANDS.items()}, seconds)
    rows: list[Row] = [
        {
            "command": name,
            "turns": len(samples),
            "p50 ms": p50([one.wall for one in samples]) * 1000,
            "least ms": min(one.wall for one in samples) * 1000,
            "CPU p50 ms": p50([one.cpu for one in samples]) * 1000,
        }
        for name, samples in found.items()
    ]
    goals = [
        Goal(f"{name}, the whole process", p50([one.wall for one in found[name]]), limit, "s")
        for name, limit in LIMITS.items()
    ]
    note = "CPU beside wall time says how busy the machine was with other things"
    return Part("plan", [Table("one process each", rows, note)], goals)
