"""All tests that need no more than a control plane, in parts: the longest, which need one, beside the others in turn.

`python -m tests.parts [OPTION...]` runs each part with these options of pytest, prints the output of the longest as it
comes and that of the others after it, and then the coverage of all together. The few tests that failed beside others
are tried once more, alone, and those that then pass are named at the end: a busy machine made them fail, or they are
unsteady. 0 where everything passed, at the second try at last, and all is covered.

Those on the control plane wait for most of their time, so that two cores are busy while two parts run. A part reads the
folders that have tests for it and no others: reading all takes more than a minute.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Self

LONGEST = "tests/e2e"
ON_PLANE = (LONGEST, "tests/bench", "tests/cluster", "tests/standin")
"""The folders with tests on a control plane and nothing else; tests/conftest.py holds them to it."""
PARTS = {
    "e2e": ("-m", "e2e", LONGEST),
    "not-e2e": ("-m", "not e2e", "tests"),
    "other-e2e": ("-m", "e2e", *ON_PLANE[1:]),
}
"""By name: what each runs, as pytest is told. The first is the longest."""
MOST = 10
"""So many failed tests of a part are tried again; more of them are no accident."""


def cache(name: str) -> Path:
    """Where pytest keeps which tests have failed, apart for each process that runs beside others."""
    return Path(".pytest_cache", name)


def failed(name: str) -> list[str]:
    """The tests that failed at the last run with that cache."""
    file = cache(name) / "v" / "cache" / "lastfailed"
    return sorted(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else []


ONLY_FAILED = ("--last-failed", "--last-failed-no-failures=none")


def options_of(name: str) -> tuple[str, str]:
    """Options of pytest for a process with a cache of its own."""
    return "-o", f"cache_dir={cache(name)}"


def second_try(name: str, run: Callable[[Sequence[str]], int]) -> tuple[int, list[str]]:
    """The exit code of the failed tests alone, and which of them have passed now; 1 where there are too many.

    `run` takes options of pytest and returns its exit code.
    """
    first = failed(name)
    if not 0 < len(first) <= MOST:
        return 1, []
    print(f"\n{len(first)} failed beside other tests, and are tried once more, alone", flush=True)
    code = run((*options_of(name), *ONLY_FAILED))
    return code, sorted({*first} - {*failed(name)})


def tried_twice(name: str, run: Callable[[Sequence[str]], int]) -> int:
    """The exit code of all tests that `run` runs, or of those alone that failed at first."""
    shutil.rmtree(cache(name), ignore_errors=True)
    code = run(options_of(name))
    if code == 1:  # tests failed; any other code is no matter of a second try
        code, unsteady = second_try(name, run)
        told(unsteady)
    return code


def pytest(*options: str) -> int:
    """Its exit code with these options, which are printed."""
    command = [sys.executable, "-m", "pytest", *options]
    print("+", *command[1:], flush=True)
    return subprocess.run(command, check=False).returncode


def told(unsteady: Sequence[str]) -> None:
    """Name the tests that passed at the second try."""
    for name in unsteady:
        print(f"UNSTEADY, passed at the second try: {name}", flush=True)


class Run:
    """Runs of parts, their output and their coverage in a folder; whoever ends this ends what runs."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder, self.options = folder, options
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs; each stops the servers that it has started."""
        for each in self.processes:
            if each.poll() is None:
                each.terminate()
                each.wait()

    def begin(self, part: str, options: Sequence[str], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """One part with more options; what it covers is for `coverage combine`."""
        coverage = ("--cov", "--cov-branch", "--cov-report=", "--cov-fail-under=0")
        command = [sys.executable, "-m", "pytest", *PARTS[part], *options, *coverage, *self.options]
        print("+", *command[1:], flush=True)
        data = str(self.folder / f".coverage.{len(self.processes)}")
        environment = {**os.environ, "COVERAGE_FILE": data}
        self.processes.append(subprocess.Popen(command, stdout=output, stderr=output, env=environment))
        return self.processes[-1]

    def all_parts(self) -> dict[str, int]:
        """Their exit codes, once all have ended."""
        longest, *others = PARTS
        shown = self.begin(longest, options_of(longest))
        with (self.folder / "output").open("w+b") as output:
            beside = {part: self.begin(part, options_of(part), output).wait() for part in others}
            codes = {longest: shown.wait(), **beside}
            output.seek(0)
            print(output.read().decode(errors="replace"), flush=True)
        return codes


def main(options: Sequence[str]) -> int:
    """Run them all, and tell what came of them."""
    print("about half an hour on two cores; the longest part is shown as it comes", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    unsteady: list[str] = []
    for name in PARTS:
        shutil.rmtree(cache(name), ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="aim-tests-") as folder, Run(Path(folder), options) as run:
        codes = run.all_parts()
        for part in [part for part, code in codes.items() if code == 1]:
            # Tests failed; any other code is no matter of a second try.
            codes[part], passed = second_try(part, lambda options, part=part: run.begin(part, options).wait())
            unsteady += passed
        coverage = [sys.executable, "-m", "coverage"]
        written = sorted(map(str, Path(folder).glob(".coverage.*")))
        combined = subprocess.run([*coverage, "combine", "--quiet", *written], check=False).returncode
    covered = subprocess.run([*coverage, "report", "--skip-covered"], check=False).returncode
    told(unsteady)
    return int(any((*codes.values(), combined, covered)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
