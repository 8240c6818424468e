"""From apply to Ready with models that are not in a repository of the hub by their own id."""

import pytest

from aimlib.api import API_VERSION
from tests.e2e import caches
from tests.e2e.caches import FILES, LARGE
from tests.e2e.space import endpoint
from tests.e2e.test_any_model import FILES as DESCRIBED
from tests.hooks.jobs.volume.artifacts import Registry
from tests.hooks.jobs.volume.bucket import KEYS, Bucket

pytestmark = pytest.mark.e2e

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "team-models"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.fixture
def bucket():
    made = Bucket()
    for path, content in FILES.items():
        made.put(f"chat/{path}", content if isinstance(content, bytes) else b"w" * content)
    yield made
    made.stop()


def test_an_endpoint_serves_a_model_from_a_bucket_and_shows_no_key(space, bucket):
    keys = [
        f"--from-literal={name}={text}"
        for name, text in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True)
    ]
    space.kubectl("create", "secret", "generic", "hf-token-s3", *keys)
    model = {"id": LARGE, "source": "s3://models/chat", "access": {"endpoint": bucket.url, "secret": "hf-token-s3"}}
    space.apply(
        {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": "own"}, "spec": {"models": [model]}},
        endpoint("chat", modelId=LARGE),
    )
    caches.cached(space, "own", LARGE)
    space.ready("chat")
    found = caches.models(space, "own")[LARGE]
    assert (found["source"], found["verified"], found["usedBy"]) == ("s3://models/chat", "FirstRead", ["chat"])
    shown = space.kubectl("get", "aimcache,aimendpoint,configmap,job,deployment,event", "--output=yaml")
    assert not any(key in shown for key in KEYS)
    bucket.put("chat/config.json", b"another")
    sent = bucket.sent
    space.kubectl("annotate", "aimcache/own", "look=again")
    space.kubectl("annotate", "aimendpoint/chat", "look=again")
    space.ready("chat")
    assert bucket.sent == sent


def own_cache(space):
    """The name of the one AIMCache there is; None while there is none, or more."""
    names = [name.partition("/")[2] for name in space.names("aimcaches")]
    return names[0] if len(names) == 1 else None


def test_an_endpoint_downloads_what_its_source_names_to_a_cache_of_its_own(space, bucket):
    for version in ("v1", "v2"):
        for path, content in FILES.items():
            bucket.put(f"{version}/{path}", content if isinstance(content, bytes) else b"w" * content)
    keys = zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True)
    literals = [f"--from-literal={name}={text}" for name, text in keys]
    space.kubectl("create", "secret", "generic", "hf-token-s3", *literals)
    access = {"endpoint": bucket.url, "secret": "hf-token-s3"}
    model = {"id": LARGE, "source": "s3://models/v1", "access": access}
    space.apply(endpoint("chat", model=model))
    space.ready("chat")
    cache = own_cache(space)
    status = space.get("aimendpoint", "chat")["status"]
    assert (status["cache"]["name"], status["source"]["source"]) == (cache, "s3://models/v1")
    assert status["source"]["verified"] == "FirstRead"
    assert caches.models(space, cache)[LARGE]["usedBy"] == ["chat"]
    assert not any(key in space.kubectl("get", "aimcache,aimendpoint,job,deployment", "--output=yaml") for key in KEYS)

    # What is replaced at the source is reported once somebody looks, and restarts nothing.
    before, sent = space.deployment("chat")["spec"], bucket.sent
    bucket.put("v1/config.json", b"{}")
    space.kubectl("annotate", "aimendpoint/chat", "look=again")
    [check] = [name for name in space.names("cronjobs") if "-check-" in name]
    space.kubectl("create", "job", "look", f"--from={check}")
    message = space.becomes("chat", "ModelVersionAvailable", "UpToDate")
    assert "put them into a folder of their own" in message
    assert space.deployment("chat")["spec"] == before
    assert bucket.sent - sent < 100_000
    space.ready("chat")

    # Another source is another cache; the former goes once no pod mounts it.
    space.patch("aimendpoint/chat", {"spec": {"model": {**model, "source": "s3://models/v2"}}})
    space.wait("the former cache to go", lambda: own_cache(space) not in (None, cache))
    space.ready("chat")
    assert space.get("aimendpoint", "chat")["status"]["source"]["source"] == "s3://models/v2"
    space.kubectl("delete", "aimendpoint/chat")
    space.wait("its cache to go with it", lambda: not space.names("aimcaches"))


def test_a_model_that_nobody_described_is_read_and_downloaded_where_an_aimmodel_has_it(space, bucket):
    for path, content in DESCRIBED.items():
        bucket.put(f"mine/{path}", content)
    bucket.keys = None
    name = f"mine-{space.namespace[-4:]}"
    spec = {"modelId": "acme/mine-8b", "source": "s3://models/mine", "access": {"endpoint": bucket.url}}
    try:
        space.apply({"apiVersion": API_VERSION, "kind": "AIMModel", "metadata": {"name": name}, "spec": spec})
        space.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"aimmodel/{name}")
        space.apply(endpoint("chat", modelId="acme/mine-8b"))
        space.ready("chat")
        status = space.get("aimendpoint", "chat")["status"]
        assert (status["resolved"]["source"], status["source"]["source"]) == ("s3://models/mine", "s3://models/mine")
        assert status["cache"]["name"] == own_cache(space)
    finally:
        space.kubectl("delete", "aimmodel", name)
    space.ready("chat")
    assert space.get("aimendpoint", "chat")["status"]["cache"]["name"] == own_cache(space)


def test_an_endpoint_serves_a_folder_on_a_claim(space):
    space.apply(CLAIM, endpoint("own", model={"id": LARGE, "source": "pvc://team-models/qwen"}))
    space.ready("own")
    pod = space.get("deployment", "own")["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"] == ["vllm", "serve", "/source/qwen"]
    assert {"name": "source", "mountPath": "/source", "readOnly": True} in pod["containers"][0]["volumeMounts"]


def test_a_folder_on_a_claim_that_nobody_described_is_read_there_and_served(space):
    space.apply(endpoint("own", model={"id": "acme/mine-8b", "source": "pvc://team-models/mine"}))
    message = space.becomes("own", "ModelNotInspected")
    assert "PersistentVolumeClaim team-models is not in namespace" in message
    assert space.names("jobs") == []

    # The claim alone is enough for a Job, which finds no folder there.
    space.apply(CLAIM)
    space.becomes("own", "ModelNotInspected", words="is not a folder")
    claim = space.get("pvc", "team-models")
    folder = space.plane.folder / "volumes" / claim["spec"]["volumeName"] / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").symlink_to("/etc/hostname")
    job = space.get("aimendpoint", "own")["status"]["inspection"]["job"]
    space.kubectl("delete", "job", job)
    space.becomes("own", "ModelNotInspected", words="is a link out")

    (folder / "config.json").unlink()
    for path, content in DESCRIBED.items():
        (folder / path).write_bytes(content)
    space.kubectl("delete", "job", job)
    space.ready("own")
    status = space.get("aimendpoint", "own")["status"]
    assert (status["inspection"]["state"], status["inspection"]["source"]) == ("Found", "pvc://team-models/mine")
    assert status["resolved"]["derivedFrom"].startswith("the files of acme/mine-8b at ")
    pod = space.get("deployment", "own")["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][-1] == "/source/mine"


def test_an_image_is_mounted_by_the_digest_that_its_tag_named(space):
    registry = Registry()
    try:
        first = registry.push_text("v1", b'{"layers": []}')
        model = {"id": LARGE, "source": f"oci://{registry.host}/models/chat:v1", "imageVolume": {"folder": "models"}}
        space.apply(endpoint("own", model={**model, "access": {"endpoint": registry.url}}))
        space.ready("own")
        status = space.get("aimendpoint", "own")["status"]
        assert (status["source"]["resolved"], status["source"]["verified"]) == (first, "Digest")
        assert space.names("aimcaches") == []
        before = space.deployment("own")["spec"]
        [volume] = [one for one in before["template"]["spec"]["volumes"] if one["name"] == "source"]
        assert volume["image"] == {"reference": f"{registry.host}/models/chat@{first}", "pullPolicy": "IfNotPresent"}

        # The tag moves. A Job that looks reports it, and nothing restarts.
        second = registry.push_text("v1", b'{"layers": [], "annotations": {}}')
        [job] = space.names("jobs")
        space.kubectl("patch", "configmap", "own-inspection", "--type=merge", '--patch={"data": null}')
        space.kubectl("delete", job)
        message = space.becomes("own", "ModelVersionAvailable", "UpToDate")
        assert f"is {second} now, and {first} is mounted" in message
        assert space.deployment("own")["spec"] == before
        space.ready("own")

        # To state the digest takes it.
        stated = {"source": f"oci://{registry.host}/models/chat@{second}", "access": None}
        space.patch("aimendpoint/own", {"spec": {"model": stated}})
        space.wait("the other digest", lambda: second in str(space.deployment("own")["spec"]["template"]))
        space.ready("own")
    finally:
        registry.stop()
