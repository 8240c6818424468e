"""Gateways on the real control plane: from `kubectl apply` to a table and pods, and whose endpoints they route to."""

import json

import pytest

from aimlib.api import API_VERSION
from aimlib.gateway.routed import pods_service
from aimlib.gateway.table import ModelTable
from tests.cluster import audit
from tests.cluster.plane import ROOT
from tests.e2e.space import Space, endpoint
from tests.e2e.test_writes import settled

pytestmark = pytest.mark.e2e

MODEL, SMALL = "Qwen/Qwen3-32B", "Qwen/Qwen3-0.6B"
EXAMPLES = ROOT / "manifests" / "examples"


def gateway(name, **spec):
    """An AIMGateway without keys."""
    spec = {"clients": {"anonymous": True}, **spec}
    return {"apiVersion": API_VERSION, "kind": "AIMGateway", "metadata": {"name": name}, "spec": spec}


def status(space, name):
    return space.get("aimgateway", name).get("status", {})


def condition(space, name, kind="Ready"):
    return next((one for one in status(space, name).get("conditions", ()) if one["type"] == kind), {})


def becomes(space, name, reason, kind="Ready"):
    """Wait for a condition of a gateway to have a reason; its message."""
    space.wait(f"{name} to have {kind} {reason}", lambda: condition(space, name, kind).get("reason") == reason)
    return condition(space, name, kind)["message"]


def routed(space, name):
    """The targets by the name of the model, as the pods of a gateway read them."""
    found = space.get("configmap", f"{name}-routes")["data"]["table.json"]
    return {
        one.name: [target.name.removeprefix(f"{space.namespace}/") for target in one.targets]
        for one in ModelTable.model_validate_json(found).models
    }


@pytest.fixture
def neighbour(cluster, space):
    """Another namespace, which lets nobody in yet."""
    name = f"{space.namespace}-b"
    cluster.kubectl("create", "namespace", name)
    yield Space(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_a_gateway_routes_to_an_endpoint_by_its_names_and_its_pods_stay_as_the_table_changes(space):
    space.apply(gateway("models"), endpoint("chat", modelId=MODEL, routing={"names": ["chat"]}))
    becomes(space, "models", "Ready")
    space.ready("chat")
    space.wait("the names to be routed", lambda: routed(space, "models").keys() == {MODEL, "chat"})
    assert status(space, "models")["url"] == f"http://models.{space.namespace}.svc/v1"
    service = space.get("service", pods_service("chat"))
    assert service["spec"]["clusterIP"] == "None"
    pods = {one["metadata"]["uid"] for one in space.get("pods", "-laim.engine.amd.com/gateway=models")["items"]}
    space.apply(endpoint("small", modelId=SMALL))
    space.wait("the second model", lambda: routed(space, "models").get(SMALL) == ["small/a"])
    space.kubectl("delete", "aimendpoint", "chat")
    space.wait("the first to be gone", lambda: routed(space, "models").keys() == {SMALL})
    now = {one["metadata"]["uid"] for one in space.get("pods", "-laim.engine.amd.com/gateway=models")["items"]}
    assert now == pods
    space.patch("aimendpoint/small", {"spec": {"routing": {"enabled": False}}})
    space.wait("nothing to be routed", lambda: routed(space, "models") == {})


def test_a_namespace_is_routed_to_while_it_carries_the_label_and_never_otherwise(space, neighbour):
    neighbour.apply(endpoint("chat", modelId=MODEL, routing={"names": ["chat"]}))
    space.apply(gateway("models", namespaces=[neighbour.namespace, "nowhere"]))
    message = becomes(space, "models", "NamespaceNotAllowed", "RoutesReady")
    assert message.startswith(f"spec.namespaces lists {neighbour.namespace}, nowhere, which must be there")
    assert routed(space, "models") == {}
    target = [f"{neighbour.namespace}/chat/a"]
    space.plane.kubectl("label", "namespace", neighbour.namespace, "aim.engine.amd.com/models=use")
    space.wait("its models to be routed", lambda: routed(space, "models") == {MODEL: target, "chat": target})
    space.apply(endpoint("chat", modelId=SMALL, routing={"names": ["chat"]}))
    space.wait("its own to have the name", lambda: routed(space, "models").get("chat") == ["chat/a"])
    assert f"not to {neighbour.namespace}/chat" in becomes(space, "models", "NameTaken", "ModelsUnique")
    space.plane.kubectl("label", "namespace", neighbour.namespace, "aim.engine.amd.com/models-")
    space.wait("its models to be gone", lambda: routed(space, "models").keys() == {SMALL, "chat"})


def test_a_service_that_a_tenant_writes_is_not_routed_to(space):
    forged = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "internal",
            "labels": {"aim.engine.amd.com/routed": "true"},
            "annotations": {"aim.engine.amd.com/routing": json.dumps({"names": ["chat"]})},
        },
        "spec": {"type": "ExternalName", "externalName": "internal.example.com"},
    }
    space.apply(forged, gateway("models"))
    assert f"{space.namespace}/internal cannot be routed to" in becomes(space, "models", "RecordUnreadable")
    assert routed(space, "models") == {}


def test_two_syncs_of_a_gateway_write_nothing(space):
    space.apply(gateway("models"), endpoint("chat", modelId=MODEL))
    becomes(space, "models", "Ready")
    space.ready("chat")
    space.wait("the model to be routed", lambda: routed(space, "models") == {MODEL: ["chat/a"]})
    settled(space)
    since = audit.position(space.plane)
    space.kubectl("annotate", "aimgateway/models", "synced=again")
    space.kubectl("annotate", "aimgateway/models", "synced=twice", "--overwrite")
    settled(space)
    writes = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    assert [one for one in writes if one.namespace == space.namespace] == []


@pytest.mark.parametrize("example", ["gateway", "gateway-full"])
def test_the_example_applies(space, example):
    space.kubectl("apply", f"--filename={EXAMPLES / f'{example}.yaml'}")
    name = {"gateway": "models", "gateway-full": "models-full"}[example]
    space.wait("a table", lambda: f"configmap/{name}-routes" in space.names("configmaps"))
