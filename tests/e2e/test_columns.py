"""What `kubectl get` prints of objects that no hook has looked at: a control plane without Metacontroller."""

import json

import pytest

from aimlib.api import API_VERSION
from tests.cluster.controlplane import control_plane
from tests.e2e.space import UNSEEN, Space, endpoint, recipe

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def alone():
    """A namespace whose objects nobody syncs."""
    with control_plane() as plane:
        yield Space(plane, "default")


def test_the_phase_of_what_nobody_has_looked_at_is_pending(alone):
    cache = {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": "models"}, "spec": {"size": "10Gi"}}
    alone.apply(endpoint("new", modelId="Qwen/Qwen3-32B"), recipe("new", modelId="a/b"), cache)
    for kind in ("aimendpoint", "aimrecipe", "aimcache"):
        assert "Pending" in alone.kubectl("get", kind).split()
        [found] = alone.get(kind)["items"]
        assert found["status"] == UNSEEN
    titles = alone.kubectl("get", "aimendpoint").splitlines()[0].split()
    assert titles == ["NAME", "MODEL", "HARDWARE", "GPUS", "PHASE", "READY", "AGE"]


def test_a_status_that_is_written_replaces_the_default(alone):
    alone.apply(endpoint("written", modelId="Qwen/Qwen3-32B"))
    patch = json.dumps({"status": {"phase": "Degraded", "message": "2 of 3 replicas serve; the third: no node"}})
    alone.kubectl("patch", "aimendpoint", "written", "--subresource=status", "--type=merge", f"--patch={patch}")
    assert alone.get("aimendpoint", "written")["status"]["phase"] == "Degraded"
    titles = alone.kubectl("get", "aimendpoint", "written", "--output=wide").splitlines()[0].split()
    assert titles[-2:] == ["URL", "MESSAGE"]
