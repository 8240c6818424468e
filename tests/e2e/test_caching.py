"""Models on one volume: downloaded once, waited for, shared, cleaned up, and kept under those who use them."""

import re

import pytest
import yaml

from tests.cluster.plane import ROOT
from tests.e2e import caches
from tests.e2e.caches import BYTES, LARGE, SMALL, cache
from tests.e2e.space import endpoint
from tests.hub import Fault

pytestmark = pytest.mark.e2e

SLOW = Fault(rate=100_000)
"""So slow that a download's progress is seen: it is reported every five seconds."""


def test_the_sequence_of_the_page(space, hub):
    """Two endpoints wait for one of two models and start from it, as docs/use/caches.md shows; and more."""
    hub.fault = SLOW
    example = [*yaml.safe_load_all((ROOT / caches.EXAMPLE).read_text())]
    assert [one["kind"] for one in example] == ["AIMCache", "AIMEndpoint", "AIMEndpoint"]
    for command, expected in caches.sequence():
        if command == f"apply -f {caches.EXAMPLE}":
            # All that differs is where the models come from.
            example[0]["spec"]["hub"] = {"endpoint": hub.url}
            said = space.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(example))
            assert said.strip() == expected
            continue
        caches.says(space, command, expected)
        if "Downloading" in expected:
            wide = caches.shown(space, "--output=wide")
            assert {wide[name]["CACHE"] for name in ("chat", "batch")} == {"models"}
            assert all(f"waiting for {LARGE} in cache models" in wide[name]["MESSAGE"] for name in ("chat", "batch"))
            assert re.match(rf"0 of 2 models cached; {LARGE}: .*%\), {SMALL}: .*%\)", wide["models"]["MESSAGE"])
            assert space.condition("chat", "CacheReady")["status"] == "False"
            # Nobody would download it a second time.
            assert caches.servers(space) == []
            assert space.names("deployments") == []

    assert caches.shown(space, "--output=wide")["models"]["MESSAGE"] == "2 of 2 models cached"
    assert space.condition("chat", "CacheReady")["message"] == f"{LARGE} is in cache models, 1.8 MiB"
    found = caches.models(space, "models")
    assert found[LARGE]["usedBy"] == ["batch", "chat"]
    assert found[LARGE]["commit"] == hub.models[LARGE].commit
    assert "usedBy" not in found[SMALL]
    storage = caches.status(space, "models")["storage"]
    assert {"totalSize", "availableSize", "usagePercentage"} <= storage.keys()
    _serves_offline_and_read_only(space, "chat")

    # No byte twice: not for two that share it, not for a third, and not without the Job.
    space.apply(endpoint("third", modelId=LARGE))
    space.ready("third")
    space.kubectl("delete", "job", caches.job_of(space, LARGE))
    space.wait(
        "the third in use", lambda: caches.models(space, "models")[LARGE]["usedBy"] == ["batch", "chat", "third"]
    )
    assert (hub.sent(LARGE), hub.sent(SMALL)) == (BYTES, BYTES)
    assert len(caches.jobs(space)) == 1
    assert not [one.path for one in hub.requests if "original" in one.path]


def _serves_offline_and_read_only(space, name):
    container = space.container(name)
    variables = {one["name"]: one.get("value") for one in container["env"]}
    mounted = {one["name"]: one for one in container["volumeMounts"]}["model-cache"]
    assert variables["HF_HUB_OFFLINE"] == "1"
    assert variables["HF_HUB_CACHE"] == f"{mounted['mountPath']}/hub"
    assert "HF_TOKEN" not in variables
    assert mounted["readOnly"]
    volumes = {one["name"]: one for one in space.deployment(name)["spec"]["template"]["spec"]["volumes"]}
    assert volumes["model-cache"]["persistentVolumeClaim"] == {"claimName": "models-storage", "readOnly": True}


def test_with_read_write_once_all_share_one_node_or_say_why_not(space, hub):
    space.apply(cache("models", hub, LARGE))
    pods = {"modelId": LARGE, "recipe": {"customRecipe": {"name": "qwen3-32b-mi300x-bf16"}}}
    space.apply(endpoint("one", replicas=3, **pods), endpoint("two", replicas=3, **pods))
    space.ready("one", "two")
    [node] = caches.nodes(caches.servers(space))
    gpus = [one for one in space.get("nodes")["items"] if one["metadata"]["name"].startswith(node[: node.rindex("-")])]
    assert len(gpus) > 1, "one node alone shows nothing"
    space.apply(endpoint("three", replicas=3, **pods))  # nine replicas, and eight GPUs on a node
    message = ""

    def said():
        nonlocal message
        message = space.condition("three", "Available").get("message", "")
        return message.startswith("2 of 3 replicas ready")

    space.wait("the third to say why", said)
    shared = "cache models is ReadWriteOnce, so all pods that use it must fit on one node"
    assert message == f"2 of 3 replicas ready; {shared}: 3 of this endpoint and those of one, two"
    assert caches.nodes(caches.servers(space)) == {node}
    space.patch("aimendpoint/one", {"spec": {"replicas": 2}})
    space.ready("three")
    assert caches.nodes(caches.servers(space)) == {node}


def test_a_cache_with_read_write_many_binds_nobody_to_a_node(space, hub):
    space.apply(cache("models", hub, LARGE, storage={"accessMode": "ReadWriteMany"}))
    pods = {"modelId": LARGE, "recipe": {"customRecipe": {"name": "qwen3-32b-mi300x-bf16"}}}
    space.apply(endpoint("one", replicas=9, **pods))
    space.ready("one")
    assert len(caches.nodes(caches.servers(space))) == 2


def test_a_cache_that_is_deleted_in_use_goes_when_its_last_pod_does(space, hub):
    space.apply(cache("models", hub, LARGE), endpoint("chat", modelId=LARGE))
    space.ready("chat")
    [before] = caches.servers(space)
    space.kubectl("delete", "aimcache", "models", "--timeout=20s")
    gone = "cache models is gone; this endpoint keeps running on the claim models-storage"
    message = space.becomes("chat", "CacheDeleted", "CacheReady", gone)
    assert message.startswith(gone)
    assert "goes when its last pod does" in message
    assert space.condition("chat")["status"] == "True"
    [after] = caches.servers(space)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    claim = space.get("pvc", "models-storage")
    assert claim["status"]["phase"] == "Bound"
    assert claim["metadata"]["deletionTimestamp"]
    space.kubectl("delete", "aimendpoint", "chat", "--timeout=20s")
    space.wait("the claim to go", lambda: "persistentvolumeclaim/models-storage" not in space.names("pvc"))


def test_deletion_in_the_foreground_says_on_both_sides_what_will_happen(space, hub):
    space.apply(cache("models", hub, LARGE), endpoint("chat", modelId=LARGE))
    space.ready("chat")
    space.kubectl("delete", "aimcache", "models", "--cascade=foreground", "--wait=false")
    message = caches.becomes(space, "models", "Deleting")["message"]
    assert message.startswith("being deleted while chat uses it: running pods keep the volume until they end")
    space.becomes("chat", "CacheDeleted", "CacheReady", "cache models is being deleted")
    assert caches.shown(space)["models"]["PHASE"] == "Deleting"
    space.kubectl("delete", "aimendpoint", "chat")
    space.wait("the cache to go", lambda: not space.names("aimcaches"))


def test_clean_up_removes_what_nobody_uses_and_it_comes_back_when_it_is_needed(space, hub):
    cleanup = {"enabled": True, "schedule": "0 3 * * *", "maxAge": "0s"}
    # The two models are served by nodes of their own.
    shared = {"accessMode": "ReadWriteMany"}
    space.apply(cache("models", hub, LARGE, SMALL, cleanup=cleanup, storage=shared), endpoint("chat", modelId=LARGE))
    space.ready("chat")
    caches.cached(space, "models", LARGE, SMALL)
    regular = space.get("cronjob", "models-cleanup")["spec"]
    assert (regular["schedule"], regular["timeZone"]) == ("0 3 * * *", "Etc/UTC")
    status = caches.status(space, "models")
    [planned] = status["cleanup"]["planned"]
    assert planned["id"] == SMALL
    assert planned["size"] == "1.8Mi"
    assert re.match(r"\d{4}-\d\d-\d\dT03:00:00Z", status["usage"]["nextCleanup"])

    space.kubectl("create", "job", "now", "--from=cronjob/models-cleanup")
    space.kubectl("wait", "--for=condition=Complete", "job/now", "--timeout=60s")
    space.wait("it to be removed", lambda: caches.models(space, "models")[SMALL]["status"] == "Removed")
    status = caches.status(space, "models")
    [removed] = status["cleanup"]["removed"]
    assert (removed["id"], removed["size"]) == (SMALL, "1.8Mi")
    assert removed["why"]
    assert "planned" not in status["cleanup"]
    assert status["usage"]["lastCleanup"]
    assert status["phase"] == "Ready"
    assert status["models"] == "1/1"
    assert status["storage"]["usedSize"] == "1.8Mi"
    assert caches.models(space, "models")[LARGE]["status"] == "Ready"

    space.apply(endpoint("other", modelId=SMALL))
    space.ready("other")
    assert caches.models(space, "models")[SMALL]["usedBy"] == ["other"]
    assert (hub.sent(LARGE), hub.sent(SMALL)) == (BYTES, 2 * BYTES)


def test_a_model_that_is_not_preloaded_is_downloaded_when_an_endpoint_asks(space, hub):
    space.apply(cache("models", hub, {"id": LARGE, "preload": False}, size="100Gi"))
    caches.becomes(space, "models", "Ready")
    assert caches.models(space, "models")[LARGE]["status"] == "OnDemand"
    assert caches.jobs(space) == []
    space.apply(endpoint("chat", modelId=LARGE))
    space.ready("chat")
    assert hub.sent(LARGE) == BYTES
