"""LeaderWorkerSet's own CRDs, webhooks and manager, from its published Go module."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.cluster import binaries
from tests.cluster.go_modules import module
from tests.cluster.plane import ControlPlane, KubectlError
from tests.cluster.processes import free_ports
from tests.files import read, read_all

VERSION = "sigs.k8s.io/lws@v0.9.0"
SUM = "h1:DcJCgxjjoGOx//QHZkeKpyiblxYq70aCRZNYSfykWyI="
HOST = "127.0.0.1"
PROCESS = "leader-worker-sets"
SECONDS = 60

Raw = dict[str, Any]


def crd_file() -> Path:
    """The file with the CRD of LeaderWorkerSets."""
    return _config("crd") / "bases" / "leaderworkerset.x-k8s.io_leaderworkersets.yaml"


@contextmanager
def manager(plane: ControlPlane) -> Iterator[None]:
    """The manager with its webhooks, until the context ends; the CRD of LeaderWorkerSets is there."""
    other = _config("crd") / "bases" / "disaggregatedset.x-k8s.io_disaggregatedsets.yaml"  # it also waits for this one
    plane.apply_kinds(other)
    port, probes = free_ports(2)
    folder = plane.folder / "lws"
    folder.mkdir(exist_ok=True)
    webhooks = yaml.safe_dump_all(_webhooks(port, _certificate(folder)))
    (folder / "config.yaml").write_text(yaml.safe_dump(_settings(folder, port, probes)))
    plane.run(
        PROCESS,
        binaries.ensure(binaries.groups())["lws"],
        f"--config={folder / 'config.yaml'}",
        f"--kubeconfig={plane.kubeconfig}",
    )
    plane.kubectl("apply", "--server-side", "--filename=-", input=webhooks)
    try:
        plane.wait_for("LeaderWorkerSet's webhooks", lambda: _answers(plane), SECONDS)
        yield
    finally:
        plane.kubectl("delete", "--filename=-", input=webhooks)
        plane.processes[PROCESS].stop()
        plane.kubectl("delete", f"--filename={other}")


def _settings(folder: Path, port: int, probes: int) -> Raw:
    return {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": f"{HOST}:{probes}"},
        "webhook": {"host": HOST, "port": port, "certDir": str(folder)},
    }


def _certificate(folder: Path) -> str:
    """Writes a certificate for the webhooks, and returns its authority as their configuration has it."""
    now = datetime.now(UTC)
    authority = issue_ca(now)
    server = issue_server(authority, frozenset([HOST]), now)
    (folder / "tls.crt").write_text(server.certificate.text)
    (folder / "tls.key").write_text(server.key)
    return base64.b64encode(authority.certificate.text.encode()).decode()


def _webhooks(port: int, authority: str) -> Iterator[Raw]:
    """What it ships, with its patches, by which it looks at its own pods alone, at an address instead of a Service."""
    for one in read_all(_config("webhook") / "manifests.yaml"):
        kind = one["kind"].removesuffix("WebhookConfiguration").lower()
        for patch in read(_config("webhook") / f"{kind}-patch.yaml"):
            one["webhooks"][int(patch["path"].rpartition("/")[2])] = patch["value"]
        for webhook in one["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"https://{HOST}:{port}{path}", "caBundle": authority}
        yield {**one, "metadata": {"name": f"lws-{one['metadata']['name']}"}}


def _answers(plane: ControlPlane) -> bool:
    """Whether the webhooks let a LeaderWorkerSet pass: they are there a moment after the manager is ready."""
    template = {"spec": {"containers": [{"name": "a", "image": "a"}]}}
    one = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"leaderWorkerTemplate": {"size": 2, "workerTemplate": template}},
    }
    try:
        plane.kubectl("create", "--dry-run=server", "--filename=-", input=json.dumps(one))
    except KubectlError:
        return False
    return True


def _config(name: str) -> Path:
    return module(VERSION, SUM) / "config" / name
