"""Objects that belong to somebody else and have the name of a child."""

import pytest

from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "taken", "labels": {"app": "theirs"}},
    "spec": {"selector": {"app": "theirs"}, "ports": [{"name": "theirs", "port": 9999, "protocol": "TCP"}]},
}
PATIENCE = 60
"""Seconds until a missing child is news: twice the time that one may take, and as long again on a busy machine."""


def test_a_strangers_object_is_reported_left_alone_and_replaced_when_it_is_gone(space):
    space.apply(SERVICE)
    before = space.get("service", "taken")
    space.apply(endpoint("taken", modelId="Qwen/Qwen3-32B"))
    message = space.becomes("taken", "ChildMissing", seconds=PATIENCE)
    assert message.startswith("Service taken cannot be created: an object of that name may have another owner")
    assert space.get("aimendpoint", "taken")["status"]["phase"] == "Failed"
    assert space.names("deployments") == ["deployment.apps/taken"]
    assert space.get("service", "taken") == before
    space.kubectl("delete", "service", "taken")
    space.kubectl("annotate", "aimendpoint/taken", "example.com/look=now")  # sooner than it would by itself
    space.ready("taken")
    assert space.get("service", "taken")["spec"]["ports"][0]["port"] == 8000


def test_deleting_an_endpoint_leaves_a_strangers_object_alone(space):
    space.apply(SERVICE)
    before = space.get("service", "taken")
    space.apply(endpoint("taken", modelId="Qwen/Qwen3-32B"))
    space.wait("a deployment", lambda: bool(space.names("deployments")))
    space.kubectl("delete", "aimendpoint", "taken")
    space.wait("no deployment", lambda: not space.names("deployments"))
    assert space.get("service", "taken") == before


def test_a_change_that_the_api_server_refuses_is_reported_until_it_is_taken_back(space):
    space.apply(endpoint("refused", modelId="Qwen/Qwen3-32B"))
    space.ready("refused")
    forbidden = '{"spec": {"service": {"type": "NodePort", "nodePort": 80}}}'  # outside the range of node ports
    space.kubectl("patch", "aimendpoint/refused", "--type=merge", f"--patch={forbidden}")
    message = space.becomes("refused", "ChildRefused", seconds=PATIENCE)
    assert message.startswith("1 of 1 replicas serves; Service refused cannot be changed: the API server refuses it")
    assert space.get("aimendpoint", "refused")["status"]["phase"] == "Degraded"
    assert space.get("service", "refused")["spec"]["type"] == "ClusterIP"
    space.kubectl("patch", "aimendpoint/refused", "--type=merge", '--patch={"spec": {"service": {"nodePort": null}}}')
    space.ready("refused")
    assert space.get("service", "refused")["spec"]["type"] == "NodePort"
