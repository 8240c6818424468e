"""The audit policy that ships, in a real API server: what it records of whom, and what it leaves out."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.jobs.certificates.clients import CLIENTS, TOKEN_ANNOTATION
from hooks.observability import audit_entry
from tests.cluster import binaries, credentials
from tests.cluster.components import start_api_server
from tests.cluster.controlplane import CUSTOM_RESOURCES
from tests.cluster.plane import ROOT, ControlPlane
from tests.cluster.processes import free_ports
from tests.kustomize import of_kind
from tests.manifests.test_least_privilege import granted

POLICY = ROOT / "manifests" / "components" / "audit" / "policy.yaml"
OURS = "aim.engine.amd.com"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
METACONTROLLER = "system:serviceaccount:metacontroller:metacontroller"
ENDPOINT = {
    "apiVersion": f"{OURS}/v1alpha1",
    "kind": "AIMEndpoint",
    "metadata": {"name": "chat", "namespace": "default"},
    "spec": {"modelId": "Qwen/Qwen3-32B"},
}


def rules() -> list[dict[str, Any]]:
    return yaml.safe_load(POLICY.read_text())["rules"]


class Recorded:
    """An API server with the policy, and what it has recorded."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.marks = 0
        self.seen = 0

    def since(self) -> list[dict[str, Any]]:
        """The events since the last time, in order. A mark is written, and waited for, so that none is missed."""
        self.marks += 1
        name = f"mark-{self.marks}"
        self.plane.kubectl("create", "configmap", name)
        self.plane.wait_for("the mark in the audit log", lambda: f'"name":"{name}"' in self.plane.audit_log.read_text())
        lines = self.plane.audit_log.read_text().splitlines()
        events = [json.loads(line) for line in lines[self.seen :]]
        self.seen = len(lines)
        return [one for one in events if not one["objectRef"].get("name", "").startswith("mark-")]

    def of(self, resource: str, subresource: str = "") -> list[dict[str, Any]]:
        """Those about one resource."""
        return [
            one
            for one in self.since()
            if (one["objectRef"]["resource"], one["objectRef"].get("subresource", "")) == (resource, subresource)
        ]


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    programs = binaries.ensure()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aim-audit-", ignore_cleanup_errors=True)))
        (folder / "logs").mkdir()
        secure, client, peer = free_ports(3)
        made = credentials.create(folder / "credentials")
        processes = stack.enter_context(ExitStack())
        plane = ControlPlane(folder, programs, f"https://127.0.0.1:{secure}", made, processes)
        made.kubeconfig("admin", plane.server)
        start_api_server(plane, secure, f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}", POLICY)
        plane.apply(*CUSTOM_RESOURCES)
        plane.kubectl("create", "namespace", "metacontroller")
        plane.kubectl("create", "serviceaccount", "metacontroller", "--namespace=metacontroller")
        binding = ("clusterrolebinding", "metacontroller", "--clusterrole=cluster-admin")
        plane.kubectl("create", *binding, "--serviceaccount=metacontroller:metacontroller")
        found = Recorded(plane)
        found.since()
        yield found


@pytest.fixture
def as_metacontroller(recorded):
    token = recorded.plane.kubectl("create", "token", "metacontroller", "--namespace=metacontroller").strip()
    config = recorded.plane.credentials.kubeconfig("metacontroller", recorded.plane.server, token)

    def kubectl(*arguments: str, **more: str) -> str:
        return recorded.plane.kubectl(f"--kubeconfig={config}", *arguments, **more)

    return kubectl


@pytest.fixture
def endpoint(recorded):
    recorded.plane.kubectl("apply", "--filename=-", input=json.dumps(ENDPOINT))
    recorded.since()
    yield
    recorded.plane.kubectl("delete", "aimendpoint", "chat", "--ignore-not-found")
    recorded.since()


@pytest.mark.e2e
def test_what_people_change_is_recorded_whole_and_can_be_joined_with_the_operators_own_record(recorded):
    plane = recorded.plane
    plane.kubectl("apply", "--filename=-", input=json.dumps(ENDPOINT))
    found = plane.get("aimendpoint", "chat")
    [made, *looked] = [one for one in recorded.of("aimendpoints") if one["verb"] != "get"]
    assert (looked, made["level"], made["user"]["username"], made["verb"]) == ([], "RequestResponse", "admin", "create")
    assert made["requestObject"]["spec"]["modelId"] == ENDPOINT["spec"]["modelId"]
    names = {key: made["responseObject"]["metadata"][key] for key in ("uid", "resourceVersion", "generation")}
    assert names == {key: found["metadata"][key] for key in names}
    assert "managedFields" not in made["responseObject"]["metadata"]
    who = audit_entry.last_writer(plane.get("aimendpoint", "chat", "--show-managed-fields")["metadata"])
    assert (who["fieldManager"], made["userAgent"].partition("/")[0]) == ("kubectl-client-side-apply", "kubectl")
    plane.kubectl("delete", "aimendpoint", "chat")
    gone = [one["level"] for one in recorded.of("aimendpoints") if one["verb"] == "delete"]
    assert gone == ["RequestResponse"]


@pytest.mark.e2e
@pytest.mark.usefixtures("endpoint")
def test_a_read_is_recorded_with_its_user_and_without_the_response(recorded):
    recorded.plane.kubectl("get", "aimendpoint", "chat")
    [one] = recorded.of("aimendpoints")
    assert (one["verb"], one["level"]) == ("get", "Metadata")
    assert not {"requestObject", "responseObject"} & one.keys()


@pytest.mark.e2e
@pytest.mark.usefixtures("endpoint")
def test_what_the_controller_reads_and_reports_is_no_noise(recorded, as_metacontroller):
    recorded.since()
    as_metacontroller("get", "aimendpoints,deployments,configmaps,aimrecipes", "--all-namespaces")
    status = '{"status": {"phase": "Pending"}}'
    as_metacontroller("patch", "aimendpoint", "chat", "--subresource=status", "--type=merge", f"--patch={status}")
    assert [one for one in recorded.since() if one["user"]["username"] == METACONTROLLER] == []


@pytest.mark.e2e
@pytest.mark.usefixtures("endpoint")
def test_a_status_that_anybody_else_writes_is_recorded(recorded):
    status = '{"status": {"phase": "Ready"}}'
    recorded.plane.kubectl("patch", "aimendpoint", "chat", "--subresource=status", "--type=merge", f"--patch={status}")
    found = [one for one in recorded.of("aimendpoints", "status") if one["verb"] != "get"]
    assert [(one["level"], one["verb"], one["user"]["username"]) for one in found] == [
        ("RequestResponse", "patch", "admin")
    ]


@pytest.mark.e2e
def test_a_secret_is_recorded_without_its_content_for_every_user(recorded, as_metacontroller):
    word = "open-sesame-4711"
    recorded.plane.kubectl("create", "secret", "generic", "door", f"--from-literal=token={word}")
    as_metacontroller("get", "secret", "door")
    found = recorded.of("secrets")
    assert [(one["verb"], one["level"], one["user"]["username"]) for one in found] == [
        ("create", "Metadata", "admin"),
        ("get", "Metadata", METACONTROLLER),
    ]
    assert word not in recorded.plane.audit_log.read_text()


@pytest.mark.e2e
def test_a_child_is_recorded_by_its_name_alone(recorded, as_metacontroller):
    as_metacontroller("create", "deployment", "chat", "--image=busybox:a-content-of-its-own")
    recorded.plane.kubectl("get", "deployment", "chat")
    [one] = recorded.of("deployments")
    assert (one["verb"], one["level"], one["user"]["username"]) == ("create", "Metadata", METACONTROLLER)
    assert "a-content-of-its-own" not in recorded.plane.audit_log.read_text()


@pytest.mark.e2e
def test_a_change_of_the_operator_itself_is_recorded_whole(recorded):
    recorded.plane.kubectl("create", "clusterrole", "aim-x", "--verb=get", "--resource=pods")
    [one] = recorded.of("clusterroles")
    assert (one["level"], one["requestObject"]["kind"]) == ("RequestResponse", "ClusterRole")


@pytest.mark.e2e
def test_a_change_of_a_controller_is_recorded_without_its_token(recorded):
    controller = yaml.safe_load((ROOT / "metacontroller" / "endpoint.yaml").read_text())
    controller["metadata"]["annotations"] = {TOKEN_ANNOTATION: "a-token-of-its-own"}
    recorded.plane.kubectl("create", "--filename=-", input=json.dumps(controller))
    recorded.plane.kubectl("annotate", "compositecontroller/aimendpoint", "a=b")
    assert {(one["verb"], one["level"]) for one in recorded.of("compositecontrollers") if one["verb"] != "get"} == {
        ("create", "Metadata"),
        ("patch", "Metadata"),
    }
    assert "a-token-of-its-own" not in recorded.plane.audit_log.read_text()


WITH_TOKENS = {
    ("metacontroller.k8s.io", "compositecontrollers"),
    ("metacontroller.k8s.io", "decoratorcontrollers"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
}
"""What is recorded by name, since the tokens of callers stand in it."""


def listed(level: str) -> set[tuple[str, str]]:
    """Groups and resources of the rules of a level that are about writes."""
    return {
        (one["group"], resource)
        for rule in rules()
        if rule["level"] == level and set(rule.get("verbs", ())) == WRITES
        for one in rule["resources"]
        for resource in one.get("resources", ["*"])
    }


def test_every_kind_that_the_operator_writes_is_in_the_policy():
    role = yaml.safe_load((ROOT / "manifests/components/metacontroller-rbac/clusterrole.yaml").read_text())
    written = {key for key, verbs in granted(role).items() if verbs & {"create", "delete"}}
    children = {key for key in written if key[0] != OURS} - {("", "events"), ("coordination.k8s.io", "leases")}
    assert children == listed("Metadata") - WITH_TOKENS
    assert {(target.path.group, target.path.plural) for target in CLIENTS} == WITH_TOKENS
    assert (OURS, "*") in listed("RequestResponse")


def test_the_accounts_whose_reads_are_left_out_exist(installed, metacontroller):
    accounts = {
        f"system:serviceaccount:{one['metadata']['namespace']}:{one['metadata']['name']}"
        for one in of_kind([*metacontroller, *installed], "ServiceAccount")
    }
    named = {user for rule in rules() for user in rule.get("users", ()) if user.startswith("system:serviceaccount:")}
    assert named == accounts
