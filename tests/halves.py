"""All tests, in two processes side by side: those on the control plane wait for most of their time.

`python -m tests.halves [OPTION...]` runs each half with these options of pytest, prints the output of one as it comes
and that of the other after it, and then the coverage of both together. 0 where everything passed and all is covered.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HALVES = ("e2e", "not e2e")


def begin(half: str, options: Sequence[str], data: str, output: int | None) -> subprocess.Popen[bytes]:
    """One half; what it covers is for `coverage combine`."""
    coverage = ("--cov", "--cov-branch", "--cov-report=", "--cov-fail-under=0")
    command = [sys.executable, "-m", "pytest", "-m", half, *coverage, *options]
    print("+", *command[1:], flush=True)
    return subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "COVERAGE_FILE": data})


def main(options: Sequence[str]) -> int:
    """Run both, and tell what came of them."""
    print("about 20 minutes on two cores; the half with the control plane is shown as it comes", flush=True)
    # Whoever ends this ends them: each stops the servers that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="aim-tests-") as folder, Path(folder, "output").open("w+b") as output:
        data = [str(Path(folder, f".coverage.{number}")) for number in range(len(HALVES))]
        shown = begin(HALVES[0], options, data[0], None)
        kept = begin(HALVES[1], options, data[1], output.fileno())
        both = (shown, kept)
        try:
            codes = [each.wait() for each in both]
        finally:
            for each in both:
                if each.poll() is None:
                    each.terminate()
                    each.wait()
        output.seek(0)
        print(output.read().decode(errors="replace"), flush=True)
        coverage = [sys.executable, "-m", "coverage"]
        codes.append(subprocess.run([*coverage, "combine", "--quiet", *data], check=False).returncode)
    codes.append(subprocess.run([*coverage, "report", "--skip-covered"], check=False).returncode)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
