"""New versions on the real control plane: one that is good takes over, one that is not goes, and what serves stays."""

import json

import pytest

from aimlib.gateway.table import ModelTable
from tests.e2e.space import endpoint
from tests.e2e.test_events import reasons
from tests.e2e.test_gateways import gateway

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
TRIED = {"enabled": True, "analysis": {"intervalSeconds": 10, "failureLimit": 2}}


def version(tag, replicas=2, **canary):
    """An endpoint whose engine has an image of this tag; a simulated kubelet goes by it."""
    deployment = {"canary": {**TRIED, **canary}}
    return endpoint("chat", modelId=MODEL, gpuCount=1, replicas=replicas, image={"tag": tag}, deployment=deployment)


def pods(space, track):
    """The pods of a track that are not going: the uid of each, and whether it is ready."""
    found = space.get("pods", f"--selector=aim.engine.amd.com/endpoint={track}")["items"]
    return {
        one["metadata"]["uid"]: any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in one.get("status", {}).get("conditions", ())
        )
        for one in found
        if "deletionTimestamp" not in one["metadata"]
    }


def canary(space):
    return space.get("aimendpoint", "chat")["status"].get("canary", {})


def becomes(space, phase, tag=None):
    """Wait for a canary to have a phase; with a tag, that of this image."""

    def arrived():
        trial = json.loads(space.kubectl("get", "deployments", "--output=json"))["items"]
        containers = (one["spec"]["template"]["spec"]["containers"][0] for one in trial)
        images = {one["image"].rpartition(":")[2] for one in containers}
        return canary(space).get("phase") == phase and (tag is None or tag in images)

    space.wait(f"a canary that is {phase}", arrived)


def selected(space):
    return space.get("service", "chat")["spec"]["selector"]


@pytest.fixture
def serving(space):
    """An endpoint that serves with two replicas."""
    space.apply(version("v1"))
    space.ready("chat")
    return space


def test_a_good_version_takes_over_and_its_pods_stay(serving):
    space, seen, least = serving, {}, []
    former = pods(space, "chat")
    space.apply(version("v2"))

    def promoted():
        seen.update(pods(space, "chat_b"))
        least.append(sum(pods(space, "chat").values()) + sum(pods(space, "chat_b").values()))
        return canary(space).get("phase") == "Promoted"

    space.wait("the new version to have taken over", promoted)
    space.ready("chat")
    assert min(least) >= len(former)
    assert set(seen) <= set(taken := pods(space, "chat_b"))
    assert selected(space) == {"aim.engine.amd.com/endpoint": "chat_b"}
    space.wait("the former version to be gone", lambda: space.names("deployments") == ["deployment.apps/chat-b"])
    space.wait("its event", lambda: "Promoted" in reasons(space, "AIMEndpoint", "chat"))
    assert space.get("aimendpoint", "chat")["status"]["selector"] == "aim.engine.amd.com/endpoint=chat_b"
    space.apply(version("v2", replicas=3))
    space.wait("a third replica", lambda: sum(pods(space, "chat_b").values()) == 3)
    assert set(taken) < set(pods(space, "chat_b"))


def test_copies_come_before_any_part_of_the_requests(serving):
    space, former = serving, pods(serving, "chat")
    space.apply(gateway("models"))
    space.wait("the gateway to route", lambda: targets(space) == [("a", 1, 0)])
    space.apply(version("v2", mirrorPercent=20, steps=[{"weight": 10, "seconds": 0}]))
    becomes(space, "Progressing", "v2")
    state = canary(space)
    assert (state["step"], state["weight"], state["mirrorPercent"]) == (1, 0, 20)
    space.wait("the copies to be routed", lambda: targets(space) == [("a", 10000, 0), ("b", 0, 200_000)])
    space.becomes("chat", "NoMetrics", "CanaryHealthy", "step 1 of 2, a copy of 20 % of the requests")
    space.kubectl("annotate", "aimendpoint/chat", f"aim.engine.amd.com/abort={state['id']}")
    becomes(space, "RolledBack")
    space.wait("the gateway to route to one again", lambda: targets(space) == [("a", 1, 0)])
    assert "mirrorPercent" not in canary(space)
    assert pods(space, "chat") == former


def targets(space):
    """The tracks of the endpoint as the pods of the gateway read them: weight, and copies of a million requests."""
    made = json.loads(space.kubectl("get", "configmaps", "--output=json"))["items"]
    found = [one["data"]["table.json"] for one in made if one["metadata"]["name"] == "models-routes"]
    served = [one for text in found for one in ModelTable.model_validate_json(text).models if one.name == MODEL]
    return [(one.name.rpartition("/")[2], one.weight, one.mirror) for each in served for one in each.targets]


def test_a_version_that_never_starts_goes_and_what_serves_stays(serving):
    space, former = serving, pods(serving, "chat")
    space.apply(version("v2-no-such-image"))
    space.becomes("chat", "CannotStart", "CanaryHealthy", "cannot be pulled")
    space.becomes("chat", "RolledBack", "UpToDate")
    space.wait("the new version to be gone", lambda: space.names("deployments") == ["deployment.apps/chat"])
    space.ready("chat")
    scaled = space.get("events", "--field-selector=involvedObject.kind=Deployment,involvedObject.name=chat-b")["items"]
    assert len({one["involvedObject"]["uid"] for one in scaled}) == 1, "it comes and goes once"
    assert pods(space, "chat") == former
    assert selected(space) == {"aim.engine.amd.com/endpoint": "chat"}
    space.wait("its event", lambda: "RolledBack" in reasons(space, "AIMEndpoint", "chat"))
    ended = space.get("aimendpoint", "chat")["status"]["history"]
    assert [(one["number"], one.get("outcome"), one["ready"]) for one in ended] == [
        (1, None, True),
        (2, "Failed", False),
    ]
    space.apply(version("v3"))
    becomes(space, "Promoted")
    space.ready("chat")


def test_another_spec_takes_the_place_of_a_canary_in_each_phase(serving):
    space, former = serving, pods(serving, "chat")
    space.apply(version("v2-never-ready", promotion="Manual"))
    becomes(space, "Starting", "v2-never-ready")
    space.apply(version("v3", promotion="Manual"))
    becomes(space, "AwaitingPromotion", "v3")
    space.apply(version("v4", promotion="Manual"))
    becomes(space, "AwaitingPromotion", "v4")
    assert pods(space, "chat") == former
    name = canary(space)["id"]
    space.kubectl("annotate", "aimendpoint/chat", f"aim.engine.amd.com/promote={name}")
    becomes(space, "Promoted")
    space.ready("chat")
    space.apply(version("v5", promotion="Manual"))
    becomes(space, "AwaitingPromotion", "v5")
    space.apply(version("v4", promotion="Manual"))
    becomes(space, "RolledBack")
    space.wait("the new version to be gone", lambda: space.names("deployments") == ["deployment.apps/chat-b"])
    space.kubectl("annotate", "aimendpoint/chat", f"aim.engine.amd.com/abort={name}")  # of one that has ended
    space.ready("chat")


def test_an_earlier_version_runs_again_while_the_annotation_is_there(space):
    first = endpoint("chat", modelId=MODEL, gpuCount=1, image={"tag": "v1"}, engine={"args": ["--max-num-seqs=64"]})
    space.apply(first)
    space.ready("chat")
    before = space.deployment("chat")["spec"]["template"]
    space.apply(endpoint("chat", modelId=MODEL, gpuCount=1, image={"tag": "v2"}, engine={"args": []}))
    space.wait("another version", lambda: space.container("chat")["image"].endswith(":v2"))
    space.ready("chat")
    space.kubectl("annotate", "aimendpoint/chat", "aim.engine.amd.com/rollback=1")
    space.wait("the first version", lambda: space.deployment("chat")["spec"]["template"] == before)
    space.becomes("chat", "RolledBack", "UpToDate")
    space.ready("chat")
    space.kubectl("annotate", "aimendpoint/chat", "aim.engine.amd.com/rollback-")
    space.wait("the second version", lambda: space.container("chat")["image"].endswith(":v2"))
    history = space.get("aimendpoint", "chat")["status"]["history"]
    assert [one["why"] for one in history[1:]] == [
        "the spec was changed",
        "returned to version 1",
        "the spec was changed",
    ]
