"""APIs that a program on this machine answers behind the API server: its certificates, and how requests come to it."""

import base64
import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.cluster.plane import ControlPlane

HOST = "127.0.0.1"
SECONDS = 120


class Api(NamedTuple):
    """A group and version, and the Service that has it."""

    group: str
    version: str
    namespace: str
    service: str

    @property
    def name(self) -> str:
        """That of its APIService."""
        return f"{self.version}.{self.group}"


def make_namespace(plane: ControlPlane, name: str) -> None:
    """Make it, where an earlier module of tests has not."""
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    plane.kubectl("apply", "--server-side", "--filename=-", input=json.dumps(made))


def register(plane: ControlPlane, api: Api, port: int, folder: Path) -> None:
    """Have the API server lead requests for it to a port of this machine, and wait until it does."""
    service = {"name": api.service, "namespace": api.namespace}
    spec = {
        "group": api.group,
        "version": api.version,
        "service": {**service, "port": port},
        "caBundle": base64.b64encode((folder / "ca.crt").read_bytes()).decode(),
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    leads = {"type": "ExternalName", "externalName": "localhost"}
    registered = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": api.name}}
    for one in (
        {"apiVersion": "v1", "kind": "Service", "metadata": service, "spec": leads},
        {**registered, "spec": spec},
    ):
        plane.kubectl("apply", "--server-side", "--filename=-", input=json.dumps(one))
    plane.kubectl("wait", "--for=condition=Available", f"--timeout={SECONDS}s", "apiservice", api.name)


def unregister(plane: ControlPlane, api: Api) -> None:
    """Lead nothing there any more: a namespace with an API that is gone stays for ever."""
    plane.kubectl("delete", "apiservice", api.name)


def write_certificates(api: Api, folder: Path) -> None:
    """One that is its own authority, for the Service and for whoever asks on this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, api.service)])
    now = datetime.now(UTC)
    names = [x509.IPAddress(ip_address(HOST)), x509.DNSName(f"{api.service}.{api.namespace}.svc")]
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
    for file, data in {"ca.crt": made, "tls.crt": made, "tls.key": private}.items():
        (folder / file).write_bytes(data)
