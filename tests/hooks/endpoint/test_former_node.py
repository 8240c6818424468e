"""The node on which an endpoint that has stopped by itself rather starts again."""

import pytest

from hooks.endpoint.children.placement import PREFERRED, anywhere, preferred_node
from hooks.endpoint.history import template_id
from tests.cases import merged
from tests.playing import again, complete, play

HOOK = ("endpoint", "/endpoint/sync")
GATEWAY = {
    "models": [{"name": "Qwen/Qwen3-0.6B", "endpoints": [{"namespace": "team-a", "name": "chat", "weight": 100}]}]
}
WORLD = {
    "endpoint": {"spec": {"modelId": "Qwen/Qwen3-0.6B", "gpuCount": 0, "scaling": {"minReplicas": 0}}},
    "gateways": {"edge": {"status": GATEWAY}},
    "offers": ["ScaledObject.keda.sh/v1alpha1"],
    "recipes": ["qwen3-0-6b-cpu-bf16"],
    "inventory": "mi300x",
    "observed": "ready",
}


STARTED = {
    "p50Seconds": 9,
    "p90Seconds": 9,
    "count": 1,
    "parts": {"load": 9},
    "last": [{"pod": "d97d96ea", "readyAt": "2026-11-23T10:00:00Z", "parts": {"load": 9}}],
}


class Endpoint:
    """An endpoint whose syncs follow one another."""

    def __init__(self, **spec):
        self.world = merged(WORLD, {"endpoint": {"spec": spec}})
        self.play = complete(*HOOK, play(*HOOK, self.world), self.world)
        self.node = None

    def sync(self, replicas, running=None, node=None, **spec):
        """The Deployment after a sync that finds so many replicas requested and running, and the last start there."""
        self.node = node or self.node
        parent = self.play.request["parent"]
        parent["spec"] = merged(parent["spec"], {"replicas": replicas, **spec})
        if self.node:
            self.play.answer.said["status"]["startup"] = STARTED | {"node": self.node}
        counts = {"replicas": running, "readyReplicas": running} if running else {}
        for one in self.play.request["children"]["Deployment.apps/v1"].values():
            one["status"] = {"observedGeneration": 1, **counts}
        self.play = again(*HOOK, self.play, self.world)
        [made] = [one for one in self.play.answer.said["children"] if one["kind"] == "Deployment"]
        return made["spec"]["template"]


def test_the_node_of_the_last_start_is_preferred_once_there_is_no_replica_and_stays_so():
    endpoint = Endpoint()
    running = endpoint.sync(1, 1, "node-a")
    assert preferred_node(running) is None
    assert preferred_node(endpoint.sync(0, 1)) is None
    stopped = endpoint.sync(0)
    assert preferred_node(stopped) == "node-a"
    assert template_id(stopped, "chat") == template_id(running, "chat")
    assert anywhere(stopped) == running
    assert endpoint.sync(1) == stopped
    assert endpoint.sync(1, 1, "node-b") == stopped
    assert preferred_node(endpoint.sync(0)) == "node-a"
    assert preferred_node(endpoint.sync(0)) == "node-b"


def test_scaling_that_is_taken_away_replaces_no_replica():
    endpoint = Endpoint()
    endpoint.sync(1, 1, "node-a")
    endpoint.sync(0, 1)
    endpoint.sync(0)
    stopped = endpoint.sync(0)
    assert preferred_node(stopped) == "node-a"
    assert endpoint.sync(1, 1, scaling={"minReplicas": 1, "maxReplicas": 2}) == stopped


def test_one_that_is_stopped_by_hand_prefers_none():
    endpoint = Endpoint(scaling=None)
    endpoint.sync(1, 1, "node-a")
    endpoint.sync(0)
    assert preferred_node(endpoint.sync(0)) is None


AFFINITY = {"nodeAffinity": {PREFERRED: []}}


@pytest.mark.parametrize(
    ("affinity", "left"),
    [
        ({}, {}),
        (AFFINITY, None),
        ({**AFFINITY, "podAffinity": {}}, {"podAffinity": {}}),
        ({"nodeAffinity": {PREFERRED: [], "required": {}}}, {"nodeAffinity": {"required": {}}}),
    ],
    ids=str,
)
def test_a_template_without_its_node_has_nothing_empty_left(affinity, left):
    spec = {"containers": []}
    bare = spec if left is None else spec | {"affinity": left}
    assert anywhere({"spec": spec | {"affinity": affinity}}) == {"spec": bare}
