"""Events of endpoints and caches on the real control plane, as kubectl shows them."""

from collections import Counter

import pytest

from tests.cluster.plane import KubectlError
from tests.e2e import caches
from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e


def reasons(space, kind: str, name: str) -> list[str]:
    """The reasons of an object's Events."""
    found = space.get("events", f"--field-selector=involvedObject.name={name},involvedObject.kind={kind}")["items"]
    return [event["reason"] for event in found if event["source"].get("component") == "aim-hooks"]


def test_transitions_of_an_endpoint_are_events_that_kubectl_shows(space):
    space.apply(endpoint("told", modelId="Qwen/Qwen3-32B", gpuCount=1))
    space.ready("told")
    space.wait("its events", lambda: {"Selected", "Ready"} <= set(reasons(space, "AIMEndpoint", "told")))
    for shown in (space.kubectl("events", "--for=aimendpoint/told"), space.kubectl("describe", "aimendpoint", "told")):
        assert "Selected" in shown, shown
        assert "1 of 1 replicas ready" in shown, shown
    space.patch("aimendpoint/told", {"spec": {"replicas": 0}})
    space.wait("it to be stopped", lambda: "Stopped" in reasons(space, "AIMEndpoint", "told"))
    found = Counter(reasons(space, "AIMEndpoint", "told"))
    # A sync that was sent a status from before may see the transition once more.
    assert set(found) == {"Selected", "Ready", "Stopped"}
    assert max(found.values()) <= 2, found


def test_what_cannot_be_had_is_a_warning(space):
    space.apply(endpoint("unknown", modelId="nobody/knows-this", recipe={"validatedOnly": True}))
    space.wait("its events", lambda: reasons(space, "AIMEndpoint", "unknown"))
    assert set(reasons(space, "AIMEndpoint", "unknown")) == {"Pending"}
    assert "Warning" in space.kubectl("events", "--for=aimendpoint/unknown")


def test_downloads_of_a_cache_are_events(space, hub):
    space.apply(caches.cache("models", hub, caches.LARGE))
    space.wait("its events", lambda: {"Downloaded", "Ready"} <= set(reasons(space, "AIMCache", "models")))


def test_the_hook_server_may_create_and_list_events_and_not_change_them(space):
    account = "--as=system:serviceaccount:aim-system:aim-hooks"
    for verb in ("create", "list"):
        assert space.kubectl("auth", "can-i", verb, "events", account).strip() == "yes"
    for verb in ("get", "watch", "update", "patch", "delete"):
        with pytest.raises(KubectlError):
            space.kubectl("auth", "can-i", verb, "events", account)
