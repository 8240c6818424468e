"""Why an endpoint is stuck: each cause is named within ten seconds, at the cost of one question a sync."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster import audit
from tests.e2e.hookserver import calls
from tests.e2e.space import endpoint, recipe

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
SECONDS = 10
"""How long it may take from the moment that a pod is in trouble."""
UNREADY_SECONDS = 20
"""How long a container that has just begun is given before it is in trouble at all (aimlib.diagnosis)."""


@pytest.fixture
def whole_nodes(space):
    """A model that takes every GPU of an MI325X node, and how many such nodes there are."""
    name = f"{space.namespace}-whole"
    space.apply(recipe(name, modelId=f"example/{name}", hardware="MI325X", configurations=[{"gpuCount": 8}]))
    nodes = [one for one in space.get("aimnodes")["items"] if "MI325X" in one["spec"].get("summary", "")]
    yield f"example/{name}", len(nodes)
    space.kubectl("delete", "aimrecipe", name)


def test_no_free_gpus_are_named_until_there_are_some(space, whole_nodes):
    model, nodes = whole_nodes
    assert nodes
    space.apply(endpoint("full", modelId=model, replicas=nodes))
    space.ready("full")
    space.apply(endpoint("waits", modelId=model))
    in_trouble(space, "waits", lambda pod: condition(pod, "PodScheduled") == "False")
    lacking = f"{nodes} {'has' if nodes == 1 else 'have'} too little free amd.com/gpu (8 requested)"
    message = space.becomes("waits", "Unschedulable", words=lacking, seconds=SECONDS)
    status = space.get("aimendpoint", "waits")["status"]
    assert (status["phase"], status["message"]) == ("Pending", message)
    space.kubectl("delete", "aimendpoint", "full")
    space.ready("waits")


@pytest.mark.parametrize(
    ("tag", "reason", "words"),
    [
        ("v1-no-such-image", "ImagePullFailed", ":v1-no-such-image cannot be pulled: not found"),
        ("v1-out-of-memory", "OutOfGPUMemory", "HIP out of memory. Tried to allocate 12.95 GiB"),
        ("v1-crash-loop", "CrashLoop", "container engine ended with exit code 1"),
        ("v1-never-ready", "ProbeFailing", "its readiness probe (/health) keeps failing"),
    ],
)
def test_a_pod_in_trouble_is_named(space, tag, reason, words):
    space.apply(endpoint("stuck", modelId=MODEL, image={"tag": tag}))
    in_trouble(space, "stuck", lambda pod: pod["status"].get("containerStatuses"))
    patience = UNREADY_SECONDS if reason == "ProbeFailing" else 0
    space.becomes("stuck", reason, words=words, seconds=SECONDS + patience)
    assert space.get("aimendpoint", "stuck")["status"]["phase"] == "Failed"


def test_a_server_that_is_not_ready_any_more_is_named_and_no_more_once_it_is_ready_again(space):
    space.apply(endpoint("lost", modelId=MODEL))
    space.ready("lost")
    [pod] = space.get("pods", "--selector=aim.engine.amd.com/endpoint=lost")["items"]
    ready(space, pod, answers=False)
    space.becomes("lost", "ProbeFailing", words="its readiness probe (/health) keeps failing", seconds=SECONDS)
    ready(space, pod, answers=True)
    space.ready("lost")


def ready(space, pod, *, answers):
    """What a kubelet reports when a pod that has run for a minute ceases or begins to answer its readiness probe."""
    now = datetime.now(UTC)
    began, changed = ((now - age).strftime("%Y-%m-%dT%H:%M:%SZ") for age in (timedelta(minutes=1), timedelta()))
    conditions = [
        {"type": kind, "status": str(answers), "lastTransitionTime": changed} for kind in ("Ready", "ContainersReady")
    ]
    running = {"ready": answers, "state": {"running": {"startedAt": began}}}
    containers = [{**one, **running} for one in pod["status"]["containerStatuses"]]
    change = {"status": {"conditions": conditions, "containerStatuses": containers}}
    target = (f"pod/{pod['metadata']['name']}", "--subresource=status", "--type=strategic")
    space.kubectl("patch", *target, f"--patch={json.dumps(change)}")


def in_trouble(space, name, holds):
    """Wait until a pod of the endpoint is."""
    label = f"--selector=aim.engine.amd.com/endpoint={name}"
    space.wait(f"a pod of {name} in trouble", lambda: any(holds(pod) for pod in space.get("pods", label)["items"]))


def condition(pod, kind):
    return next((one["status"] for one in pod["status"].get("conditions", ()) if one["type"] == kind), None)


def test_one_question_a_sync_and_none_once_all_replicas_are_ready(space, installation):
    before, syncs = audit.position(space.plane), calls(installation, "/endpoint/sync")
    space.apply(endpoint("asked", modelId=MODEL, image={"tag": "v1-crash-loop"}))
    message = space.becomes("asked", "CrashLoop")
    versions = {space.get("aimendpoint", "asked")["metadata"]["resourceVersion"]}
    time.sleep(12)  # two looks at the pods
    versions.add(space.get("aimendpoint", "asked")["metadata"]["resourceVersion"])
    asked = looked(space, before)
    of_this = [one for one in asked if one.namespace == space.namespace]
    assert {(one.verb, one.resource, one.code) for one in asked} == {("list", "pods", 200)}
    assert 2 <= len(of_this) <= len(asked) <= calls(installation, "/endpoint/sync") - syncs
    assert len(versions) == 1, f"the status was written again, though nothing but time has passed: {message}"

    space.patch("aimendpoint/asked", {"spec": {"image": {"tag": "v1"}}})
    space.ready("asked")
    time.sleep(2)  # what follows from that
    since = audit.position(space.plane)
    time.sleep(8)
    assert [one for one in looked(space, since) if one.namespace == space.namespace] == []


def looked(space, since):
    """What the hook server asked of the API server since then, beside telling Events."""
    return [one for one in audit.observations(space.plane, since=since) if one.resource != "events"]
