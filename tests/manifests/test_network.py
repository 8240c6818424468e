"""The NetworkPolicies for a tenant: that they mean the pods that the operator makes, and what they let through."""

from functools import cache
from typing import Any

import pytest

from tests.cases import pod_template
from tests.cluster.standin.selector import compile_selector
from tests.kustomize import ROOT, build
from tests.manifests.children import children

Raw = dict[str, Any]
SERVER, CACHED, DOWNLOAD = "a server that downloads for itself", "a server on a cache", "a download"
DNS = {("UDP", 53), ("TCP", 53)}


@pytest.fixture(scope="module")
def policies() -> dict[str, Raw]:
    built = build(ROOT / "manifests" / "overlays" / "tenant")
    assert {one["kind"] for one in built} == {"NetworkPolicy"}
    return {one["metadata"]["name"]: one["spec"] for one in built}


@cache
def pods() -> dict[str, list[Raw]]:
    """The pods of every golden case, by what they are."""
    found: dict[str, list[Raw]] = {SERVER: [], CACHED: [], DOWNLOAD: []}
    for case, child in children():
        template = pod_template(child)
        if child["kind"] in {"Job", "CronJob"}:
            found[DOWNLOAD].append(template)
        elif child["kind"] == "Deployment" and "gateway/" not in case:  # which bring a policy of their own
            names = {one["name"] for one in template["spec"]["containers"][0]["env"]}
            found[CACHED if "HF_HUB_CACHE" in names else SERVER].append(template)
    return found


def meant(policies: dict[str, Raw], pod: Raw) -> set[str]:
    """The policies that select a pod."""
    labels = pod["metadata"]["labels"]
    return {name for name, spec in policies.items() if compile_selector(spec["podSelector"])(labels)}


MEANT = {
    SERVER: {"aim-servers", "aim-servers-without-cache"},
    CACHED: {"aim-servers"},
    DOWNLOAD: {"aim-downloads"},
}


@pytest.mark.parametrize("what", MEANT)
def test_every_pod_is_selected_by_the_policies_for_what_it_does(policies, what):
    assert pods()[what]
    assert {frozenset(meant(policies, pod)) for pod in pods()[what]} == {frozenset(MEANT[what])}


def outward(policies: dict[str, Raw], what: str) -> set[tuple[str, int]]:
    """Where the pods may connect to, by all policies together, since each adds to the others."""
    assert all("Egress" in policies[name]["policyTypes"] for name in MEANT[what])
    rules = [rule for name in MEANT[what] for rule in policies[name].get("egress", ())]
    assert all(rule["ports"] for rule in rules), "a rule without ports is for all of them"
    return {(one["protocol"], one["port"]) for rule in rules for one in rule["ports"]}


def test_only_what_downloads_reaches_out(policies):
    assert outward(policies, CACHED) == set()
    assert outward(policies, SERVER) == {*DNS, ("TCP", 443)}
    assert outward(policies, DOWNLOAD) == {*DNS, ("TCP", 443), ("TCP", 6443)}


def test_servers_are_reached_on_a_port_that_they_have_and_downloads_are_not(policies):
    [rule] = policies["aim-servers"]["ingress"]
    assert [(one["protocol"], one["port"]) for one in rule["ports"]] == [("TCP", "http")]
    for pod in pods()[SERVER] + pods()[CACHED]:
        [container] = pod["spec"]["containers"]
        assert [(one["protocol"], one["name"]) for one in container["ports"]] == [("TCP", "http")]
    assert "ingress" not in policies["aim-downloads"]
    assert "Ingress" in policies["aim-downloads"]["policyTypes"]


def test_servers_are_reached_from_their_own_namespace_and_from_labelled_ones(policies):
    [rule] = policies["aim-servers"]["ingress"]
    own, *others = rule["from"]
    assert own == {"podSelector": {}}
    labels = [one["namespaceSelector"]["matchLabels"] for one in others]
    assert labels == [{"aim.engine.amd.com/models": "use"}, {"aim.engine.amd.com/metrics": "scrape"}]
