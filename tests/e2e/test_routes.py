"""Endpoints behind Gateways: the component gateway-api on the real control plane, with Gateway API's own CRDs.

No Gateway runs here: what its controller would write into the status of an HTTPRoute, the tests write.
"""

import json
import time

import pytest
import yaml

from tests.cluster import audit
from tests.e2e.access_table import WITH_GATEWAYS, row
from tests.e2e.optional_kinds import MODEL, ROUTE, gateway_component
from tests.e2e.space import endpoint
from tests.e2e.test_access import answers, differences, subject
from tests.e2e.test_installation import dry_run, golden_children
from tests.e2e.test_writes import settled
from tests.hooks.cli.commandline import aim

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def offered(cluster, installation):
    """The component, on a cluster with Gateway API."""
    with gateway_component(cluster, installation):
        yield


def gateway_reports(space, name, status="True", reason="Accepted", message=""):
    """Write what the controller of the Gateway reports of a route."""
    route = space.get("httproute", name)
    entry = {"lastTransitionTime": "2026-11-28T12:00:00Z", "observedGeneration": route["metadata"]["generation"]}
    conditions = [
        {"type": "Accepted", "status": status, "reason": reason, "message": message, **entry},
        {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs", "message": "", **entry},
    ]
    reference = {key: ROUTE["parentRefs"][0][key] for key in ("name", "namespace")}
    parent = {"parentRef": reference, "controllerName": "example.com/gateways", "conditions": conditions}
    change = json.dumps({"status": {"parents": [parent]}})
    space.kubectl("patch", f"httproute/{name}", "--subresource=status", "--type=merge", f"--patch={change}")


@pytest.mark.usefixtures("offered")
def test_an_endpoint_is_exposed_once_its_gateway_accepts_the_route(space):
    space.apply(endpoint("chat", modelId=MODEL, service={"route": ROUTE}))
    space.becomes("chat", "RoutePending", "RouteReady", "waiting for Gateway gateways/edge to accept the route")
    space.becomes("chat", "RoutePending")
    [rule] = space.get("httproute", "chat")["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/chat"}}]
    assert rule["backendRefs"] == [{"group": "", "kind": "Service", "name": "chat", "port": 8000, "weight": 1}]
    gateway_reports(space, "chat")
    space.ready("chat")
    status = space.get("aimendpoint", "chat")["status"]
    assert status["endpoints"]["external"] == "http://chat.example.com/chat/v1"


@pytest.mark.usefixtures("offered")
def test_a_route_that_the_gateway_refuses_is_reported_with_its_reason(space):
    space.apply(endpoint("refused", modelId=MODEL, service={"route": ROUTE}))
    space.becomes("refused", "RoutePending", "RouteReady", "to accept")
    gateway_reports(space, "refused", "False", "NotAllowedByListeners", "namespaces must be labelled")
    message = space.becomes(
        "refused", "NotAccepted", "RouteReady", "NotAllowedByListeners: namespaces must be labelled"
    )
    assert space.condition("refused")["message"] == message
    assert "external" not in space.get("aimendpoint", "refused")["status"]["endpoints"]


@pytest.mark.usefixtures("offered")
def test_every_route_of_every_golden_case_is_accepted(cluster):
    routes = golden_children({"HTTPRoute.gateway.networking.k8s.io/v1"})
    assert len(routes) > 5
    assert dry_run(cluster, routes) == len(routes)


@pytest.mark.usefixtures("offered")
def test_the_component_gives_metacontroller_the_rights_to_routes_and_no_others(space):
    wanted = row(WITH_GATEWAYS)
    found = answers(space.plane, subject("metacontroller", space.namespace), list(wanted), space.namespace)
    assert differences(found, wanted) == {}


@pytest.mark.usefixtures("offered")
def test_a_plan_for_this_cluster_has_the_route(space):
    file = yaml.safe_dump(endpoint("planned", modelId=MODEL, service={"route": ROUTE}))
    done = aim("plan", "--live", "-f", file, "--kubeconfig", space.plane.kubeconfig, "--namespace", space.namespace)
    assert done.exit_code == 0, done.stderr
    assert "gateway-api" not in done.stderr
    space.kubectl("apply", "--dry-run=server", "--filename=-", input=done.stdout)
    assert "HTTPRoute" in {child["kind"] for child in yaml.safe_load_all(done.stdout)}


@pytest.mark.usefixtures("offered")
def test_syncs_of_a_stored_route_write_nothing(space):
    routes = {
        "whole": {"parentRefs": [{"name": "edge"}]},
        "pathed": {**ROUTE, "timeout": "0s"},
        "many": {"parentRefs": [{"name": "a", "sectionName": "https"}, {"name": "b", "kind": "ListenerSet"}]},
    }
    space.apply(*(endpoint(name, modelId=MODEL, service={"route": route}) for name, route in routes.items()))
    for name in routes:
        space.becomes(name, "RoutePending", "RouteReady", "to accept")
    since = settled(space)
    for number in range(3):  # each brings a sync, and changes nothing that a child is made of
        for name in routes:
            space.kubectl("annotate", "--overwrite", f"aimendpoint/{name}", f"example.com/touched={number}")
        time.sleep(2)
    written = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    assert [write for write in written if write.namespace == space.namespace] == []
