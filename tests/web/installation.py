"""What the tests in a browser need beside .venv, installed once: Chromium, what drives it, rules of accessibility."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

from tests.cluster.toolchain import SYSTEM_CERTIFICATES, MissingToolError, cache_dir

FOLDER = Path(__file__).parent
LOCK = FOLDER / "requirements.lock"
UNPACK = """
const fs = require('fs'), zlib = require('zlib'), [from, to] = process.argv.slice(1)
fs.writeFileSync(to, zlib.brotliDecompressSync(fs.readFileSync(from), {maxOutputLength: 2 ** 30}))
"""
PARTS = ("al2023.tar", "fonts.tar")
"""Libraries and fonts that come with the browser, since a machine may lack them."""


class Installed(NamedTuple):
    """Where things are."""

    python: Path
    """The folder of Python's packages, to be imported from."""
    browser: Path
    axe: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of the browser: with its own libraries and fonts."""
        folder = self.browser.parent
        return {
            **os.environ,
            "LD_LIBRARY_PATH": str(folder / "lib"),
            "FONTCONFIG_PATH": str(folder),
            "HOME": str(folder),
        }


def installed(environment: Path) -> Installed:
    """What is in a folder that `ensure` has filled."""
    major, minor = sys.version_info[:2]
    packages = environment / "lib" / f"python{major}.{minor}" / "site-packages"
    return Installed(
        packages, environment / "browser" / "chromium", environment / "node_modules" / "axe-core" / "axe.min.js"
    )


def virtual_environment(name: str, lock: Path, *others: Path) -> tuple[Path, bool]:
    """The folder of what a lock file installs, and whether it is new; named by these files and this Python."""
    texts = "\0".join(path.read_text() for path in (lock, *others))
    key = hashlib.sha256(f"{texts}\0{sys.version}\0{sys.base_prefix}".encode()).hexdigest()[:16]
    place = cache_dir() / name / key
    if (place / ".installed").exists():
        return place, False
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    uv = Path(sys.executable).parent / "uv"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", place / "bin" / "python"]
    environment = {**os.environ, **SYSTEM_CERTIFICATES}
    if subprocess.run([*command, "--requirement", lock], check=False, env=environment).returncode:
        raise MissingToolError(f"{lock} could not be installed (see above)")
    return place, True


def ensure() -> Installed:
    """Installs what is missing. MissingToolError."""
    manifest = FOLDER / "package-lock.json"
    place, new = virtual_environment("browser", LOCK, manifest, Path(__file__))
    if new:
        print(f"installing a browser into {place}: about a minute, once", flush=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(FOLDER / name, place)
        path = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
        npm = [place / "bin" / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        if subprocess.run(npm, cwd=place, check=False, env=path).returncode:
            raise MissingToolError(f"{manifest} could not be installed (see above)")
        _unpack(place)
        (place / ".installed").touch()
    return installed(place)


def _unpack(place: Path) -> None:
    source, browser = place / "node_modules" / "@sparticuz" / "chromium" / "bin", place / "browser"
    browser.mkdir()
    for name in ("chromium", *PARTS):
        node = [place / "bin" / "node", "-e", UNPACK, source / f"{name}.br", browser / name]
        subprocess.run(node, check=True)
    for name in PARTS:
        with tarfile.open(browser / name) as archive:
            archive.extractall(browser, filter="data")
    (browser / "chromium").chmod(0o755)
    fonts = f"<fontconfig><dir>{browser / 'fonts'}</dir><cachedir>{browser / 'cache'}</cachedir></fontconfig>"
    (browser / "fonts.conf").write_text(f'<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n{fonts}\n')
