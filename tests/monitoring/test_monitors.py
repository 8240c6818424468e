"""What ships for the Prometheus operator is what its CRDs take, and does what the files for Prometheus alone do."""

import re

import pytest
import yaml

from tests.kustomize import ROOT, build
from tests.monitoring.operator_crds import schema
from tests.monitoring.targets import RULES, shipped
from tests.schema import objections

OVERLAY = ROOT / "manifests" / "overlays" / "monitoring"
PLURALS = {"PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}
OF_THE_OPERATOR = {"namespace", "pod"}
"""Labels that the Prometheus operator sets by itself."""


@pytest.fixture(scope="module")
def objects():
    return build(OVERLAY)


@pytest.fixture(scope="module")
def monitors(objects):
    return {one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "PodMonitor"}


def test_all_is_in_the_namespace_of_the_hook_server_and_as_the_crds_want_it(objects):
    assert {one["metadata"]["namespace"] for one in objects} == {"aim-system"}
    assert {one["kind"] for one in objects} == set(PLURALS)
    for one in objects:
        found = {key: value for key, value in one.items() if key != "metadata"}
        whole = schema(PLURALS[one["kind"]])
        bare = {**whole, "properties": {key: value for key, value in whole["properties"].items() if key != "metadata"}}
        assert list(objections(found, bare)) == [], one["metadata"]["name"]


@pytest.mark.parametrize("broken", [{"port": 8000}, {"relabelings": [{"sourceLabel": ["a"]}]}, {"scheme": "ftp"}])
def test_what_the_crds_do_not_take_is_seen(broken):
    endpoint = schema("podmonitors")["properties"]["spec"]["properties"]["podMetricsEndpoints"]["items"]
    assert list(objections(broken, endpoint))


def snake(name):
    return re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name)


def job(name):
    return next(one for one in shipped() if one["job_name"] == name)


def test_endpoints_are_relabelled_the_same_in_both_forms(monitors):
    [endpoint] = monitors["aim-endpoints"]["podMetricsEndpoints"]
    theirs = [{snake(key): value for key, value in rule.items()} for rule in endpoint["relabelings"]]
    assert theirs.pop() == {"regex": "endpoint", "action": "labeldrop"}
    ours = [rule for rule in job("aim-endpoints")["relabel_configs"] if rule.get("target_label") not in OF_THE_OPERATOR]
    # That the port is right, and that the pod has not ended, the operator sees to by itself.
    kept, ended = ours.pop(0), ours.pop(0)
    assert kept["regex"] == f"true;{endpoint['port']}"
    assert ended["action"] == "drop"
    assert theirs.pop(0)["regex"] == "true"
    assert theirs == ours


@pytest.mark.parametrize("name", ["aim-endpoints", "aim-gateways"])
def test_pages_of_tenants_are_bounded_the_same_in_both_forms(monitors, name):
    monitor, config = monitors[name], job(name)
    [endpoint] = monitor["podMetricsEndpoints"]
    theirs = [{snake(key): value for key, value in rule.items()} for rule in endpoint["metricRelabelings"]]
    assert theirs == config["metric_relabel_configs"]
    for theirs, ours in (("sampleLimit", "sample_limit"), ("bodySizeLimit", "body_size_limit")):
        assert monitor.get(theirs) == config.get(ours)


@pytest.mark.parametrize("name", ["aim-hooks", "aim-state-metrics", "aim-gateways"])
def test_the_operators_own_pods_are_found_the_same_in_both_forms(monitors, name):
    monitor, config = monitors[name], job(name)
    [endpoint] = monitor["podMetricsEndpoints"]
    label = monitor["selector"]["matchLabels"]["app.kubernetes.io/name"]
    assert config["relabel_configs"][0]["regex"] == f"{label};{endpoint['port']}"
    assert config.get("scheme", "http") == endpoint.get("scheme", "http")
    assert config.get("honor_labels", False) == endpoint.get("honorLabels", False)
    server = config.get("tls_config", {}).get("server_name")
    assert server == endpoint.get("tlsConfig", {}).get("serverName")


def test_the_objects_have_the_rules_of_the_files(objects):
    rules = [one for one in objects if one["kind"] == "PrometheusRule"]
    found = {group["name"]: group for one in rules for group in one["spec"]["groups"]}
    assert found == {group["name"]: group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]}


def test_the_pods_have_the_labels_and_ports_that_monitors_select(monitors):
    pods = {}
    for overlay in ("default", "state-metrics"):
        for one in build(ROOT / "manifests" / "overlays" / overlay):
            if one["kind"] == "Deployment":
                template = one["spec"]["template"]
                ports = {port["name"] for container in template["spec"]["containers"] for port in container["ports"]}
                pods[template["metadata"]["labels"]["app.kubernetes.io/name"]] = ports
    for name in ("aim-hooks", "aim-state-metrics"):
        [endpoint] = monitors[name]["podMetricsEndpoints"]
        assert endpoint["port"] in pods[name]
