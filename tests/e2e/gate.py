"""What the API server says to an object: a control plane with the shipped policies, and facts as a test wants them."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from aimlib.api import API_VERSION
from aimlib.api.node import InventoryStatus
from aimlib.protocol.metacontroller import prune
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT, ControlPlane
from tests.cluster.reads import would_create
from tests.e2e.space import Raw, endpoint
from tests.kustomize import build

KINDS = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
PARAMETERS = ("ConfigMap", "aim-admission")
USUAL, STRICT = "usual", "strict"
ENFORCE = {"aim.engine.amd.com/admission": "enforce"}
SAYING = re.compile(r"ValidatingAdmissionPolicy '([\w-]+)' with binding '[\w-]+'(?: denied request)?: (.+)")


class Answer(NamedTuple):
    """Whether an object was let in, and the sentences of the policies in their order."""

    accepted: bool
    said: tuple[str, ...]


LET_IN = Answer(accepted=True, said=())


def ask(plane: ControlPlane, *arguments: str, raw: object = None) -> Answer:
    """What the API server answers to a kubectl command; AssertionError where anything but a policy refuses."""
    command = [str(plane.programs["kubectl"]), *arguments]
    given = None if raw is None else json.dumps(raw)
    done = subprocess.run(
        command, input=given, env=plane.environment, check=False, capture_output=True, text=True, cwd=ROOT
    )
    said = tuple(sentence for _, sentence in SAYING.findall(done.stderr))
    assert not done.returncode or said, done.stderr
    return Answer(not done.returncode, said)


def created(plane: ControlPlane, raw: Raw, namespace: str = USUAL) -> Answer:
    """What the API server answers to the creation of an object, without storing it; an AssertionError as above."""
    reply = would_create(plane.kubeconfig, raw, namespace)
    found = tuple(sentence for _, sentence in SAYING.findall("\n".join((*reply.warnings, *reply.reasons))))
    assert reply.accepted or found, reply
    return Answer(reply.accepted, found)


@dataclass(frozen=True)
class Gate:
    """A control plane with the shipped policies and without the operator, so that the facts are the test's."""

    plane: ControlPlane

    def namespace(self, name: str, labels: Raw, annotations: Raw | None = None) -> None:
        """Make one, or give it these labels and annotations instead of those it has."""
        metadata = {"name": name, "labels": labels, "annotations": annotations or {}}
        raw = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        self.plane.kubectl("apply", "--filename=-", input=json.dumps(raw))

    def has(self, inventory: InventoryStatus | None) -> None:
        """Let the inventory be this one, or absent; returns when the policies see it."""
        self._inventory(InventoryStatus())
        probe = endpoint(
            "probe", modelId="a/b", gpuCount=64
        )  # what no node has, once there is something to compare with
        self.plane.wait_for("no inventory to be seen", lambda: created(self.plane, probe) == LET_IN)
        if inventory is None:
            self.plane.kubectl("delete", "aiminventory", "cluster")
        elif inventory.classes:
            self._inventory(inventory)
            self.plane.wait_for("the inventory to be seen", lambda: created(self.plane, probe) != LET_IN)

    def _inventory(self, status: InventoryStatus) -> None:
        raw = {"apiVersion": API_VERSION, "kind": "AIMInventory", "metadata": {"name": "cluster"}}
        self.plane.kubectl("apply", "--filename=-", input=json.dumps(raw))
        patch = json.dumps([{"op": "add", "path": "/status", "value": prune(status.wire())}])
        self.plane.kubectl(
            "patch", "aiminventory", "cluster", "--subresource=status", "--type=json", f"--patch={patch}"
        )

    def allows(self, **data: str) -> None:
        """Let the parameters be these; returns when the policies see them."""
        marker = f"{secrets.token_hex(4)}.example"
        probe = endpoint("probe", modelId="a/b", image={"repository": "nobody.example/x"})
        self._parameters({"imagePrefixes": marker})
        self.plane.wait_for("a marker to be seen", lambda: marker in str(created(self.plane, probe).said))
        self._parameters(data)
        self.plane.wait_for("the parameters to be seen", lambda: marker not in str(created(self.plane, probe).said))

    def _parameters(self, data: dict[str, str]) -> None:
        patch = json.dumps([{"op": "add", "path": "/data", "value": data}])
        target = ("configmap", "aim-admission", "--namespace=aim-system")
        self.plane.kubectl("patch", *target, "--type=json", f"--patch={patch}")


@contextmanager
def gate() -> Iterator[Gate]:
    """Two namespaces, one of which enforces, the shipped policies with their parameters, and no inventory."""
    with control_plane() as plane:
        made = Gate(plane)
        for name, labels in ((USUAL, {}), (STRICT, ENFORCE), ("aim-system", {})):
            made.namespace(name, labels)
        shipped = [one for one in build(ROOT / "manifests" / "overlays" / "default") if _is_part(one)]
        plane.kubectl("apply", "--filename=-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": shipped}))
        # Policies are in force a moment after they were made. The shipped parameters refuse this one.
        root = endpoint("probe", modelId="a/b", security={"podSecurityContext": {"runAsUser": 0}})
        plane.wait_for("the policies to be in force", lambda: not created(plane, root).accepted)
        yield made


def _is_part(raw: Raw) -> bool:
    return raw["kind"] in KINDS or (raw["kind"], raw["metadata"]["name"]) == PARAMETERS
