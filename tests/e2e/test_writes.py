"""How much is written: little until an endpoint is ready, and nothing afterwards."""

import time
from collections import Counter
from http import HTTPStatus

import pytest

from tests.cluster import audit
from tests.cluster.told import says, statuses, told
from tests.e2e import caches
from tests.e2e.hookserver import calls
from tests.e2e.space import SECONDS, endpoint

pytestmark = pytest.mark.e2e

QUIET_SECONDS = 60
HEARTBEAT = "3s"
MOST_TOLD = 4
"""Statuses until an endpoint is ready: two, and more on a machine that is slow, as there is more to tell."""


def settled(space):
    """Wait until Metacontroller has written nothing for three seconds; the log's position then."""
    deadline = time.monotonic() + SECONDS
    position = audit.position(space.plane)
    while True:
        time.sleep(3)
        later = audit.position(space.plane)
        if not audit.writes(space.plane, since=position, user=audit.METACONTROLLER):
            return later
        assert time.monotonic() < deadline, f"still writing after {SECONDS} s"
        position = later


def versions(space):
    """The resource version of what Metacontroller and the hooks could write, cluster-wide and in this namespace."""
    children = "deployments,services,persistentvolumeclaims,configmaps,serviceaccounts,poddisruptionbudgets"
    children += ",jobs,cronjobs,roles,rolebindings"
    found = space.plane.get("aimrecipes,aimnodes,aiminventories")["items"]
    found += space.get(f"aimendpoints,aimcaches,{children}")["items"]
    return {(one["kind"], one["metadata"]["name"]): one["metadata"]["resourceVersion"] for one in found}


def test_an_endpoint_with_four_children_costs_a_write_each_and_one_for_what_its_status_tells(space, tmp_path):
    since = settled(space)
    with told(space.plane, space.namespace, "cheap", tmp_path / "told"):
        space.apply(endpoint("cheap", modelId="Qwen/Qwen3-32B", cache={"enabled": True}))
        space.ready("cheap")
        settled(space)
    asked = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    made = Counter(
        (one.verb, one.resource)
        for one in asked
        if one.namespace == space.namespace and one.code < HTTPStatus.BAD_REQUEST
    )
    written = made.pop(("update", "aimendpoints/status"))
    single = {("create", "deployments"): 1, ("create", "persistentvolumeclaims"): 1}
    assert made == {("create", "services"): 2, **single}  # one of the Services is for gateways
    seen = [says(one) for one in statuses(tmp_path / "told")[1:]]
    assert 2 <= written == len(seen) == len({*seen}) <= MOST_TOLD, seen


def test_a_minute_with_heartbeats_is_silent(space, installation, request, hub):
    plane = space.plane
    nodes = plane.kubectl("get", "nodes", "--output=name").split()
    plane.kubectl("annotate", "--overwrite", *nodes, f"simulation/heartbeat={HEARTBEAT}")
    request.addfinalizer(lambda: plane.kubectl("annotate", *nodes, "simulation/heartbeat-"))
    space.apply(
        endpoint("plain", modelId="Qwen/Qwen3-32B"),
        endpoint("cached", modelId="microsoft/phi-4", cache={"enabled": True}, replicas=2),
        endpoint("watched", modelId="Qwen/Qwen3-32B", monitoring={"enabled": True, "grafana": {"enabled": True}}),
        endpoint("hopeless", modelId="deepseek-ai/DeepSeek-R1-0528", gpuCount=1),
        caches.cache("models", hub, caches.SMALL, cleanup={"enabled": True, "maxAge": "0s"}),
        endpoint("shared", modelId=caches.SMALL, cache={"name": "models"}),
    )
    space.ready("plain", "cached", "watched", "shared")
    space.becomes("hopeless", "NothingFits")
    since = settled(space)
    before, beats = versions(space), calls(installation, "/node/sync")
    time.sleep(QUIET_SECONDS)
    everything = audit.writes(plane, since=since)
    assert [write for write in everything if write.user == audit.METACONTROLLER] == []
    assert versions(space) == before
    # The minute was no idle one: each node has reported many times, and its hook was asked about it.
    reported = Counter(write.name for write in everything if write.resource == "nodes/status")
    assert len(reported) == len(nodes)
    assert min(reported.values()) >= QUIET_SECONDS / 3 / 3, reported
    assert calls(installation, "/node/sync") - beats >= len(nodes)
