"""Requests that follow what is used: the component vpa on the real control plane, with the kind's own CRDs.

None of its programs runs here: tests/dataplane/test_vertical.py has them.
"""

import time

import pytest

from tests.cluster import audit
from tests.e2e.access_table import WITH_VERTICAL, row
from tests.e2e.optional_kinds import MODEL, vertical_component
from tests.e2e.space import endpoint
from tests.e2e.test_access import answers, differences, subject
from tests.e2e.test_installation import dry_run, golden_children
from tests.e2e.test_writes import settled

pytestmark = pytest.mark.e2e

FOLLOWS = {"vertical": {"mode": "InPlace", "cpu": {"min": "2", "max": "16"}, "memory": {"max": "96Gi"}}}


@pytest.fixture(scope="module")
def offered(cluster, installation):
    """The component, on a cluster with the kind."""
    with vertical_component(cluster, installation):
        yield


@pytest.mark.usefixtures("offered")
def test_it_comes_and_goes_with_the_field_and_restarts_nothing(space):
    space.apply(endpoint("chat", modelId=MODEL, scaling=FOLLOWS))
    space.ready("chat")
    template = space.deployment("chat")["spec"]["template"]
    spec = space.get("verticalpodautoscaler", "chat")["spec"]
    assert spec["targetRef"] == {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint", "name": "chat"}
    assert spec["updatePolicy"]["updateMode"] == "InPlace"
    assert "warnings" not in space.get("aimendpoint", "chat")["status"]
    space.apply(endpoint("chat", modelId=MODEL))
    space.wait("it to go", lambda: "verticalpodautoscaler.autoscaling.k8s.io/chat" not in children(space))
    assert space.deployment("chat")["spec"]["template"] == template


def children(space):
    return space.kubectl("get", "verticalpodautoscalers", "--output=name").split()


@pytest.mark.usefixtures("offered")
def test_every_one_of_every_golden_case_is_accepted(cluster):
    found = golden_children({"VerticalPodAutoscaler.autoscaling.k8s.io/v1"})
    assert len(found) > 1
    assert dry_run(cluster, found) == len(found)


@pytest.mark.usefixtures("offered")
def test_the_component_gives_metacontroller_the_rights_to_them_and_no_others(space):
    wanted = row(WITH_VERTICAL)
    found = answers(space.plane, subject("metacontroller", space.namespace), list(wanted), space.namespace)
    assert differences(found, wanted) == {}


@pytest.mark.usefixtures("offered")
def test_syncs_of_a_stored_one_write_nothing(space):
    space.apply(
        endpoint("whole", modelId=MODEL, scaling=FOLLOWS),
        endpoint("bare", modelId=MODEL, scaling={"vertical": {"mode": "Initial"}}),
    )
    for name in ("whole", "bare"):
        space.ready(name)
    since = settled(space)
    for number in range(3):  # each brings a sync, and changes nothing that a child is made of
        for name in ("whole", "bare"):
            space.kubectl("annotate", "--overwrite", f"aimendpoint/{name}", f"example.com/touched={number}")
        time.sleep(2)
    written = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    assert [write for write in written if write.namespace == space.namespace] == []
