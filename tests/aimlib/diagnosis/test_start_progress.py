"""What starting replicas wait for; the usual sentences are goldens."""

from datetime import UTC, datetime, timedelta

import pytest

from aimlib.diagnosis.start_progress import STARTING_SECONDS, start_progress
from tests.world import pod

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def loading(seconds: float = 60, name: str = "chat-a", node: str = "gpu-1", probe=None):
    """A Pod whose engine has run for so long."""
    engine = {"name": "engine"} | ({} if probe is None else {"startupProbe": probe})
    started = {"ready": False, "started": False, "state": {"running": {"startedAt": ago(seconds)}}}
    return pod({"metadata": {"name": name}, "container": started, "spec": {"nodeName": node, "containers": [engine]}})


def waiting(seconds: float = 60, name: str = "chat-a", node: str = "gpu-1", *, prepared: bool = False):
    """A Pod whose engine has not run yet."""
    conditions = {"PodScheduled": {"status": "True", "lastTransitionTime": ago(seconds + 5)}}
    if prepared:
        conditions["PodReadyToStartContainers"] = {"status": "True", "lastTransitionTime": ago(seconds)}
    return pod({"metadata": {"name": name}, "conditions": conditions, "spec": {"nodeName": node}})


def test_the_time_that_is_allowed_is_that_of_the_pods_own_probe():
    probe = {"periodSeconds": 10, "failureThreshold": 180, "initialDelaySeconds": 30}
    said = start_progress([loading(probe=probe)], NOW)
    assert said == "loading the model on node gpu-1 since 11:59:00 UTC, allowed until 12:29:30 UTC"
    assert "until 11:59:30 UTC" in start_progress([loading(probe={"httpGet": {"path": "/"}})], NOW)
    assert start_progress([loading()], NOW) == "loading the model on node gpu-1 since 11:59:00 UTC"


def test_a_probe_of_impossible_numbers_is_no_error():
    said = start_progress([loading(probe={"periodSeconds": 2**31 - 1, "failureThreshold": 2**31 - 1})], NOW)
    assert said.startswith("loading the model on node gpu-1 since")


def test_a_state_is_reported_once_it_lasts():
    assert start_progress([loading(STARTING_SECONDS - 1)], NOW) == ""
    assert start_progress([loading(STARTING_SECONDS)], NOW) != ""


def test_the_message_stays_while_the_state_does():
    pods = [loading(), waiting(name="chat-b")]
    assert start_progress(pods, NOW) == start_progress(pods, NOW + timedelta(hours=3))


def test_the_pod_that_is_furthest_behind_is_named():
    pods = [loading(600), waiting(30, "chat-b", "gpu-2", prepared=True), waiting(20, "chat-c", "gpu-3")]
    assert start_progress(pods, NOW) == ("mounting volumes and setting up the network on node gpu-3 since 11:59:35 UTC")
    assert start_progress(pods[:2], NOW) == "pulling the image on node gpu-2 since 11:59:30 UTC"


def test_pods_that_wait_alike_are_counted_and_their_nodes_named_up_to_three():
    pods = [waiting(60 + i, f"chat-{i}", f"gpu-{i}", prepared=True) for i in range(5)]
    said = start_progress(pods, NOW)
    assert said == "5 pods pulling the image on nodes gpu-0, gpu-1, gpu-2 and 2 more since 11:58:56 UTC"
    alike = [waiting(60, f"chat-{i}", prepared=True) for i in range(2)]
    assert start_progress(alike, NOW) == "2 pods pulling the image on node gpu-1 since 11:59:00 UTC"


@pytest.mark.parametrize(
    "found",
    [
        pod({"container": {}}),
        pod({"spec": {"nodeName": ""}}),
        pod({"metadata": {"deletionTimestamp": ago(60)}}),
        pod({"status": {"phase": "Failed"}}),
        pod({"conditions": {"PodScheduled": {"status": "True", "lastTransitionTime": "now"}}}),
        pod({"container": {"started": False, "state": {"running": {"startedAt": "soon"}}}}),
        {"metadata": {"name": "bare"}, "spec": {"nodeName": "gpu-1"}},
    ],
)
def test_what_does_not_start_or_does_not_tell_since_when_is_not_reported(found):
    assert start_progress([found], NOW) == ""
