"""Installs each lock file into an empty environment, on a simulated day when everything in it has a newer release.

`python tests/tools/lock_installs.py [LOCK...]`: by the pip that comes with this Python, as set-up and image do.
0 where exactly what is locked was installed and nothing is missing; 1 otherwise, naming the lock and what is wrong.
"""

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-download.lock", "requirements-dev.lock")
INSTALL = ("install", "--no-deps", "--require-hashes", "--disable-pip-version-check", "--quiet")
"""The options of the Makefile and the Dockerfile, which tests/test_locks.py compares."""
NEWER = "9999!9999"
"""A version above every other: its epoch comes first."""


def locked(lock: Path) -> Mapping[str, str]:
    """Version by canonical name of what a lock file installs on this machine."""
    lines = re.findall(r"^([a-z0-9].*?)\s*\\?$", lock.read_text(encoding="utf-8"), re.MULTILINE)
    found = [Requirement(line) for line in lines]
    here = [one for one in found if one.marker is None or one.marker.evaluate()]
    return {canonicalize_name(one.name): next(iter(one.specifier)).version for one in here}


def newer_release(name: str, folder: Path) -> None:
    """Write an empty wheel of `name` that any resolver prefers to the locked one."""
    stem = f"{name.replace('-', '_')}-{NEWER}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {NEWER}\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")


def problems(lock: Path, folder: Path, options: Sequence[str] = INSTALL) -> list[str]:
    """Install one lock file below `folder`; a sentence for each thing that is not as it was locked."""
    wanted = locked(lock)
    releases = folder / "releases"
    releases.mkdir(parents=True)
    for name in wanted:
        newer_release(name, releases)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = (environment / "bin" / "python", "-m", "pip")
    command = [*pip, *options, "--find-links", releases, "--requirement", lock]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        return [f"pip {options[0]} failed:\n{installed.stderr.strip()[-2000:]}"]
    checked = subprocess.run([*pip, "check"], capture_output=True, text=True, check=False)
    incomplete = checked.stdout.strip().splitlines() if checked.returncode else []
    listed = subprocess.run([*pip, "list", "--format=json"], capture_output=True, text=True, check=True).stdout
    found = {canonicalize_name(one["name"]): one["version"] for one in json.loads(listed)}
    comes_with_python = {"pip", "setuptools"}
    names = sorted((wanted.keys() | found.keys()) - (comes_with_python - wanted.keys()))
    other = [name for name in names if wanted.get(name) != found.get(name)]
    return [*incomplete, *(f"{name}: locked {wanted.get(name)}, installed {found.get(name)}" for name in other)]


def main(names: Sequence[str]) -> int:
    """Check these lock files, all of them when none is named."""
    failed = False
    for name in names or LOCKS:
        print(f"{name}: installing {len(locked(ROOT / name))} packages (about half a minute)", flush=True)
        with tempfile.TemporaryDirectory(prefix="aim-lock-") as folder:
            wrong = problems(ROOT / name, Path(folder))
        failed |= bool(wrong)
        print("\n".join(f"  {problem}" for problem in wrong) or "  installed as locked", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
