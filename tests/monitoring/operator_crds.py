"""The CRDs of the Prometheus operator, from its published Go module, pinned by its checksum; nothing of it is kept."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import binaries
from tests.cluster.toolchain import MissingToolError, go

VERSION = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="


@cache
def schema(plural: str) -> dict[str, Any]:
    """The schema of a kind of monitoring.coreos.com/v1."""
    file = _module() / "example" / "prometheus-operator-crd" / f"monitoring.coreos.com_{plural}.yaml"
    [version] = yaml.safe_load(file.read_text())["spec"]["versions"]
    assert version["name"] == "v1"
    return version["schema"]["openAPIV3Schema"]


@cache
def _module() -> Path:
    """Where Go has put the module; it fetches what is not there."""
    command = [go(binaries.monitoring().module), "mod", "download", "-json", VERSION]
    environment = {**os.environ, "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise MissingToolError(f"{VERSION} could not be fetched: {done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(done.stdout)
    assert found["Sum"] == SUM, f"{VERSION} is not what it was: {found['Sum']}"
    return Path(found["Dir"])
