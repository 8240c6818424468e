"""`python -m tests.sources [OPTION...]`: downloads from real servers, with these options of pytest."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.toolchain import SYSTEM_CERTIFICATES, MissingToolError, cache_dir

LOCK = Path(__file__).parent / "requirements.lock"


def ensure() -> Path:
    """The folder of the servers' programs; installs them where they are missing. MissingToolError."""
    inputs = f"{LOCK.read_text()}\0{sys.version}\0{sys.base_prefix}"
    place = cache_dir() / "sources" / hashlib.sha256(inputs.encode()).hexdigest()[:16]
    marker = place / ".installed"
    if not marker.exists():
        print(f"installing servers of S3 and of MLflow into {place}: about half a minute, once", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
        uv = Path(sys.executable).parent / "uv"
        command = [uv, "pip", "install", "--no-deps", "--require-hashes", "--python", place / "bin" / "python"]
        environment = {**os.environ, **SYSTEM_CERTIFICATES}
        if subprocess.run([*command, "--requirement", LOCK], check=False, env=environment).returncode:
            raise MissingToolError("the servers could not be installed (see above)")
        marker.touch()
    return place / "bin"


def main(options: Sequence[str]) -> int:
    """Install, and run the tests; their exit code."""
    environment = {**os.environ, "AIM_SOURCES": str(ensure())}
    command = [sys.executable, "-m", "pytest", "-m", "sources", "--verbose", "tests/sources", *options]
    return subprocess.run(command, check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
