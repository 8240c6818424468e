"""A Kubernetes control plane of one's own: real but for the kubelets, in whose place kwok simulates nodes and pods."""

import json
import os
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import binaries, credentials, volumes
from tests.cluster.credentials import Credentials
from tests.cluster.processes import Process, StartError, free_ports, running

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# There before the controllers start: these notice a new kind only every 30 seconds, and until then neither collect what
# an object of it owned nor scale it.
CUSTOM_RESOURCES = (HERE / "metacontroller-crds", ROOT / "crds")
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "job-controller",
    "namespace-controller",
    "persistentvolume-binder-controller",
    "persistentvolumeclaim-protection-controller",
    "replicaset-controller",
    "serviceaccount-controller",
    "ttl-after-finished-controller",
)
START_SECONDS = 90


class KubectlError(Exception):
    """kubectl ended with an error; the message is the command and what it wrote."""


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane; everything it needs is below `folder`."""

    folder: Path
    programs: Mapping[str, Path]
    server: str
    credentials: Credentials
    stack: ExitStack
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "credentials" / "admin.kubeconfig"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.folder / "logs"

    @property
    def environment(self) -> dict[str, str]:
        """For programs that talk to this control plane: KUBECONFIG, and PATH with the right kubectl first."""
        path = f"{self.programs['kubectl'].parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def run(self, name: str, *command: str | Path, **environment: str) -> Process:
        """Start one more program that is stopped together with the control plane."""
        together = {"PATH": self.environment["PATH"], **environment}
        process = self.stack.enter_context(running(name, command, self.logs, **together))
        self.processes[name] = process
        return process

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as in subprocess.run
        """What kubectl prints, as the administrator; KubectlError when it fails."""
        command = [str(self.programs["kubectl"]), *arguments]
        done = subprocess.run(
            command, input=input, env=self.environment, check=False, capture_output=True, text=True, cwd=ROOT
        )
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`, parsed."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *kustomizations: Path) -> None:
        """`kubectl apply -k` of each, and wait until all custom resources in it are served."""
        for folder in kustomizations:
            self.kubectl("apply", "--server-side", "--kustomize", str(folder))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--all", "customresourcedefinitions")

    def add_nodes(self, *files: str) -> None:
        """Create the simulated nodes of `nodes/<file>.yaml` and wait until they are Ready."""
        paths = [f"--filename={HERE / 'nodes' / file}.yaml" for file in files]
        self.kubectl("apply", "--server-side", *paths)
        self.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *paths)

    def wait_for(self, what: str, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Poll until `holds()`; StartError naming `what` when the time is over."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise StartError(f"{what}: not within {seconds:.0f} s")
            time.sleep(0.1)


@contextmanager
def control_plane(report: Callable[[str], None] = lambda _: None) -> Iterator[ControlPlane]:
    """Everything started and ready, and everything stopped and removed on the way out; `report` is told each step."""
    programs = binaries.ensure()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="aim-cluster-", ignore_cleanup_errors=True))
        )
        (folder / "logs").mkdir()
        secure, etcd_client, etcd_peer = free_ports(3)
        made = credentials.create(folder / "credentials")
        # The programs run on a stack of their own, closed before the folder is removed.
        processes = stack.enter_context(ExitStack())
        plane = ControlPlane(folder, programs, f"https://127.0.0.1:{secure}", made, processes)
        for user in made.tokens:
            made.kubeconfig(user, plane.server)
        _start_api_server(plane, secure, f"http://127.0.0.1:{etcd_client}", f"http://127.0.0.1:{etcd_peer}")
        report(f"API server at {plane.server}")
        plane.apply(*CUSTOM_RESOURCES)
        _start_controllers(plane)
        plane.kubectl("apply", "--server-side", f"--filename={HERE / 'storage-classes.yaml'}")
        processes.enter_context(volumes.pool(plane))
        report("controllers, scheduler, simulated kubelets and volumes")
        yield plane


def _start_api_server(plane: ControlPlane, port: int, etcd_client: str, etcd_peer: str) -> None:
    made = plane.credentials
    etcd = plane.run(
        "etcd",
        plane.programs["etcd"],
        f"--data-dir={plane.folder / 'etcd'}",
        f"--listen-client-urls={etcd_client}",
        f"--advertise-client-urls={etcd_client}",
        f"--listen-peer-urls={etcd_peer}",
        f"--initial-advertise-peer-urls={etcd_peer}",
        f"--initial-cluster=default={etcd_peer}",
        "--unsafe-no-fsync",  # the data lives as long as this process
        "--log-level=warn",
    )
    etcd.wait_until(lambda: _answers(f"{etcd_client}/health"), START_SECONDS)
    server = plane.run(
        "kube-apiserver",
        plane.programs["kube-apiserver"],
        f"--etcd-servers={etcd_client}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",  # else it looks for a default route, which a sealed machine has not
        "--endpoint-reconciler-type=none",  # a loopback address is no legal endpoint
        f"--secure-port={port}",
        f"--cert-dir={made.folder}",
        f"--token-auth-file={made.token_file}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={made.service_account_key}",
        f"--service-account-signing-key-file={made.service_account_key}",
        "--service-cluster-ip-range=10.96.0.0/16",  # the default holds too few Services for the bench
        # Nothing here would ever lift the not-ready taint that this plugin sets on every new node.
        "--disable-admission-plugins=TaintNodesByCondition",
    )
    server.wait_until(lambda: _answers(f"{plane.server}/readyz", made), START_SECONDS)


def _start_controllers(plane: ControlPlane) -> None:
    folder = plane.credentials.folder
    plane.run(
        "kube-controller-manager",
        plane.programs["kube-controller-manager"],
        f"--kubeconfig={folder / 'kube-controller-manager.kubeconfig'}",
        "--secure-port=0",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        f"--controllers={','.join(CONTROLLERS)}",
        "--horizontal-pod-autoscaler-sync-period=5s",
        "--pvclaimbinder-sync-period=1s",  # how soon a claim that came too early sees a new volume
    )
    plane.run(
        "kube-scheduler",
        plane.programs["kube-scheduler"],
        f"--kubeconfig={folder / 'kube-scheduler.kubeconfig'}",
        "--secure-port=0",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    )
    plane.run(
        "kwok",
        plane.programs["kwok"],
        f"--kubeconfig={folder / 'kwok.kubeconfig'}",
        f"--config={HERE / 'stages.yaml'}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        "--v=warn",
        "--node-ip=10.0.0.1",
        "--cidr=10.244.0.0/16",
    )
    # Pods are refused until their namespace has its account: the first visible work of the controllers.
    account = ("--namespace=default", "--ignore-not-found", "serviceaccount", "default", "--output=name")
    plane.processes["kube-controller-manager"].wait_until(lambda: bool(plane.kubectl("get", *account)), START_SECONDS)


def _answers(url: str, made: Credentials | None = None) -> bool:
    """Whether a GET gives 200."""
    context, headers = None, {}
    if made:
        certificate = made.folder / "apiserver.crt"
        if not certificate.exists():
            return False
        context = ssl.create_default_context(cafile=str(certificate))
        headers = {"Authorization": f"Bearer {made.tokens['admin']}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5, context=context) as reply:  # noqa: S310 - our own loopback addresses
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False
