"""The bench's command line: `python -m tests.bench`; figures beside goals, and exit code 0 whatever the clock says.

It is 1 when a part could not be measured.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from urllib3.exceptions import HTTPError

from tests.bench import (
    crowded,
    download,
    footprint,
    gateway,
    gateway_table,
    latency,
    nodes,
    plan,
    selection,
    throughput,
)
from tests.bench.report import Part, Row, as_json, text
from tests.cluster.__main__ import stop_on_signals
from tests.cluster.plane import KubectlError
from tests.cluster.processes import StartError
from tests.cluster.toolchain import MissingToolError

PARTS = (
    *("latency", "crowded", "selection", "memory", "plan", "download"),
    *("gateway", "gateway-table", "endpoints", "quiet", "nodes"),
)
FAILURES = (RuntimeError, KubectlError, StartError, MissingToolError, subprocess.CalledProcessError, HTTPError, OSError)
"""What keeps one part from being measured; the others go on."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    flag = parser.add_argument
    flag("--only", type=_parts, default=PARTS, metavar="PART,…", help=f"some of {', '.join(PARTS)}")
    flag("--endpoints", type=_sizes, metavar="N,…", help="how many at once (100,1000; quick: 20)")
    flag("--nodes", type=int, metavar="N", help="how many join (1000; quick: 50)")
    flag("--seconds", type=float, metavar="S", help="per measurement of latency … download (8; quick: 1)")
    flag("--rest", type=float, metavar="S", help="how long quiet lasts (60; quick: 10)")
    flag("--quick", action="store_true", help="small sizes and short times: whether it works, not what it costs")
    flag("--json", type=Path, metavar="FILE", help="write the figures there, too")
    chosen = parser.parse_args()
    usual = {"endpoints": [20], "nodes": 50, "seconds": 1.0, "rest": 10.0}
    if not chosen.quick:
        usual = {"endpoints": [100, 1000], "nodes": 1000, "seconds": 8.0, "rest": 60.0}
    for name, value in usual.items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, value)
    return chosen


def _parts(words: str) -> tuple[str, ...]:
    wanted = words.split(",")
    if unknown := set(wanted) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: there are only {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in wanted)


def _sizes(words: str) -> list[int]:
    return sorted(int(word) for word in words.split(","))


def runs(chosen: argparse.Namespace, folder: Path) -> dict[str, Callable[[], Iterable[Part]]]:
    """What to run, by name; the quiet is that of the last endpoints, or of the fewest where they are not asked for."""
    rest = chosen.rest if "quiet" in chosen.only else 0
    return {
        "latency": lambda: [latency.run(folder / "latency", chosen.seconds)],
        "crowded": lambda: [crowded.run(folder / "crowded", chosen.seconds, *((60, 14) if chosen.quick else ()))],
        "selection": lambda: [selection.run(chosen.seconds)],
        "memory": lambda: [footprint.run(folder / "memory", chosen.seconds / 2)],
        "plan": lambda: [plan.run(chosen.seconds)],
        "download": lambda: [download.run(folder / "download", chosen.seconds, (4 if chosen.quick else 64) << 20)],
        "gateway": lambda: [gateway.run(folder / "gateway", chosen.seconds)],
        "gateway-table": lambda: [gateway_table.run(folder / "table", 50 if chosen.quick else 1000, chosen.seconds)],
        "endpoints": lambda: throughput.run(chosen.endpoints, rest),
        "quiet": lambda: [] if "endpoints" in chosen.only else [throughput.rested(chosen.endpoints[0], rest)],
        "nodes": lambda: [nodes.run(chosen.nodes, chosen.rest)],
    }


def about() -> Row:
    """The machine, as far as it explains the figures."""
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "Metacontroller": os.environ.get("METACONTROLLER", "the stand-in: only the hooks' share of figures counts"),
    }


def main() -> int:
    """Run what was chosen and print as it comes; 1 only if something could not be measured."""
    chosen = arguments()
    stop_on_signals()
    facts = about()
    print(", ".join(f"{name}: {value}" for name, value in facts.items()), flush=True)
    done: list[Part] = []
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="aim-bench-") as folder:
        table = runs(chosen, Path(folder))
        for name in chosen.only:
            began = time.monotonic()
            try:
                for part in table[name]():
                    done.append(part)
                    print(text(part), flush=True)
            except FAILURES as error:
                failed[name] = f"{type(error).__name__}: {error}"
                print(f"\n== {name}: not measured: {failed[name]}", flush=True)
            print(f"  ({name}: {time.monotonic() - began:.0f} s; load now {os.getloadavg()[0]:.1f})", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(as_json(done, facts) | {"failed": failed}, indent=2) + "\n")
    missed = [goal.what for part in done for goal in part.goals if not goal.met]
    print(f"\n{len(missed)} of {sum(len(part.goals) for part in done)} goals missed{':' if missed else ''}")
    print("\n".join(f"  {what}" for what in missed))
    if failed:
        print(f"{len(failed)} of {len(chosen.only)} parts not measured: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
