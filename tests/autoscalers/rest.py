"""`python -m tests.autoscalers.rest [N] [--minutes M]`: what N endpoints with ScaledObjects cost at rest.

Measured with KEDA's own times, and with the settings of kedaPollingSeconds for many endpoints. Exit code 1 where
something could not be measured.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from urllib3.exceptions import HTTPError

from tests.autoscalers import keda_programs
from tests.autoscalers.resting import PROGRAMS, Found, resting
from tests.bench.__main__ import about
from tests.bench.report import Part, Row, Table, text
from tests.bench.usage import Used
from tests.cluster import binaries
from tests.cluster.__main__ import stop_on_signals
from tests.cluster.plane import KubectlError
from tests.cluster.processes import StartError

ENDPOINTS, MINUTES = 200, 3.0
POLLING = {"left out": None, "15": 15, "30": 30}
"""The setting kedaPollingSeconds, by how it is shown."""
WRITERS = (keda_programs.ACCOUNT, "kube-controller-manager", "metacontroller", "aim-hooks")
FAILURES = (RuntimeError, KubectlError, StartError, subprocess.CalledProcessError, HTTPError, OSError)


def main() -> int:
    """Measure, and print tables; 1 where something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.autoscalers.rest", description=__doc__)
    parser.add_argument("endpoints", nargs="?", type=int, default=ENDPOINTS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long each measurement takes")
    given = parser.parse_args()
    for programs in (binaries.control_plane(), binaries.monitoring(), binaries.keda()):
        binaries.ensure(programs)
    stop_on_signals()
    print(", ".join(f"{name}: {value}" for name, value in about().items()), flush=True)
    try:
        for part in measured(given.endpoints, 60 * given.minutes):
            print(text(part), flush=True)
    except FAILURES as error:
        print(f"not measured: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def measured(count: int, seconds: float) -> Iterator[Part]:
    """What rest costs with each setting, and at last all of them side by side."""
    rows: list[Row] = []
    with resting(count) as endpoints:
        for setting, polling in POLLING.items():
            with endpoints.polled(polling):
                found = endpoints.measured(seconds)
            rows.append(summary(setting, found))
            yield details(f"{count} endpoints at rest for {seconds:.0f} s, kedaPollingSeconds {setting}", found)
    yield Part("rest", [Table(f"{count} endpoints at rest, by kedaPollingSeconds", rows)])


def summary(setting: str, found: Found) -> Row:
    """What one setting costs, in one row."""
    shares = {str(one["process"]): one["% of a core"] for one in found.processes}
    by = Counter(who for who, _ in writes(found.used).elements())
    return {
        "kedaPollingSeconds": setting,
        "queries/s": found.queries,
        **{f"{name} %": shares[name] for name in PROGRAMS},
        **{f"writes/min {who}": 60 * by[who] / found.used.seconds for who in WRITERS},
    }


def details(what: str, found: Found) -> Part:
    """All that was measured with one setting."""
    minutes = found.used.seconds / 60
    asked: list[Row] = [{"what": "query to Prometheus", "per minute": 60 * found.queries}]
    asked += [{"what": f"hook call {hook}", "per minute": each / minutes} for hook, each in found.used.calls.items()]
    written: list[Row] = [
        {"what": f"{resource} by {who}", "per minute": each / minutes}
        for (who, resource), each in writes(found.used).most_common()
    ]
    tables = {"processes": found.processes, "requests": asked, "writes to the API server": written}
    return Part("rest", [Table(f"{what}: {title}", rows) for title, rows in tables.items()])


def writes(used: Used) -> Counter[tuple[str, str]]:
    """The writes, by who wrote and to what."""
    return Counter((one.user.rpartition(":")[2], one.resource) for one in used.writes)


if __name__ == "__main__":
    sys.exit(main())
