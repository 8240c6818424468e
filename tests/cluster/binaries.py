"""The programs of the tests: built once from pinned modules into the user's cache, or taken from KUBEBUILDER_ASSETS."""

import hashlib
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cluster.toolchain import MissingToolError, cache_dir, go

HERE = Path(__file__).parent
SUMS = ("go.mod", "go.sum")
FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly", "-p", "2")


SECONDS = {
    "etcd": 60,
    "kube-apiserver": 360,
    "kube-controller-manager": 120,
    "kube-scheduler": 30,
    "kubectl": 30,
    "kwok": 30,
    "prometheus": 120,
    "promtool": 30,
    "keda": 420,
    "keda-adapter": 120,
    "vpa-admission-controller": 90,
    "vpa-updater": 10,
    "kueue": 240,
    "lws": 120,
    "registry": 30,
    "health": 90,
    "helm": 120,
    "actionlint": 30,
}
"""How long each takes on two cores where nothing is cached, in this order, downloads included."""
PROGRESS_SECONDS = 15
"""How often a build tells how long it has been going on."""


class Programs(NamedTuple):
    """What is built from one Go module: the module's folder, the package of each program, and the build's own flags."""

    module: Path
    packages: Mapping[str, str]
    flags: Sequence[str]


def control_plane() -> Programs:
    """The control plane's programs."""
    packages = {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
        "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    }
    return Programs(HERE / "go", packages, ["-ldflags", " ".join(["-s", "-w", *_kubernetes_version(HERE / "go")])])


def only(name: str) -> Programs:
    """One of the control plane's programs; built, it is there for the whole, too."""
    whole = control_plane()
    return whole._replace(packages={name: whole.packages[name]})


def monitoring() -> Programs:
    """Prometheus and promtool, with no other discovery than that of Kubernetes."""
    packages = {
        "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
        "promtool": "github.com/prometheus/prometheus/cmd/promtool",
    }
    tags = "remove_all_sd,enable_kubernetes_sd,netgo"
    return Programs(HERE / "go-monitoring", packages, ["-ldflags", "-s -w", "-tags", tags])


def keda() -> Programs:
    """KEDA's operator, which starts and stops what it scales, and its metrics adapter, for numbers above one."""
    packages = {
        "keda": "github.com/kedacore/keda/v2/cmd/operator",
        "keda-adapter": "github.com/kedacore/keda/v2/cmd/adapter",
    }
    return Programs(HERE / "go-keda", packages, ["-ldflags", "-s -w"])


def vertical() -> Programs:
    """Of the VerticalPodAutoscaler what changes pods: those that are made anew, and those that run."""
    packages = {
        f"vpa-{name}": f"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/{name}"
        for name in ("admission-controller", "updater")
    }
    return Programs(HERE / "go-vpa", packages, ["-ldflags", "-s -w"])


def kueue() -> Programs:
    """Kueue's manager, with which pods wait until their queue has room."""
    return Programs(HERE / "go-kueue", {"kueue": "sigs.k8s.io/kueue/cmd/kueue"}, ["-ldflags", "-s -w"])


def groups() -> Programs:
    """LeaderWorkerSet's manager, which makes the pods of replicas on several nodes."""
    return Programs(HERE / "go-lws", {"lws": "sigs.k8s.io/lws/cmd"}, ["-ldflags", "-s -w"])


def registry() -> Programs:
    """An OCI registry in memory."""
    packages = {"registry": "github.com/google/go-containerregistry/cmd/registry"}
    return Programs(HERE.parent / "sources" / "go", packages, ["-ldflags", "-s -w"])


def health() -> Programs:
    """What Flux takes an object for."""
    return Programs(HERE.parent / "gitops" / "go", {"health": "."}, ["-ldflags", "-s -w"])


def helm() -> Programs:
    """Helm, which renders the chart."""
    return Programs(HERE.parent / "chart" / "go", {"helm": "helm.sh/helm/v4/cmd/helm"}, ["-ldflags", "-s -w"])


def actionlint() -> Programs:
    """What GitHub would say to a workflow, and to the actions that it uses."""
    folder = HERE.parent / "gitops" / "go-actions"
    return Programs(folder, {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}, ["-ldflags", "-s -w"])


def ensure(programs: Programs | None = None) -> Mapping[str, Path]:
    """The path of each program by name, the control plane's when not told; builds what is missing.

    Raises MissingToolError when there is no usable Go or a build fails.
    """
    wanted = programs or control_plane()
    assets = Path(os.environ.get("KUBEBUILDER_ASSETS") or os.devnull)
    built = cache_dir() / "bin" / _key(wanted)
    found = {name: _first(assets / name, built / name) for name in wanted.packages}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        compiler = go(wanted.module)
        print(f"building {', '.join(missing)} with {compiler} into {built}: {estimate(missing)}, once", flush=True)
        for number, name in enumerate(missing, 1):
            print(f"  {number} of {len(missing)}: {name}, {estimate([name])}", end=" ", flush=True)
            found[name] = _build(compiler, wanted, name, built)
    return {name: path for name, path in found.items() if path}


def estimate(names: Iterable[str]) -> str:
    """How long the build of these programs usually takes, in words."""
    seconds = sum(SECONDS[name] for name in names)
    return f"about {seconds} s" if seconds < 90 else f"about {round(seconds / 60)} minutes"


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _key(programs: Programs) -> str:
    """A name for this set of programs: changes with any version, build flag or platform."""
    inputs = [
        path.read_text() for path in (*sorted(programs.module.glob("*.go")), *map(programs.module.joinpath, SUMS))
    ]
    inputs += [platform.system(), platform.machine(), *FLAGS, *programs.flags]
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]


def _kubernetes_version(module: Path) -> list[str]:
    # Without its version injected, the API server calls itself v0.0.0 and refuses to reason about feature gates.
    version = re.search(r"^\s*k8s\.io/kubernetes v((\d+)\.(\d+)\.\d+)\b", (module / "go.mod").read_text(), re.MULTILINE)
    if not version:
        raise MissingToolError(f"{module / 'go.mod'} requires no k8s.io/kubernetes")
    values = {"gitVersion": f"v{version[1]}", "gitMajor": version[2], "gitMinor": version[3], "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return [f"-X {package}.{name}={value}" for package in packages for name, value in values.items()]


def _build(compiler: Path, programs: Programs, name: str, folder: Path) -> Path:
    """Build one program and move it into place, so that an interrupted build leaves nothing half-written."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [str(compiler), "build", *FLAGS, *programs.flags, "-o", f"{scratch}/{name}", programs.packages[name]]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        with subprocess.Popen(
            command, cwd=programs.module, env=environment, stderr=subprocess.PIPE, text=True
        ) as build:
            errors = _errors(build, began)
        if build.returncode:
            raise MissingToolError(f"go build of {name} failed with code {build.returncode}:\n{errors[-4000:]}")
        (Path(scratch) / name).replace(folder / name)
    print(f"({time.monotonic() - began:.0f} s)", flush=True)
    return folder / name


def _errors(build: subprocess.Popen[str], began: float) -> str:
    """What a build wrote to standard error until its end; prints now and then how long it has been going on."""
    while True:
        try:
            return build.communicate(timeout=PROGRESS_SECONDS)[1]
        except subprocess.TimeoutExpired:
            print(f"{time.monotonic() - began:.0f} s …", end=" ", flush=True)
