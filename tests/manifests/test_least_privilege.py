"""What Metacontroller may do: what its controllers in metacontroller/ need, no less and no more."""

from collections import defaultdict
from typing import Any

from tests.kustomize import ROOT, build, only

OURS = "aim.engine.amd.com"
READ = {"get", "list", "watch"}
# What Metacontroller needs for itself, whatever it is told.
ITSELF = {
    ("metacontroller.k8s.io", "compositecontrollers"): READ,
    ("metacontroller.k8s.io", "decoratorcontrollers"): READ,
    ("metacontroller.k8s.io", "controllerrevisions"): READ,
    ("apiextensions.k8s.io", "customresourcedefinitions"): READ,
    ("", "namespaces"): READ,
    ("", "events"): {"create", "patch"},
}
# What hooks ask to see of kinds that are neither parents nor children.
RELATED = {("storage.k8s.io", "storageclasses"): READ}
# What the Role of a cache grants to its Jobs, and Metacontroller must therefore hold (RBAC's rule against escalation).
PASSED_ON = {("", "configmaps"): {"get", "patch"}, (OURS, "aimcaches"): {"get"}}
WRITE = {"create", "update", "delete"}
# A method of updating needs these on top of reading.
BY_STRATEGY = {"InPlace": WRITE, "OnDelete": WRITE - {"update"}}


def resource(entry: dict[str, Any], subresource: str = "") -> tuple[str, str]:
    group, _, _ = entry["apiVersion"].rpartition("/")
    return group, entry["resource"] + subresource


def needed(controllers: list[dict[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """Verbs by group and resource, computed from the controllers."""
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for known in (ITSELF, RELATED, PASSED_ON):
        for key, value in known.items():
            verbs[key] |= value
    for controller in controllers:
        spec = controller["spec"]
        decorates = controller["kind"] == "DecoratorController"
        children = spec.get("attachments", []) if decorates else spec.get("childResources", [])
        for parent in spec["resources"] if decorates else [spec["parentResource"]]:
            verbs[resource(parent)] |= READ
            if resource(parent)[0] == OURS:
                verbs[resource(parent, "/status")] |= {"update"}
                # A decorator also writes labels; a parent of another group, such as a Node, is never written.
                verbs[resource(parent)] |= {"update"} if decorates else set()
            if children:
                verbs[resource(parent, "/finalizers")] |= {"update"}
        for child in children:
            verbs[resource(child)] |= READ | BY_STRATEGY[child["updateStrategy"]["method"]]
    return dict(verbs)


def granted(role: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for name in rule["resources"]:
                assert not verbs[group, name], f"{name} stands in two rules"
                verbs[group, name] |= set(rule["verbs"])
    return dict(verbs)


def test_the_role_covers_the_controllers_exactly(metacontroller: list[dict[str, Any]]):
    role = only(metacontroller, "ClusterRole")
    controllers = [item for item in build(ROOT / "metacontroller") if item["kind"].endswith("Controller")]
    assert len(controllers) == 7
    assert granted(role) == needed(controllers)


def test_the_role_is_the_one_bound_to_metacontroller(metacontroller: list[dict[str, Any]]):
    [role] = [item for item in metacontroller if item["kind"] == "ClusterRole"]
    [binding] = [item for item in metacontroller if item["kind"] == "ClusterRoleBinding"]
    [pods] = [item["spec"]["template"]["spec"] for item in metacontroller if item["kind"] == "StatefulSet"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == [pods["serviceAccountName"]]


def test_replicas_elect_a_leader_and_may_hold_its_lease(metacontroller: list[dict[str, Any]]):
    [workload] = [item for item in metacontroller if item["kind"] == "StatefulSet"]
    [leases] = [item for item in metacontroller if item["kind"] == "Role"]
    [container] = workload["spec"]["template"]["spec"]["containers"]
    assert workload["spec"]["replicas"] > 1
    assert "--leader-election=true" in container["args"]
    assert granted(leases) == {("coordination.k8s.io", "leases"): {"get", "create", "update"}}
    assert leases["metadata"]["namespace"] == workload["metadata"]["namespace"]


def test_metacontroller_is_tuned_and_keeps_what_is_published(metacontroller: list[dict[str, Any]]):
    [workload] = [item for item in metacontroller if item["kind"] == "StatefulSet"]
    [container] = workload["spec"]["template"]["spec"]["containers"]
    assert {"--client-go-qps=100", "--client-go-burst=200", "--workers=20"} <= set(container["args"])
    assert container["command"] == ["/usr/bin/metacontroller"]
    assert container["image"] == "ghcr.io/metacontroller/metacontroller:v4.17.2"
