"""The control plane's programs: built once from `go/go.mod` into the user's cache, or taken from KUBEBUILDER_ASSETS."""

import hashlib
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.toolchain import MODULE, MissingToolError, cache_dir, go

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
}


def ensure() -> Mapping[str, Path]:
    """The path of each program by name; builds what is missing.

    Raises MissingToolError when there is no usable Go or a build fails.
    """
    assets = Path(os.environ.get("KUBEBUILDER_ASSETS") or os.devnull)
    built = cache_dir() / "bin" / _key()
    found = {name: _first(assets / name, built / name) for name in PACKAGES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        compiler = go()
        print(f"building {', '.join(missing)} with {compiler} into {built} (minutes when cold, once)", flush=True)
        for name in missing:
            found[name] = _build(compiler, name, built)
    return {name: path for name, path in found.items() if path}


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _key() -> str:
    """A name for this set of programs: changes with any version, build flag or platform."""
    inputs = [(MODULE / name).read_text() for name in ("go.mod", "go.sum")]
    inputs += [platform.system(), platform.machine(), *_flags()]
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]


def _flags() -> list[str]:
    # Without its version injected, the API server calls itself v0.0.0 and refuses to reason about feature gates.
    version = re.search(r"^\s*k8s\.io/kubernetes v((\d+)\.(\d+)\.\d+)\b", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if not version:
        raise MissingToolError(f"{MODULE / 'go.mod'} requires no k8s.io/kubernetes")
    values = {"gitVersion": f"v{version[1]}", "gitMajor": version[2], "gitMinor": version[3], "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    injected = [f"-X {package}.{name}={value}" for package in packages for name, value in values.items()]
    return ["-trimpath", "-buildvcs=false", "-mod=readonly", "-p", "2", "-ldflags", " ".join(["-s", "-w", *injected])]


def _build(compiler: Path, name: str, folder: Path) -> Path:
    """Build one program and move it into place, so that an interrupted build leaves nothing half-written."""
    folder.mkdir(parents=True, exist_ok=True)
    print(f"  {name}: go build {PACKAGES[name]}", end=" ", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [str(compiler), "build", *_flags(), "-o", f"{scratch}/{name}", PACKAGES[name]]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        done = subprocess.run(command, cwd=MODULE, env=environment, check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise MissingToolError(f"go build of {name} failed with code {done.returncode}:\n{done.stderr[-4000:]}")
        (Path(scratch) / name).replace(folder / name)
    print(f"({time.monotonic() - began:.0f} s)", flush=True)
    return folder / name
