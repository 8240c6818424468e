"""What the installed operator writes, measured at the API server: it holds for whichever Metacontroller runs."""

import time
from collections import Counter

import pytest

from tests.cluster import audit
from tests.cluster.told import says, statuses, told

pytestmark = pytest.mark.e2e

ENDPOINT = """
apiVersion: aim.engine.amd.com/v1alpha1
kind: AIMEndpoint
metadata: {name: measured}
spec:
  modelId: Qwen/Qwen3-32B
  cache: {enabled: true, size: 80Gi}
"""


@pytest.fixture
def measured(cluster):
    """The name of an endpoint that is not there yet, and not afterwards."""
    yield "measured"
    cluster.kubectl("delete", "aimendpoint", "measured", "--ignore-not-found")
    names = "deployments,services,persistentvolumeclaims"
    cluster.wait_for("its children to go", lambda: "measured" not in cluster.kubectl("get", names, "--output=name"), 60)


def by_metacontroller(cluster, since):
    return audit.writes(cluster, since=since, user=audit.METACONTROLLER)


def test_an_endpoint_costs_six_writes_and_is_quiet_afterwards(cluster, measured, tmp_path):
    """Its status tells nothing twice: on a machine that is slow there is more to tell until it is ready."""
    before = audit.position(cluster)
    with told(cluster, "default", measured, tmp_path / "told"):
        cluster.kubectl("apply", "--filename=-", input=ENDPOINT)
        cluster.kubectl("wait", "--for=condition=Ready", f"aimendpoint/{measured}", "--timeout=120s")
        time.sleep(2)
    made = Counter((write.verb, write.resource) for write in by_metacontroller(cluster, before) if write.code < 300)
    written = made.pop(("update", "aimendpoints/status"))
    assert made == {
        ("create", "services"): 2,
        ("create", "deployments"): 1,
        ("create", "persistentvolumeclaims"): 1,
    }
    seen = [says(one) for one in statuses(tmp_path / "told")[1:]]
    assert 2 <= written == len(seen) == len({*seen}) <= 4, seen

    settled = audit.position(cluster)
    time.sleep(20)  # longer than the interval of the nodes' heartbeats
    everybody = audit.writes(cluster, since=settled)
    assert "nodes/status" in {write.resource for write in everybody}
    assert by_metacontroller(cluster, settled) == []


def test_metacontroller_is_refused_nothing_under_its_shipped_role(cluster):
    refused = [write for write in by_metacontroller(cluster, 0) if write.code in {401, 403}]
    assert refused == []
