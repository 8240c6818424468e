"""Caches that cannot do what is asked of them: what they say, what they leave undone, and how they go on."""

import json
import re

import pytest

from tests.cluster import audit
from tests.cluster.plane import KubectlError
from tests.e2e import caches
from tests.e2e.caches import BYTES, LARGE, SMALL, cache
from tests.e2e.conftest import space_for
from tests.e2e.space import endpoint
from tests.hub import Fault

pytestmark = pytest.mark.e2e

TOKEN = "hf_of-a-test"  # noqa: S105 - of a hub on loopback


@pytest.mark.usefixtures("unbound")
def test_a_gated_model_is_said_in_words_and_not_retried_until_its_token_is_there(space, token_hub):
    hub, before = token_hub, audit.position(space.plane)
    hub.models[LARGE].gated = True
    hub.tokens = {TOKEN: {LARGE}}
    space.apply(cache("gated", hub, LARGE), endpoint("chat", modelId=LARGE))
    message = caches.becomes(space, "gated", "Failed", "token")["message"]
    job = caches.job_of(space, LARGE)
    assert message.startswith(f"{LARGE} at {hub.url} is gated, and there is no token")
    assert message.endswith(f"; once that is fixed, delete Job {job} to retry")
    model = caches.models(space, "gated")[LARGE]
    assert (model["status"], model["reason"]) == ("Failed", "TokenMissing")
    space.becomes("chat", "DownloadFailed", "CacheReady", "is gated, and there is no token")
    [pod] = caches.downloads(space)
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 43
    assert caches.servers(space) == []
    space.kubectl("wait", "--for=condition=Failed", f"job/{job}", "--timeout=30s")

    space.kubectl("create", "secret", "generic", "huggingface-token", f"--from-literal=token={TOKEN}")
    space.kubectl("delete", "job", job)
    space.ready("chat")
    assert caches.models(space, "gated")[LARGE]["status"] == "Ready"
    assert hub.sent(LARGE) == BYTES
    # Known by reference alone: neither Metacontroller nor a Job, which have accounts, has read any.
    readers = {one.user for one in audit.reads_of_secrets(space.plane, since=before)}
    assert "kubelet" in readers
    assert not [one for one in readers if one.startswith("system:serviceaccount:")]


def test_a_token_goes_to_no_hub_but_those_of_the_settings(space, hub):
    hub.models[LARGE].gated = True
    hub.tokens = {TOKEN: {LARGE}}
    space.kubectl("create", "secret", "generic", "huggingface-token", f"--from-literal=token={TOKEN}")
    space.apply(
        cache("named", hub, LARGE, hub={"tokenSecret": {"name": "huggingface-token"}}), cache("default", hub, LARGE)
    )
    message = caches.becomes(space, "named", "Failed", "tokenHubs")["message"]
    assert message.startswith(f"hub.tokenSecret is not sent to {hub.url}: the hubs that get a token are ")
    caches.becomes(space, "default", "Failed", "is gated, and there is no token")
    assert hub.requests
    assert not [one for one in hub.requests if one.authorised]
    assert len(caches.downloads(space)) == 1


def test_a_download_whose_pod_is_killed_goes_on_where_it_was(space, hub):
    # One connection at a time, so that what was sent and not received is of one file.
    hub.fault = Fault(rate=400_000)
    space.apply(cache("killed", hub, LARGE, download={"maxWorkers": 1}))
    space.wait("a part of it", lambda: hub.sent(LARGE) > BYTES / 4)
    [pod] = caches.downloads(space)
    space.kubectl("delete", "pod", pod["metadata"]["name"])
    hub.fault = None
    caches.cached(space, "killed", LARGE)
    [other] = caches.downloads(space)
    assert other["metadata"]["uid"] != pod["metadata"]["uid"]
    assert BYTES <= hub.sent(LARGE) < BYTES * 1.1  # what was under way when the connection ended is lost, and no more


def test_what_the_hub_has_not_is_said(space, hub):
    space.apply(
        cache("absent", hub, {"id": "acme/no-such-model", "maxSize": "1Gi"}, {"id": SMALL, "revision": "v9"}),
    )
    message = caches.becomes(space, "absent", "Failed", "no-such-model.*v9")["message"]
    assert "acme/no-such-model" in message
    found = caches.models(space, "absent")
    assert found["acme/no-such-model"]["reason"] == "NotFound"
    assert found[SMALL]["reason"] == "RevisionNotFound"
    assert len(caches.downloads(space)) == 2


def test_through_a_proxy_the_hub_is_reached_and_the_cluster_directly(space, hub):
    through = {"endpoint": "http://hub.example.com", "proxy": {"http": hub.url}}
    space.apply(cache("proxied", hub, SMALL, hub=through))
    caches.cached(space, "proxied", SMALL)
    assert hub.sent(SMALL) == BYTES
    assert all(one.proxied for one in hub.requests)
    assert not [one.path for one in hub.requests if "configmaps" in one.path]


def test_offline_what_is_on_a_claim_is_served_and_what_is_not_is_said(space, hub):
    space.apply(cache("models", hub, SMALL))
    caches.cached(space, "models", SMALL)
    asked = len(hub.requests)
    own = {"existingClaim": "models-storage"}
    space.apply(cache("sealed", hub, SMALL, LARGE, storage=own, hub={"offline": True}))
    message = caches.becomes(space, "sealed", "Failed", LARGE)["message"]
    found = caches.models(space, "sealed")
    assert found[LARGE]["reason"] == "NotOnVolume"
    assert found[LARGE]["message"] in message
    caches.cached(space, "sealed", SMALL)
    space.apply(endpoint("chat", modelId=SMALL, cache={"name": "sealed"}))
    space.ready("chat")
    assert len(hub.requests) == asked
    # It is not the cache's own.
    space.kubectl("delete", "aimendpoint/chat", "aimcache/sealed")
    assert "deletionTimestamp" not in space.get("pvc", "models-storage")["metadata"]


def test_the_full_example_applies_and_names_the_storage_classes_there_are_besides_its_own(space):
    space.kubectl("apply", "--filename=manifests/examples/cache-full.yaml")
    space.apply(endpoint("chat", modelId=LARGE))
    message = caches.becomes(space, "everything", "Pending", "there is no storage class")["message"]
    assert "there is no storage class fast; the cluster has expandable, fast-ssd, manual, standard" in message
    assert space.becomes("chat", "Waiting", "CacheReady", message).endswith(message)
    assert caches.servers(space) == []
    assert {one["status"]["phase"] for one in caches.downloads(space)} <= {"Pending"}


@pytest.fixture(scope="module")
def unbound(cluster):
    """A cache that has waited for its claim since the tests of this module began: its last one need not wait."""
    with space_for(cluster, "unbound") as found, caches.hub_with(LARGE) as hub:
        name = found.namespace
        provisioner = "kubernetes.io/no-provisioner"
        kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
        found.apply({**kind, "provisioner": provisioner})
        found.apply(cache("unbound", hub, LARGE, storage={"storageClass": name}))
        yield found
        assert hub.requests == []
        found.kubectl("delete", "storageclass", name)


def test_too_small_a_size_is_said_with_both_numbers_and_nothing_is_downloaded(space, hub):
    space.apply(cache("small", hub, LARGE, SMALL, size="20Gi"), endpoint("chat", modelId=LARGE))
    message = caches.becomes(space, "small", "Failed", "the cache has 20Gi")["message"]
    assert re.search(r"its models need \d+(\.\d)? GiB; \d+Gi would be enough, and nothing is downloaded", message)
    assert space.becomes("chat", "Waiting", "CacheReady", message).endswith(message)
    assert caches.jobs(space) == []
    assert hub.requests == []
    assert caches.servers(space) == []
    # A larger claim can only be made where the present one may grow; this one's class does not let it.
    space.patch("aimcache/small", {"spec": {"size": "100Gi"}})
    stays = "PersistentVolumeClaim small-storage stays at 20Gi, and 100Gi are requested: its storage class standard"
    caches.becomes(space, "small", "Failed", stays)


def requested(space, claim):
    return space.get("pvc", claim)["spec"]["resources"]["requests"]["storage"]


def test_a_claim_grows_where_its_class_lets_it_and_never_shrinks(space, hub):
    space.apply(cache("growing", hub, SMALL, storage={"storageClass": "expandable"}))
    caches.cached(space, "growing", SMALL)
    first = requested(space, "growing-storage")
    space.patch("aimcache/growing", {"spec": {"models": [{"id": SMALL}, {"id": LARGE}]}})
    caches.cached(space, "growing", SMALL, LARGE)
    larger = requested(space, "growing-storage")
    assert int(larger.removesuffix("Gi")) > int(first.removesuffix("Gi"))
    assert (hub.sent(LARGE), hub.sent(SMALL)) == (BYTES, BYTES)
    space.patch("aimcache/growing", {"spec": {"size": "200Gi"}})
    space.wait("200Gi", lambda: requested(space, "growing-storage") == "200Gi")
    space.patch("aimcache/growing", {"spec": {"size": "150Gi"}})
    message = caches.becomes(space, "growing", "Failed", "cannot shrink")["message"]
    assert message.startswith(
        "PersistentVolumeClaim growing-storage has 200Gi, and 150Gi are requested: it cannot shrink"
    )
    assert requested(space, "growing-storage") == "200Gi"
    assert {one["status"] for one in caches.models(space, "growing").values()} == {"Ready"}
    assert hub.sent() == 2 * BYTES


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "state which models to keep"),
        ({"size": "100 GB"}, "spec.size"),
        ({"size": "-1Gi"}, "spec.size"),
        ({"models": [{"id": LARGE}, {"id": LARGE}]}, 'Duplicate value: {"id":"Qwen/Qwen3-32B"}'),
        ({"modelId": LARGE, "models": [{"id": LARGE}]}, "a model is listed twice"),
        ({"modelId": LARGE, "cleanup": {"schedule": "nightly"}}, "schedule is not in cron format"),
        ({"modelId": LARGE, "cleanup": {"schedule": "61 2 * * *"}}, "schedule is not in cron format"),
        ({"modelId": LARGE, "cleanup": {"maxAge": "-3d"}}, "spec.cleanup.maxAge"),
        ({"models": [{"id": LARGE, "retention": "-3d"}]}, "spec.models[0].retention"),
        ({"modelId": LARGE, "cleanup": {"strategy": "fifo"}}, "spec.cleanup.strategy"),
        ({"modelId": LARGE, "storage": {"accessMode": "ReadWriteAlways"}}, "spec.storage.accessMode"),
        ({"modelId": LARGE, "hub": {"endpoint": "hub.example.com"}}, "spec.hub.endpoint"),
        ({"modelId": LARGE, "size": "1Gi", "storage": {"size": "2Gi"}}, "the same setting and have different values"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_applied(cluster, spec, message):
    refused = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMCache", "metadata": {"name": "refused"}}
    with pytest.raises(KubectlError) as raised:
        cluster.kubectl("apply", "--filename=-", input=json.dumps({**refused, "spec": spec}))
    assert message in str(raised.value)


def test_a_claim_that_is_never_bound_is_said(unbound):
    message = caches.becomes(unbound, "unbound", "Pending", "after a minute", 90)["message"]
    name = unbound.namespace
    assert message == f"PersistentVolumeClaim unbound-storage is not bound after a minute; its storage class is {name}"
