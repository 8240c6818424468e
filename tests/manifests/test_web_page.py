"""The web page as it is installed: what its account may do, who reaches it, and how it is restricted."""

import pytest

from aimlib.api import GROUP
from tests.kustomize import OVERLAYS, build, of_kind
from tests.manifests.restricted import assert_restricted


@pytest.fixture(scope="module")
def objects():
    return build(OVERLAYS / "web-page")


@pytest.fixture(scope="module")
def page(objects):
    """Those of the page, by kind."""
    return {one["kind"]: one for one in objects if one["metadata"]["name"] == "aim-web"}


def test_it_is_all_that_the_overlay_adds(objects, installed, page):
    assert len(objects) == len(installed) + len(page)
    assert {*page} == {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment", "NetworkPolicy"}


def test_it_reads_endpoints_their_events_and_the_catalogue_and_nothing_else(objects, page):
    assert page["ClusterRole"]["rules"] == [
        {"apiGroups": [GROUP], "resources": ["aimendpoints"], "verbs": ["get", "list"]},
        {"apiGroups": [GROUP], "resources": ["aimrecipes", "aimmodels"], "verbs": ["list"]},
        {"apiGroups": [GROUP], "resources": ["aiminventories"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
    ]
    account = {"kind": "ServiceAccount", "name": "aim-web", "namespace": "aim-system"}
    bound = [one for one in of_kind(objects, "ClusterRoleBinding", "RoleBinding") if account in one["subjects"]]
    assert [one["roleRef"]["name"] for one in bound] == ["aim-web"]
    assert page["ServiceAccount"]["automountServiceAccountToken"] is False


def test_the_network_does_not_lead_to_it(page):
    [container] = page["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert "--bind=127.0.0.1:8080" in container["args"]
    assert "ports" not in container
    policy = page["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {443, 6443}
    labels = page["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()


def test_it_is_of_the_release_and_restricted(objects, page):
    pod = page["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    pods = [one["spec"]["template"]["spec"] for one in of_kind(objects, "Deployment")]
    images = {one["image"] for each in pods for one in each["containers"]}
    assert images == {container["image"]}
    assert_restricted(container, pod)
    assert not any("secret" in volume for volume in pod["volumes"])


def test_it_has_the_settings_of_the_operator(objects, page):
    pod = page["Deployment"]["spec"]["template"]["spec"]
    mounted = {one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one}
    assert mounted == {one["metadata"]["name"] for one in of_kind(objects, "ConfigMap")} & mounted
    assert len(mounted) == 1
