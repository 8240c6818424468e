"""Children that cannot be written: somebody else's object has the name, or the API server refuses them."""

import json
import time

import pytest

from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "taken", "labels": {"app": "theirs"}},
    "spec": {"selector": {"app": "theirs"}, "ports": [{"name": "theirs", "port": 9999, "protocol": "TCP"}]},
}
QUIET = 15
"""Seconds in which an endpoint with a missing child is synced once more at least."""
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


def test_a_child_that_a_quota_forbids_is_reported_in_the_words_of_the_api_server_and_then_is_quiet(space):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
    space.apply({**quota, "spec": {"hard": {"services": "0"}}})
    counted = json.dumps({"status": {"hard": {"services": "0"}, "used": {"services": "0"}}})
    # As the controller of quotas does, of which there is none here.
    space.kubectl("patch", "resourcequota", "none", "--subresource=status", "--type=merge", f"--patch={counted}")
    space.apply(endpoint("limited", modelId="Qwen/Qwen3-32B"))
    message = space.becomes("limited", "ChildMissing", seconds=PATIENCE)
    words = "exceeded quota: none, requested: services=1, used: services=0, limited: services=0"
    assert message == f"Service limited cannot be created: {words}"
    told = space.get("aimendpoint", "limited")
    assert told["status"]["phase"] == "Failed"
    space.kubectl("delete", "events", "--all")  # as they are after an hour: what was told stays
    time.sleep(QUIET)
    again = space.get("aimendpoint", "limited")
    assert again["status"] == told["status"]
    space.kubectl("delete", "resourcequota", "none")
    space.kubectl("annotate", "aimendpoint/limited", "example.com/look=now")
    space.ready("limited")


def test_a_change_that_the_api_server_refuses_is_reported_until_it_is_taken_back(space):
    space.apply(endpoint("refused", modelId="Qwen/Qwen3-32B"))
    space.ready("refused")
    forbidden = '{"spec": {"service": {"type": "NodePort", "nodePort": 80}}}'  # outside the range of node ports
    space.kubectl("patch", "aimendpoint/refused", "--type=merge", f"--patch={forbidden}")
    message = space.becomes("refused", "ChildRefused", seconds=PATIENCE)
    assert message.startswith(
        "1 of 1 replicas serves; Service refused cannot be changed: spec.ports[0].nodePort: Invalid"
    )
    assert space.get("aimendpoint", "refused")["status"]["phase"] == "Degraded"
    assert space.get("service", "refused")["spec"]["type"] == "ClusterIP"
    space.kubectl("patch", "aimendpoint/refused", "--type=merge", '--patch={"spec": {"service": {"nodePort": null}}}')
    space.ready("refused")
    assert space.get("service", "refused")["spec"]["type"] == "NodePort"
