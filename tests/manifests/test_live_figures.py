"""What the overlay with live figures adds to the operator: who is asked, and the way there."""

import pytest

from hooks.server.observers.enabled import observers
from hooks.server.observers.prometheus import Source, read_source
from tests.cluster.standin.selector import compile_selector
from tests.kustomize import OVERLAYS, build


@pytest.fixture(scope="module")
def plain(installed):
    return by_name(installed)


@pytest.fixture(scope="module")
def measuring():
    return by_name(build(OVERLAYS / "live-figures"))


def by_name(objects):
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


def environment(objects):
    [container] = objects["Deployment", "aim-hooks"]["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value") for one in container["env"]}


def test_nothing_is_different_but_two_variables_and_a_way_out(plain, measuring):
    policy = ("NetworkPolicy", "aim-hooks-prometheus")
    assert measuring.keys() - plain.keys() == {policy}
    assert {name for name in plain if plain[name] != measuring[name]} == {("Deployment", "aim-hooks")}
    before, after = environment(plain), environment(measuring)
    changed = {name: value for name, value in after.items() if value != before.get(name)}
    assert changed == {
        "AIM_OBSERVE": f"{before['AIM_OBSERVE']},prometheus",
        "AIM_PROMETHEUS_URL": "http://prometheus-operated.monitoring.svc:9090",
    }


def test_the_server_starts_with_what_the_overlay_says(measuring, monkeypatch):
    given = environment(measuring)
    assert read_source(given) == Source("http://prometheus-operated.monitoring.svc:9090")
    monkeypatch.setenv("AIM_PROMETHEUS_URL", given["AIM_PROMETHEUS_URL"])
    assert observers(given).keys() == {"/endpoint/sync", "/cache/sync", "/gateway/sync"}


def test_the_way_out_leads_to_the_address_that_is_asked(measuring):
    policy, pod = measuring["NetworkPolicy", "aim-hooks-prometheus"], measuring["Deployment", "aim-hooks"]
    assert policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
    assert compile_selector(policy["spec"]["podSelector"])(pod["spec"]["template"]["metadata"]["labels"])
    *_, rule = policy["spec"]["egress"]
    [place] = rule["to"]
    [port] = rule["ports"]
    namespace = place["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    assert environment(measuring)["AIM_PROMETHEUS_URL"].endswith(f".{namespace}.svc:{port['port']}")
