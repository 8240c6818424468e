"""KEDA's programs on a control plane: the operator, and the adapter by which autoscalers get what it has measured."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.cluster import binaries, keda
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import free_ports

HOST, NAMESPACE, SERVICE = "127.0.0.1", "keda", "keda-metrics-apiserver"
NAMES = ("keda", "keda-adapter")
ENVIRONMENT = {"WATCH_NAMESPACE": "", "POD_NAMESPACE": NAMESPACE, "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE}
READER = "keda-external-metrics-reader"
API_SERVICE = "v1beta1.external.metrics.k8s.io"
SECONDS = 120


def install(plane: ControlPlane, folder: Path) -> None:
    """Run both, and have the API server lead what is asked about external metrics to the adapter."""
    for file in keda.events_files():
        plane.kubectl("apply", "--server-side", f"--filename={file}")
    plane.kubectl("create", "namespace", NAMESPACE)
    certificates = _certificates()
    for name, data in certificates.items():
        (folder / name).write_bytes(data)
    metrics, probes, service, secure, port = free_ports(5)
    programs = binaries.ensure(binaries.keda())
    plane.run(
        "keda",
        programs["keda"],
        f"--kubeconfig={plane.kubeconfig}",
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
        f"--kubeconfig={plane.kubeconfig}",
        f"--lister-kubeconfig={plane.kubeconfig}",
        f"--authentication-kubeconfig={plane.kubeconfig}",
        f"--authorization-kubeconfig={plane.kubeconfig}",
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
    for one in _service(secure, certificates["ca.crt"]):
        plane.kubectl("apply", "--server-side", "--filename=-", input=json.dumps(one))
    plane.kubectl("wait", "--for=condition=Available", f"--timeout={SECONDS}s", "apiservice", API_SERVICE)


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
    plane.kubectl("delete", "apiservice", API_SERVICE)
    plane.kubectl("delete", "clusterrole,clusterrolebinding", READER)
    for name in NAMES:
        plane.processes[name].stop()


def _service(port: int, authority: bytes) -> tuple[Mapping[str, object], ...]:
    """The Service, which leads to this machine, and the API that it has."""
    leads = {"type": "ExternalName", "externalName": "localhost"}
    service = {"name": SERVICE, "namespace": NAMESPACE}
    spec = {
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "service": {**service, "port": port},
        "caBundle": base64.b64encode(authority).decode(),
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    return (
        {"apiVersion": "v1", "kind": "Service", "metadata": service, "spec": leads},
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": API_SERVICE},
            "spec": spec,
        },
    )


def _certificates() -> dict[str, bytes]:
    """One that is its own authority, for the server and the client of what is measured, and for the API."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keda")])
    now = datetime.now(UTC)
    names = [x509.IPAddress(ip_address(HOST)), x509.DNSName(f"{SERVICE}.{NAMESPACE}.svc")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"ca.crt": made, "tls.crt": made, "tls.key": private}
