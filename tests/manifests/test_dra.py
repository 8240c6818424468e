"""The component dra: one controller that no other depends on, of the same release, with the rights that it needs."""

from copy import deepcopy

import pytest

from aimlib.config import Config
from hooks.device_slice import CLASSES, RESOURCE_API
from hooks.jobs.certificates.clients import CLIENTS
from hooks.server.app import hooks
from tests.kustomize import OVERLAYS, build, of_kind
from tests.manifests.test_least_privilege import READ, granted, needed

CONTROLLERS = ("CompositeController", "DecoratorController")


@pytest.fixture(scope="module")
def overlay():
    return build(OVERLAYS / "dra")


def named(objects, *kinds):
    return {one["metadata"]["name"]: one for one in of_kind(objects, *kinds)}


def test_it_adds_one_controller_of_the_same_release_and_one_child_to_that_of_endpoints(installed, overlay):
    before, after = named(installed, *CONTROLLERS), named(deepcopy(overlay), *CONTROLLERS)
    added = after.pop("aimslice")
    [claims] = [one for one in after["aimendpoint"]["spec"]["childResources"] if one["apiVersion"] == RESOURCE_API]
    assert (claims["resource"], claims["updateStrategy"]) == ("resourceclaimtemplates", {"method": "OnDelete"})
    after["aimendpoint"]["spec"]["childResources"].remove(claims)
    assert after == before
    [parent], [attachment] = added["spec"]["resources"], added["spec"]["attachments"]
    assert (parent["apiVersion"], parent["resource"]) == (RESOURCE_API, "resourceslices")
    assert (attachment["resource"], attachment["updateStrategy"]) == ("aimnodes", {"method": "InPlace"})
    usual = before["aimnode"]["spec"]["hooks"]["sync"]["webhook"]["url"].partition("?")[2]
    urls = {name: hook["webhook"]["url"] for name, hook in added["spec"]["hooks"].items()}
    assert {url.partition("?")[2] for url in urls.values()} == {usual}
    assert {url.rpartition(".svc")[2].partition("?")[0] for url in urls.values()} <= hooks(Config()).keys()
    assert {hook["version"] for hook in added["spec"]["hooks"].values()} == {"v2"}


def test_metacontroller_may_read_slices_and_classes_and_write_neither(installed, overlay):
    before, after = (needed(of_kind(objects, *CONTROLLERS)) for objects in (installed, overlay))
    [role] = [one for one in of_kind(overlay, "ClusterRole") if one["metadata"]["name"] == "metacontroller-dra"]
    classes = {("resource.k8s.io", f"{CLASSES.partition('.')[0].lower()}es"): READ}
    new = {key: verbs for key, verbs in after.items() if key not in before}
    assert new.pop(("resource.k8s.io", "resourceclaimtemplates")), "which has a role of its own"
    assert granted(role) == new | classes
    [binding] = [
        one for one in of_kind(overlay, "ClusterRoleBinding") if one["roleRef"]["name"] == "metacontroller-dra"
    ]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "metacontroller", "namespace": "metacontroller"}]


def test_certificates_are_handed_out_without_it_too():
    [client] = [one for one in CLIENTS if one.path.name == "aimslice"]
    assert not client.required
