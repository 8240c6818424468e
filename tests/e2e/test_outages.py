"""The hook server is away, broken, or replaced by another release."""

import os
import time

import pytest
import yaml

from tests.cluster import operator
from tests.cluster.plane import ROOT
from tests.e2e.hookserver import broken, calls, stopped
from tests.e2e.space import UNSEEN, endpoint

pytestmark = pytest.mark.e2e

OUTAGE_SECONDS = 4


def state(space):
    """What there is, by its unique id, in which version; kinds that count none have none."""
    found = space.get("aimendpoints,deployments,services,persistentvolumeclaims")["items"]
    return {one["metadata"]["uid"]: one["metadata"].get("generation") for one in found}


def serve(space, name):
    space.apply(endpoint(name, modelId="Qwen/Qwen3-32B", cache={"enabled": True}))
    space.ready(name)


def test_without_the_hook_server_nothing_is_deleted_and_it_converges_afterwards(space, installation):
    serve(space, "survivor")
    before = state(space)
    with stopped(space.plane, installation):
        space.kubectl("scale", "aimendpoint/survivor", "--replicas=2")
        space.apply(endpoint("newcomer", modelId="Qwen/Qwen3-32B"))
        time.sleep(OUTAGE_SECONDS)
        during = state(space)
        assert during.keys() >= before.keys()
        assert space.deployment("survivor")["spec"]["replicas"] == 1
        assert space.get("aimendpoint", "newcomer")["status"] == UNSEEN
    space.ready("survivor", "newcomer")
    assert space.deployment("survivor")["spec"]["replicas"] == 2


def test_a_hook_server_that_fails_changes_nothing(space, installation):
    serve(space, "untouched")
    before = state(space)
    status = space.get("aimendpoint", "untouched")["status"]
    with broken(space.plane, installation) as asked:
        space.kubectl("annotate", "aimendpoint/untouched", "example.com/look=again")
        space.kubectl("delete", "pods", "--all")
        space.wait("the broken server to be asked", lambda: any(path.startswith("/endpoint/sync") for path in asked))
        time.sleep(OUTAGE_SECONDS)
        assert state(space) == before
        assert space.get("aimendpoint", "untouched")["status"] == status
    space.kubectl("scale", "aimendpoint/untouched", "--replicas=0")
    space.becomes("untouched", "Stopped")


@pytest.fixture
def shipped(cluster, installation):
    """The control plane, on which the controllers are afterwards those that are shipped."""
    yield cluster
    operator.apply(cluster, operator.OVERLAY, installation.urls)


@pytest.mark.usefixtures("shipped")
def test_another_release_of_the_hook_server_is_asked_anew_and_changes_no_pod(space, installation, tmp_path):
    serve(space, "upgraded")
    before, template = state(space), space.deployment("upgraded")["spec"]["template"]
    pods, asked = space.names("pods"), calls(installation, "/endpoint/sync")
    operator.apply(space.plane, released(tmp_path, "v0.0.2-test"), installation.urls)
    for controller in CONTROLLERS:
        hooks = space.plane.get(controller)["spec"]["hooks"].values()
        assert {hook["webhook"]["url"].partition("?rev=")[2] for hook in hooks} == {"v0.0.2-test"}, controller
    space.wait("the endpoint to be asked about again", lambda: calls(installation, "/endpoint/sync") > asked)
    # A change that is carried out shows that the new controllers have had their say.
    space.apply(endpoint("afterwards", modelId="Qwen/Qwen3-32B"))
    space.ready("afterwards")
    after = state(space)
    assert {uid: after[uid] for uid in before} == before
    assert space.deployment("upgraded")["spec"]["template"] == template
    assert set(pods) <= set(space.names("pods"))


CONTROLLERS = (
    "compositecontroller/aimendpoint",
    "compositecontroller/aiminventory",
    "decoratorcontroller/aimnode",
    "decoratorcontroller/aimrecipe",
)


def released(folder, tag):
    """An overlay of the shipped one that sets another tag of the hook server's image, as a user's would."""

    def shipped(path):
        return os.path.relpath(ROOT / "manifests" / path, folder)

    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    images = {"images": [{"name": "ghcr.io/aim-engine/aim-hooks", "newTag": tag}]}
    parts = {"resources": [shipped("overlays/default")], "components": ["image", shipped("components/release")]}
    (folder / "image").mkdir()
    (folder / "image" / "kustomization.yaml").write_text(yaml.safe_dump(component | images))
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization | parts))
    return folder
