"""Kueue on the control plane: its CRDs and webhooks from its published Go module, its manager, and its certificates."""

import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.cluster import binaries
from tests.cluster.go_modules import module
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import free_ports

VERSION = "sigs.k8s.io/kueue@v0.17.1"
SUM = "h1:r4cwg3ZFF75l7RjVbdCJgM+0RpU0MJGp7t3rLH8Zyh4="
HOST, NAMESPACE = "127.0.0.1", "kueue-system"
SERVICE, SECRET, AUTHORITY = "kueue-webhook-service", "kueue-webhook-server-cert", "kueue-ca"
"""Names that Kueue gives itself; its certificate is for the Service, and its authority is called so."""
GROUPS = "leaderworkerset.x-k8s.io"
WATCHED = ({"", "apps", GROUPS}, {"pods", "deployments", "leaderworkersets"})
"""Groups and resources that its webhooks are asked about here, besides its own."""

Raw = dict[str, Any]


def install(plane: ControlPlane, folder: Path) -> None:
    """Apply its CRDs and webhooks, start its manager, and wait until it answers."""
    port, probes, metrics = free_ports(3)
    certificates = _certificates()
    for name, text in certificates.items():
        (folder / name).write_text(text)
    _apply(plane, _secret(certificates), *_definitions(port), *_webhooks(port))
    (folder / "config.yaml").write_text(yaml.safe_dump(_config(folder, port, probes, metrics)))
    plane.run(
        "kueue",
        binaries.ensure(binaries.kueue())["kueue"],
        f"--config={folder / 'config.yaml'}",
        f"--kubeconfig={plane.kubeconfig}",
    )
    command = ("curl", "--silent", "--fail", f"http://{HOST}:{probes}/readyz")
    plane.wait_for("Kueue", lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0, 120)


def _config(folder: Path, port: int, probes: int, metrics: int) -> Raw:
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": NAMESPACE,
        "health": {"healthProbeBindAddress": f"{HOST}:{probes}"},
        "metrics": {"bindAddress": f"{HOST}:{metrics}"},
        "webhook": {"host": HOST, "port": port, "certDir": str(folder)},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": True, "webhookServiceName": SERVICE, "webhookSecretName": SECRET},
        "integrations": {"frameworks": ["pod", "deployment", f"{GROUPS}/leaderworkerset"]},
        "featureGates": {"VisibilityOnDemand": False},
    }


def _apply(plane: ControlPlane, *objects: Raw) -> None:
    plane.kubectl("apply", "--server-side", "--filename=-", input=yaml.safe_dump_all(objects))


def _secret(certificates: dict[str, str]) -> Raw:
    metadata = {"name": SECRET, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": certificates}


def _definitions(port: int) -> list[Raw]:
    """The CRDs; Kueue writes its authority into what converts between their versions."""
    found = [yaml.safe_load(file.read_text()) for file in sorted(_components("crd/bases").glob("*.yaml"))]
    client = {"url": f"https://{HOST}:{port}/convert"}
    for one in found:
        webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
        one["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    return found


def _webhooks(port: int) -> list[Raw]:
    """Those about pods, what makes them, and its own kinds, at an address instead of a Service."""
    found = list(yaml.safe_load_all((_components("webhook") / "manifests.yaml").read_text()))
    for one in found:
        one["metadata"]["name"] = f"kueue-{one['metadata']['name']}"
        one["webhooks"] = [webhook for webhook in one["webhooks"] if _is_watched(webhook["rules"])]
        for webhook in one["webhooks"]:
            webhook["clientConfig"] = {"url": f"https://{HOST}:{port}{webhook['clientConfig']['service']['path']}"}
    return found


def _is_watched(rules: list[Raw]) -> bool:
    groups = {group for rule in rules for group in rule["apiGroups"]}
    resources = {resource.partition("/")[0] for rule in rules for resource in rule["resources"]}
    return groups == {"kueue.x-k8s.io"} or (groups <= WATCHED[0] and resources <= WATCHED[1])


def _components(name: str) -> Path:
    return module(VERSION, SUM) / "config" / "components" / name


def _certificates() -> dict[str, str]:
    """An authority and a certificate by it, in the form in which Kueue takes them for its own."""
    now = datetime.now(UTC)
    keys = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    names = [[AUTHORITY], [f"{SERVICE}.{NAMESPACE}.svc", "localhost"]]
    made = []
    for key, own, signs in zip(keys, names, (True, False), strict=True):
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(own[0]))
            .issuer_name(_named(AUTHORITY))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=signs, path_length=None), critical=True)
            .add_extension(_alternatives(own), critical=False)
        )
        made.append(builder.sign(keys[0], SHA256()).public_bytes(Encoding.PEM).decode())
    private = [
        one.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode() for one in keys
    ]
    return {"ca.crt": made[0], "ca.key": private[0], "tls.crt": made[1], "tls.key": private[1]}


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternatives(names: list[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([*map(x509.DNSName, names), x509.IPAddress(ip_address(HOST))])
