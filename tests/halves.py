"""All tests, in two processes side by side: those on the control plane wait for most of their time.

`python -m tests.halves [OPTION...]` runs each half with these options of pytest, prints the output of one as it comes
and that of the other after it, and then the coverage of both together. The few tests that failed beside the other half
are tried once more, alone, and those that then pass are named at the end: a busy machine made them fail, or they are
unsteady. 0 where everything passed, at the second try at last, and all is covered.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

HALVES = ("e2e", "not e2e")
INNER = ("network",)
"""What a test of a half runs in a process of its own."""
MOST = 10
"""So many failed tests of a half are tried again; more of them are no accident."""
FAILED_ONLY = "AIM_TESTS_FAILED_ONLY"
"""Set at the second try, for tests that run tests."""


def cache(name: str) -> Path:
    """Where pytest keeps which tests have failed, apart for each process that runs beside others."""
    return Path(".pytest_cache", name.replace(" ", "-"))


def failed(name: str) -> list[str]:
    """The tests that failed at the last run with that cache."""
    file = cache(name) / "v" / "cache" / "lastfailed"
    return sorted(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else []


def options_of(name: str) -> list[str]:
    """Options of pytest for a process with a cache of its own; it runs what failed alone at the second try."""
    only = ["--last-failed", "--last-failed-no-failures=none"] if os.environ.get(FAILED_ONLY) else []
    return ["-o", f"cache_dir={cache(name)}", *only]


def begin(half: str, options: Sequence[str], data: str, output: int | None) -> subprocess.Popen[bytes]:
    """One half; what it covers is for `coverage combine`."""
    coverage = ("--cov", "--cov-branch", "--cov-report=", "--cov-fail-under=0")
    command = [sys.executable, "-m", "pytest", "-m", half, *options_of(half), *coverage, *options]
    print("+", *command[1:], flush=True)
    return subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "COVERAGE_FILE": data})


def finished(processes: Iterable[subprocess.Popen[bytes]]) -> list[int]:
    """Their exit codes; whoever ends this ends them, and each stops the servers that it has started."""
    try:
        return [each.wait() for each in processes]
    finally:
        for each in processes:
            if each.poll() is None:
                each.terminate()
                each.wait()


def second_try(half: str, options: Sequence[str], data: str) -> tuple[int, list[str]]:
    """The exit code of the failed tests alone, and which of them have passed now; 1 where there are too many."""
    first = failed(half)
    if not 0 < len(first) <= MOST:
        return 1, []
    print(f"\n{len(first)} failed beside the other half, and are tried once more, alone", flush=True)
    os.environ[FAILED_ONLY] = "1"
    [code] = finished([begin(half, options, data, None)])
    del os.environ[FAILED_ONLY]
    return code, sorted({*first} - {*failed(half)})


def main(options: Sequence[str]) -> int:
    """Run both, and tell what came of them."""
    print("about 30 minutes on two cores; the half with the control plane is shown as it comes", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    unsteady: list[str] = []
    for name in (*HALVES, *INNER):
        shutil.rmtree(cache(name), ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="aim-tests-") as folder, Path(folder, "output").open("w+b") as output:
        data = [str(Path(folder, f".coverage.{number}")) for number in range(2 * len(HALVES))]
        outputs = (None, output.fileno())
        codes = finished([begin(half, options, data[at], outputs[at]) for at, half in enumerate(HALVES)])
        output.seek(0)
        print(output.read().decode(errors="replace"), flush=True)
        for at, half in enumerate(HALVES):
            if codes[at] == 1:  # tests failed; anything else is no matter of a second try
                codes[at], passed = second_try(half, options, data[len(HALVES) + at])
                unsteady += passed
        coverage = [sys.executable, "-m", "coverage"]
        written = [file for file in data if Path(file).exists()]
        codes.append(subprocess.run([*coverage, "combine", "--quiet", *written], check=False).returncode)
    codes.append(subprocess.run([*coverage, "report", "--skip-covered"], check=False).returncode)
    for name in unsteady:
        print(f"UNSTEADY, passed at the second try: {name}")
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
