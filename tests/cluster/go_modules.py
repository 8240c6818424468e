"""Files of published Go modules, each pinned by its checksum; nothing of them is kept in this repository."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path

from tests.cluster import binaries
from tests.cluster.toolchain import MissingToolError, go


@cache
def module(version: str, checksum: str) -> Path:
    """Where Go has put a module, named as in `example.org/name@v1.2.3`; it fetches what is not there.

    MissingToolError where it cannot be fetched, AssertionError where it is not what it was.
    """
    command = [go(binaries.control_plane().module), "mod", "download", "-json", version]
    environment = {**os.environ, "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise MissingToolError(f"{version} could not be fetched: {done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(done.stdout)
    assert found["Sum"] == checksum, f"{version} is not what it was: {found['Sum']}"
    return Path(found["Dir"])
