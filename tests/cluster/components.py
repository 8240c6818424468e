"""The programs of the control plane and their flags."""

import ssl
import urllib.error
import urllib.request
from pathlib import Path

from tests.cluster.plane import HERE, ControlPlane

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
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "replicaset-controller",
    "resourceclaim-controller",
    "serviceaccount-controller",
    "statefulset-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
)
START_SECONDS = 180


def start_api_server(
    plane: ControlPlane, port: int, etcd_client: str, etcd_peer: str, audit_policy: Path = HERE / "audit-policy.yaml"
) -> None:
    """Start etcd and the API server; both answer when this returns."""
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
    etcd.wait_until(lambda: answers(f"{etcd_client}/health"), START_SECONDS)
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
        f"--audit-policy-file={audit_policy}",
        f"--audit-log-path={plane.audit_log}",
        # Nothing here would ever lift the not-ready taint that this plugin sets on every new node.
        "--disable-admission-plugins=TaintNodesByCondition",
    )
    server.wait_until(lambda: _is_ready(plane), START_SECONDS)


def kill_api_server(plane: ControlPlane) -> None:
    """Kill the API server where it stands, and start it again as it was; it answers when this returns."""
    killed = plane.processes["kube-apiserver"]
    killed.stop(grace_seconds=0)
    plane.run("kube-apiserver", *killed.popen.args).wait_until(lambda: _is_ready(plane), START_SECONDS)


def start_controllers(plane: ControlPlane) -> None:
    """Start what turns objects into pods; pods can be created when this returns."""
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


def answers(url: str, certificate: str | None = None, token: str | None = None) -> bool:
    """Whether a GET gives 200."""
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310 - our own loopback addresses
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as reply:  # noqa: S310 - as above
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _is_ready(plane: ControlPlane) -> bool:
    certificate = plane.credentials.folder / "apiserver.crt"
    return certificate.exists() and answers(
        f"{plane.server}/readyz", str(certificate), plane.credentials.tokens["admin"]
    )
