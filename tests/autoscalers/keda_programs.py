"""KEDA's programs on a control plane: the operator, and the adapter by which autoscalers get what it has measured."""

import json
from pathlib import Path

from tests.autoscalers import aggregated
from tests.autoscalers.aggregated import HOST, Api
from tests.cluster import binaries, keda
from tests.cluster.operator import own_account
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import free_ports

NAMESPACE = "keda"
API = Api("external.metrics.k8s.io", "v1beta1", NAMESPACE, "keda-metrics-apiserver")
NAMES = ("keda", "keda-adapter")
ENVIRONMENT = {"WATCH_NAMESPACE": "", "POD_NAMESPACE": NAMESPACE, "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE}
READER = "keda-external-metrics-reader"
ACCOUNT = "keda-operator"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
"""As whom the audit log knows both."""


def install(plane: ControlPlane, folder: Path) -> None:
    """Run both, and have the API server lead what is asked about external metrics to the adapter."""
    for file in keda.events_files():
        plane.kubectl("apply", "--server-side", f"--filename={file}")
    aggregated.make_namespace(plane, NAMESPACE)
    kubeconfig = _account(plane)
    aggregated.write_certificates(API, folder)
    metrics, probes, service, secure, port = free_ports(5)
    programs = binaries.ensure(binaries.keda())
    plane.run(
        "keda",
        programs["keda"],
        f"--kubeconfig={kubeconfig}",
        f"--metrics-bind-address={HOST}:{metrics}",
        f"--health-probe-bind-address={HOST}:{probes}",
        f"--metrics-service-bind-address={HOST}:{service}",
        f"--cert-dir={folder}",
        "--enable-webhook-patching=false",
        "--enable-apiservice-patching=false",
        **ENVIRONMENT,
    )
    plane.run(
        "keda-adapter",
        programs["keda-adapter"],
        f"--kubeconfig={kubeconfig}",
        f"--lister-kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        # The API server here has no certificate by which it could tell the adapter who asks.
        "--authentication-skip-lookup=true",
        "--authorization-always-allow-paths=/*",
        f"--metrics-service-address={HOST}:{service}",
        f"--bind-address={HOST}",
        f"--secure-port={secure}",
        f"--port={port}",
        f"--cert-dir={folder}",
        f"--tls-cert-file={folder / 'tls.crt'}",
        f"--tls-private-key-file={folder / 'tls.key'}",
        **ENVIRONMENT,
    )
    plane.kubectl("create", "clusterrole", READER, "--verb=*", "--resource=*.external.metrics.k8s.io")
    plane.kubectl("create", "clusterrolebinding", READER, f"--clusterrole={READER}", "--user=system:anonymous")
    aggregated.register(plane, API, secure, folder)


def kill(plane: ControlPlane) -> None:
    """Kill both where they stand."""
    for name in NAMES:
        plane.processes[name].stop(grace_seconds=0)


def start_again(plane: ControlPlane) -> None:
    """Run both as they were."""
    for name in NAMES:
        plane.run(name, *plane.processes[name].popen.args, **ENVIRONMENT)


def remove(plane: ControlPlane) -> None:
    """Stop both, and lead nothing there any more: a namespace with an API that is gone stays for ever."""
    aggregated.unregister(plane, API)
    plane.kubectl("delete", "clusterrole,clusterrolebinding", READER)
    for name in NAMES:
        plane.processes[name].stop()


def _account(plane: ControlPlane) -> Path:
    """Whose name both have; it may do everything, as what KEDA may do is not what is tested."""
    metadata = {"name": ACCOUNT, "namespace": NAMESPACE}
    subjects = [{"kind": "ServiceAccount", **metadata}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {"metadata": {"name": ACCOUNT}, "roleRef": role, "subjects": subjects}
    for one in (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", **binding},
    ):
        plane.kubectl("apply", "--server-side", "--filename=-", input=json.dumps(one))
    return own_account(plane, ACCOUNT, NAMESPACE)
