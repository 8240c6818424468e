"""A field that needs a kind which this cluster's controllers do not declare, and a component that is taken away."""

import pytest

from tests.cluster import operator
from tests.cluster.plane import KubectlError
from tests.e2e.optional_kinds import MODEL, ROUTE, gateway_component
from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e


def test_without_the_component_the_status_names_it_and_the_rest_is_served(space):
    space.apply(endpoint("plain", modelId=MODEL, service={"route": ROUTE}))
    message = space.becomes("plain", "ComponentMissing", "RouteReady")
    assert message == (
        "service.route has no effect: HTTPRoute is managed once the kustomize component gateway-api is installed"
    )
    status = space.get("aimendpoint", "plain")["status"]
    assert message in status["warnings"]
    space.wait("plain to serve", lambda: space.condition("plain", "Available").get("status") == "True")
    assert "deployment.apps/plain" in space.children()


def test_without_the_component_nothing_scales_on_load_and_the_status_says_what_does(space):
    scaling = {"maxReplicas": 3, "targetRequests": 8}
    space.apply(endpoint("chat", modelId=MODEL, monitoring={"enabled": True}, scaling=scaling))
    space.ready("chat")
    assert not any("horizontalpodautoscaler" in name for name in space.children())
    [warning, *_] = space.get("aimendpoint", "chat")["status"]["warnings"]
    assert "nothing scales this endpoint" in warning
    assert "the kustomize component keda" in warning


def test_a_gateway_that_is_named_twice_is_refused(space):
    twice = {"parentRefs": [{"name": "edge", "sectionName": "http"}, {"name": "edge", "sectionName": "https"}]}
    with pytest.raises(KubectlError, match="parentRefs must differ in name"):
        space.apply(endpoint("twice", modelId=MODEL, service={"route": twice}))


def test_a_component_that_is_taken_away_leaves_what_is_served_and_its_routes(space, cluster, installation):
    space.apply(endpoint("kept", modelId=MODEL, service={"route": ROUTE}))
    space.becomes("kept", "ComponentMissing", "RouteReady")
    uid = space.deployment("kept")["metadata"]["uid"]
    with gateway_component(cluster, installation):
        space.becomes("kept", "RoutePending", "RouteReady", "to accept")
        route = space.get("httproute", "kept")["metadata"]["uid"]
        from_default(cluster, installation)
        space.becomes("kept", "ComponentMissing", "RouteReady")
        assert space.get("httproute", "kept")["metadata"]["uid"] == route
    assert space.deployment("kept")["metadata"]["uid"] == uid


def from_default(cluster, installation):
    """Apply the installation without components, as whoever takes one away does."""
    operator.apply(cluster, operator.OVERLAY, installation.urls)
