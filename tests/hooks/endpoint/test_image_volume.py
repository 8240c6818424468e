"""A model in an image that pods mount: which digest, what waits for it, and what a moved tag changes."""

import pytest

from aimlib.api.cache import HubSpec
from aimlib.caching.job_reports import model_key, newest_key
from aimlib.config import Config
from hooks.inspection.digest import look_up
from hooks.inspection.subject import Subject
from tests.playing import again, play
from tests.world import NOON

TAGGED = "oci://registry.example/models/chat:v1"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
TODAY = "2026-11-23T11:58:00Z"


def world(source=TAGGED, spec=None, **more):
    model = {"id": "Qwen/Qwen3-32B", "source": source, "imageVolume": {"folder": "models"}}
    base = {"endpoint": {"spec": {"model": model, **(spec or {})}}, "recipes": ["qwen3-32b-mi300x-bf16"]}
    return {**base, "inventory": "mi300x", **more}


def named(digest, source=TAGGED, at=TODAY, **more):
    return {"id": "Qwen/Qwen3-32B", "source": source, "resolved": digest, "commit": "c", "checkedAt": at, **more}


def synced(**given):
    return play("endpoint", "/endpoint/sync", world(**given)).answer.said


def one(said, kind):
    return next((child for child in said["children"] if child["kind"] == kind), None)


def reference(said):
    volumes = one(said, "Deployment")["spec"]["template"]["spec"]["volumes"]
    return next(volume["image"] for volume in volumes if volume["name"] == "source")["reference"]


def condition(said, kind):
    return next(found for found in said["status"]["conditions"] if found["type"] == kind)


SERVED = {"inspected": [named(OLD)], "earlier": {"inspected": [named(OLD)], "earlier": {"inspected": [named(OLD)]}}}


def served(**more):
    return synced(**{**SERVED, **more})


def test_no_pod_starts_before_the_digest_is_known():
    said = synced()
    assert one(said, "Deployment") is None
    assert condition(said, "CacheReady")["reason"] == "ImageNotResolved"
    pod = one(said, "Job")["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"] == ["aim", "cache", "check"]
    assert f"--source={TAGGED}" in pod["containers"][0]["args"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert "history" not in said["status"]


def test_the_digest_is_mounted_that_the_tag_named_and_no_cache_is_made():
    said = served(observed={"Job": "missing"})
    assert reference(said) == f"registry.example/models/chat@{OLD}"
    assert one(said, "AIMCache") is None
    assert one(said, "Job") is None, "it was looked up today"
    pod = one(said, "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"] == ["vllm", "serve", "/source/models"]
    assert said["status"]["source"] == {"source": TAGGED, "resolved": OLD, "verified": "Digest"}
    assert said["resyncAfterSeconds"] == 6 * 3600
    assert len(said["status"]["history"]) == 1


@pytest.mark.parametrize("written", [{}, {"source": None}], ids=["known", "status lost"])
def test_a_tag_that_moves_changes_nothing_that_runs_and_is_told(written):
    said = served(inspected=[named(NEW)], written=written)
    assert reference(said) == f"registry.example/models/chat@{OLD}"
    current = condition(said, "UpToDate")
    assert (current["status"], current["reason"]) == ("False", "ModelVersionAvailable")
    assert f"stays until the spec states source: oci://registry.example/models/chat@{NEW}" in current["message"]


def test_another_source_is_looked_up_anew_and_what_runs_stays_meanwhile():
    other = TAGGED.replace("v1", "v2")
    said = served(source=other, earlier={**SERVED["earlier"], "endpoint": world()["endpoint"]})
    assert condition(said, "CacheReady")["reason"] == "ImageNotResolved"
    assert reference(said) == f"registry.example/models/chat@{OLD}"
    assert "source" not in said["status"]


def test_it_is_looked_up_again_the_next_day():
    yesterday = [named(OLD, at="2026-11-22T11:58:00Z")]
    assert one(served(inspected=yesterday), "Job")
    names = {
        one(served(inspected=yesterday, now=NOON.replace(day=day)), "Job")["metadata"]["name"] for day in (24, 25, 26)
    }
    assert len(names) == 3


def test_a_digest_that_is_stated_needs_no_look_up():
    said = synced(source=f"oci://registry.example/models/chat@{OLD}")
    assert (one(said, "Job"), one(said, "ConfigMap")) == (None, None)
    assert reference(said) == f"registry.example/models/chat@{OLD}"
    assert "resyncAfterSeconds" not in said or said["resyncAfterSeconds"] < 60


@pytest.mark.parametrize(
    "report",
    [
        named("sha256:short"),
        named(f"{OLD}/../x"),
        named(OLD, source="oci://registry.example/models/other:v1"),
        {**named(OLD), "id": "acme/other"},
        {**named(OLD), "checkedAt": "yesterday"},
    ],
)
def test_a_report_that_says_nothing_of_this_source_mounts_nothing(report):
    said = synced(inspected=[report], earlier={})
    assert one(said, "Deployment") is None


def test_what_a_registry_refuses_is_told_with_how_to_try_again():
    failed = {"status": {"conditions": [{"type": "Failed", "status": "True", "message": "it failed"}]}}
    refused = {**named(None), "message": "registry.example does not show it: provide access.secret"}
    for report, words in (([refused], refused["message"]), ([], "it failed")):
        said = synced(inspected=report, earlier={}, observed={"Job": failed})
        job = one(said, "Job")["metadata"]["name"]
        again_when = f"{words}; it is tried again within an hour, or at once when Job {job} is deleted"
        assert condition(said, "CacheReady")["message"] == f"waiting for the digest of {TAGGED}: {again_when}"
        assert one(said, "Deployment") is None


def test_an_object_of_another_owner_is_named():
    said = synced(earlier={}, observed={"ConfigMap": "missing"})
    assert "where that lasts, an object of the name has another owner" in condition(said, "CacheReady")["message"]


@pytest.mark.parametrize("text", ["{", "[]", 5])
def test_what_is_no_report_is_none(text):
    subject = Subject("chat", "team-a", "acme/x", None, HubSpec(), Config(), source=TAGGED)
    data = {newest_key(model_key("acme/x", "main")): text}
    there = {"ConfigMap.v1": {"chat-inspection": {"metadata": {"name": "chat-inspection"}, "data": data}}}
    assert look_up(subject, there, NOON).digest is None


def test_the_keys_of_the_registry_are_those_of_the_look_up_and_of_the_pull():
    access = {"secret": "hf-token-registry"}
    given = world(**SERVED)
    given["endpoint"]["spec"]["model"]["access"] = access
    said = play("endpoint", "/endpoint/sync", given).answer.said
    pod = one(said, "Deployment")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "hf-token-registry"}]
    first = world()
    first["endpoint"]["spec"]["model"]["access"] = access
    job = one(play("endpoint", "/endpoint/sync", first).answer.said, "Job")
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "hf-token-registry", "key": ".dockerconfigjson"} in [
        variable["valueFrom"]["secretKeyRef"] for variable in env if "secretKeyRef" in variable.get("valueFrom", {})
    ]


def test_a_stopped_endpoint_waits_for_nothing():
    said = synced(spec={"replicas": 0})
    assert condition(said, "Ready")["reason"] == "Stopped"


def test_a_second_sync_writes_nothing():
    first = play("endpoint", "/endpoint/sync", world(**SERVED))
    assert (
        again("endpoint", "/endpoint/sync", first, world(**SERVED)).answer.said["children"]
        == first.answer.said["children"]
    )


def test_what_was_downloaded_before_stays_until_its_pods_are_gone():
    downloaded = {"id": "Qwen/Qwen3-32B", "source": TAGGED, "imageVolume": None}
    cached = {
        "id": "Qwen/Qwen3-32B",
        "revision": "main",
        "status": "Ready",
        "source": TAGGED,
        "verified": "SourceHashes",
    }
    there = {"status": {"phase": "Ready", "cachedModels": [cached]}}
    before = {"endpoint": {"spec": {"model": downloaded}}, "earlier": {}, "observed": {"AIMCache": there}}
    looked = synced(earlier=before, inspected=[])
    assert condition(looked, "CacheReady")["reason"] == "ImageNotResolved"
    assert one(looked, "AIMCache"), "the pods that run have its files"
    volumes = one(looked, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert any("persistentVolumeClaim" in volume for volume in volumes)
    still = {"Deployment": {"status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1}}}
    mounted = synced(earlier={**before, "inspected": []}, inspected=[named(OLD)], observed=still)
    assert one(mounted, "AIMCache"), "a pod of the former version is left"
