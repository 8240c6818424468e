"""What the installed operator writes, measured at the API server: it holds for whichever Metacontroller runs."""

import time

import pytest

from tests.cluster import audit

pytestmark = pytest.mark.e2e

ENDPOINT = """
apiVersion: aim.engine.amd.com/v1alpha1
kind: AIMEndpoint
metadata: {name: measured}
spec:
  modelId: Qwen/Qwen3-32B
  cache: {enabled: true, size: 80Gi}
"""


def by_metacontroller(cluster, since):
    return audit.writes(cluster, since=since, user=audit.METACONTROLLER)


def test_an_endpoint_costs_six_writes_and_is_quiet_afterwards(cluster):
    before = audit.position(cluster)
    cluster.kubectl("apply", "--filename=-", input=ENDPOINT)
    cluster.kubectl("wait", "--for=condition=Ready", "aimendpoint/measured", "--timeout=60s")
    time.sleep(2)
    made = by_metacontroller(cluster, before)
    children = {write.resource for write in made if write.verb == "create"}
    assert {"deployments", "services", "persistentvolumeclaims"} <= children
    assert len(made) <= 6, made  # two Services, Deployment, claim, and the status twice

    settled = audit.position(cluster)
    time.sleep(20)  # longer than the interval of the nodes' heartbeats
    everybody = audit.writes(cluster, since=settled)
    assert "nodes/status" in {write.resource for write in everybody}
    assert by_metacontroller(cluster, settled) == []

    cluster.kubectl("delete", "aimendpoint", "measured")
    names = "deployments,services,persistentvolumeclaims"
    cluster.wait_for("its children to go", lambda: "measured" not in cluster.kubectl("get", names, "--output=name"), 30)


def test_metacontroller_is_refused_nothing_under_its_shipped_role(cluster):
    refused = [write for write in by_metacontroller(cluster, 0) if write.code in {401, 403}]
    assert refused == []
