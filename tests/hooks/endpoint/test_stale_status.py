"""An endpoint whose choice has moved stays where it went, although Metacontroller may send a status from before."""

import json
from copy import deepcopy
from datetime import timedelta
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlib.canary.step import ENDED
from aimlib.kube.server_kinds import LEADER_WORKER_SET, is_server, pods_template
from tests.cases import Case
from tests.controllers import groups
from tests.files import TESTDATA
from tests.playing import call, first, ready, stored
from tests.world import NOON, instant

LATEST = 2
"""So many statuses ago may be the one that is sent."""
OFFERS = ["ResourceClaimTemplate.resource.k8s.io/v1", LEADER_WORKER_SET]
STARTING = {"status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1}}
NO_DEVICES = "0/5 nodes are available: 3 Insufficient amd.com/gpu, 2 cannot allocate all claims."
NO_NODE = "0/5 nodes are available: 5 node(s) didn't match Pod's node affinity/selector."
MI300X, MI325X, POOL, PARTITION = "74a1", "74a5", "eks.amazonaws.com/nodegroup", "amdgpu-partition"
"""What pods on these have in their template, or in that of their claims."""
QWEN = {
    "endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}},
    "recipes": ["qwen3-32b-mi300x-bf16", "qwen3-32b-mi325x-bf16"],
    "inventory": "mi300x-and-mi325x",
}
CLAIMED = {
    "endpoint": {"spec": {"modelId": "Qwen/Qwen3-0.6B"}},
    "recipes": ["qwen3-0-6b-mi300x-bf16"],
    "inventory": "mi300x-cpx-claims",
    "settings": {"derive": "Never"},
}
TWO_NODES = ["--tensor-parallel-size=8", "--pipeline-parallel-size=2"]


def large(hardware, **configuration):
    facts = {"weightsGiB": 1000, "layers": 94, "attentionHeads": 64, "keyValueHeads": 4, "headDim": 128}
    model = {
        "modelId": "example/large",
        "precision": "bf16",
        "backend": "vllm",
        "facts": {**facts, "maxContext": 40960},
    }
    return {
        "apiVersion": "aim.engine.amd.com/v1alpha1",
        "kind": "AIMRecipe",
        "metadata": {"name": f"large-{hardware.lower()}"},
        "spec": {**model, "hardware": hardware, "configurations": [configuration]},
    }


GROUPS = {
    "endpoint": {"spec": {"modelId": "example/large"}},
    "recipes": [
        large("MI325X", gpuCount=8, args=["--tensor-parallel-size=8"]),
        large("MI300X", gpuCount=16, nodes=2, args=TWO_NODES),
    ],
    "inventory": {
        "classes": [
            {"product": product, "vendor": "amd", "architecture": "gfx942", "deviceId": device, "memoryGiB": memory}
            | {"resource": "amd.com/gpu", "devicesPerNode": 8, "nodes": 2, "total": 16}
            | {"nodeLabels": [f"amd.com/gpu.device-id={device}"]}
            for product, device, memory in (("MI300X", MI300X, 192), ("MI325X", MI325X, 256))
        ]
    },
}
COMES = Case(TESTDATA / "endpoint/sync/what-is-there-meanwhile-is-taken-instead-of-waiting-for-a-node").world


def spec(world, **fields):
    return {**world, "endpoint": {"spec": {**world["endpoint"]["spec"], **fields}}}


class Scene:
    """A world, what it becomes once it is decided for, what of it is full, and where the endpoint goes."""

    def __init__(self, world, full, path, becomes=None):
        self.world, self.full, self.path, self.becomes = {**world, "offers": OFFERS}, full, path, becomes


SCENES = {
    "full": Scene(QWEN, {MI325X}, ["MI325X", "MI300X"]),
    "all full": Scene(QWEN, {MI325X, MI300X}, ["MI325X", "MI300X", "MI325X"]),
    "full, with updates": Scene(spec(QWEN, recipe={"updatePolicy": "Auto"}), {MI325X}, ["MI325X", "MI300X"]),
    "full, with canaries": Scene(spec(QWEN, deployment={"canary": {"enabled": True}}), {MI325X}, ["MI325X", "MI300X"]),
    "full, by claims": Scene(CLAIMED, {PARTITION}, ["cpx_nps4", "MI300X"]),
    "full, and then on several nodes": Scene(GROUPS, {MI325X}, ["MI325X", "MI300X"]),
    "full, and both on several nodes": Scene(
        {
            **GROUPS,
            "recipes": [large(product, gpuCount=16, nodes=2, args=TWO_NODES) for product in ("MI300X", "MI325X")],
        },
        {MI325X},
        ["MI325X", "MI300X"],
    ),
    "there instead": Scene({**QWEN, "inventory": "mi300x-may-come"}, {POOL}, ["MI300X", "MI325X"], COMES["inventory"]),
}


def text_of(server, children):
    """What the pods of a Deployment or LeaderWorkerSet ask for, with the templates of their claims."""
    text = json.dumps(pods_template(server)["spec"])
    templates = [one for one in children if one["kind"] == "ResourceClaimTemplate"]
    return text + "".join(json.dumps(one["spec"]) for one in templates if f'"{one["metadata"]["name"]}"' in text)


def pods_of(server, since):
    """A pod that waits, as the scheduler leaves it."""
    template = pods_template(server)
    message = NO_NODE if POOL in json.dumps(template) else NO_DEVICES
    condition = {"status": "False", "reason": "Unschedulable", "lastTransitionTime": since, "message": message}
    metadata = {"name": f"{server['metadata']['name']}-0", "labels": template["metadata"]["labels"]}
    pod_spec = {"nodeName": None, "affinity": None, **template["spec"]}
    return {"metadata": metadata, "spec": pod_spec, "conditions": {"Ready": None, "PodScheduled": condition}}


def chosen(status):
    """The hardware of the configuration that is tried, or else serves."""
    canary = status.get("canary") or {}
    found = canary.get("resolved") if canary.get("phase", "Promoted") not in ENDED else status["resolved"]
    return found.get("partition") or found["product"]


class Replay:
    """An endpoint as an API server has it, and a Metacontroller that is sent what was there before."""

    def __init__(self, scene):
        self.scene, self.now = scene, NOON
        played = first("endpoint", "/endpoint/sync", scene.world)
        self.body, self.written = deepcopy(played.request), [{}, played.answer.said["status"]]
        self.applied, self.seen, self.found = [played.answer.said["children"]], 0, 0
        if scene.becomes:
            changed = first("endpoint", "/endpoint/sync", {**scene.world, "inventory": scene.becomes})
            self.body["related"] = changed.request["related"]

    def waits(self, server, children):
        return any(mark in text_of(server, children) for mark in self.scene.full)

    def sync(self, lag, children_lag=0):
        """One sync that is sent a status, and children, that are older by so many."""
        self.now += timedelta(seconds=10)
        self.seen = max(
            self.seen, len(self.written) - 1 - lag
        )  # what was seen once is not followed by what was before it
        self.found = max(self.found, len(self.applied) - 1 - children_lag)
        found, there = self.applied[self.found], self.applied[-1]
        patches = {
            f"{one['kind']}/{one['metadata']['name']}": STARTING if self.waits(one, found) else ready(one)
            for one in found
            if is_server(one)
        }
        since = instant(self.now - timedelta(minutes=5))
        waiting = [one for one in there if is_server(one) and one["spec"]["replicas"] and self.waits(one, there)]
        self.body["children"] = groups("endpoint", OFFERS, stored(found, patches))
        status = {"observedGeneration": 1, **self.written[self.seen]}
        self.body["parent"] = {**self.body["parent"], "status": status}
        pods = [pods_of(one, since) for one in waiting]
        code, said = call("endpoint", "/endpoint/sync", self.body, self.now, {**self.scene.world, "pods": pods})
        assert code == 200
        self.written.append(said["status"])
        # A child is changed at the version that was found, and so not at all where that is not the last.
        self.applied.append(said["children"] if found is there else there)


def changes(values):
    """Values without those that are as the one before."""
    return [value for value, _ in groupby(values)]


def templates(children):
    """The pod specs of what runs model servers."""
    return sorted(json.dumps(pods_template(one)["spec"]) for one in children if is_server(one))


@pytest.mark.parametrize("name", SCENES)
@settings(max_examples=10, deadline=None)
@given(lags=st.lists(st.integers(0, LATEST), min_size=3, max_size=9))
def test_it_goes_there_once_and_stays(name, lags):
    replay = Replay(SCENES[name])
    for lag in [*lags, 0, 0, 0, 0, 0, 0]:
        replay.sync(lag)
    assert changes(map(chosen, replay.written[1:])) == SCENES[name].path
    assert replay.written[-1]["phase"] == ("Pending" if name == "all full" else "Ready")
    assert len(templates(replay.applied[-1])) == 1


@pytest.mark.parametrize("name", SCENES)
def test_it_goes_there_although_every_second_status_is_the_former(name):
    replay = Replay(SCENES[name])
    for lag in [0, 1] * 8:
        replay.sync(lag)
    assert changes(map(chosen, replay.written[1:])) == SCENES[name].path


@pytest.mark.parametrize("name", SCENES)
@settings(max_examples=10, deadline=None)
@given(lags=st.lists(st.tuples(st.integers(0, LATEST), st.integers(0, LATEST)), min_size=3, max_size=9))
def test_its_pods_are_replaced_no_more_often_where_children_are_from_before_too(name, lags):
    """The status may go back, as nothing in such a request is new; what runs does not, and the next status is right."""
    prompt, late = Replay(SCENES[name]), Replay(SCENES[name])
    for lag in [*lags, *[(0, 0)] * 6]:
        prompt.sync(0)
        late.sync(*lag)
    assert changes(map(templates, late.applied)) == changes(map(templates, prompt.applied))
    assert chosen(late.written[-1]) == SCENES[name].path[-1]
