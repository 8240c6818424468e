"""What kube-state-metrics is told about our objects, on the statuses of all golden cases."""

import re
import subprocess
from collections import Counter
from typing import get_args

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from aimlib.api.cache_status import CacheStatus, ModelState
from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.gateway_status import GatewayStatus
from aimlib.api.recipe import RecipeStatus
from tests.kustomize import ROOT, build
from tests.state_metrics.families import exposition, families
from tests.state_metrics.objects import golden
from tests.state_metrics.page import CONFIGURATION

OF_THE_KIND = {"customresource_group", "customresource_version", "customresource_kind"}
NAMES = {
    "aim_endpoint_": {"namespace", "aimendpoint"},
    "aim_cache_": {"namespace", "aimcache"},
    "aim_gateway_": {"namespace", "aimgateway"},
    "aim_recipe_": {"aimrecipe"},
    "aim_node_": {"aimnode"},
}
"""The labels of every metric with a prefix."""


@pytest.fixture(scope="module")
def configuration():
    return yaml.safe_load(CONFIGURATION.read_text())


@pytest.fixture(scope="module")
def found(configuration):
    return families(configuration, golden())


def own(series):
    return series.labels.keys() - OF_THE_KIND


def test_no_metric_is_empty(found):
    assert [family.name for family in found if not family.series] == []


def test_every_label_of_a_metric_has_a_value_in_every_series(found):
    for family in found:
        labels = {frozenset(own(one)) for one in family.series}
        assert len(labels) == 1, f"{family.name}: {labels}"
        assert all(all(one.labels.values()) for one in family.series), family.name


def test_no_series_is_there_twice(found):
    for family in found:
        counts = Counter(frozenset(one.labels.items()) for one in family.series)
        assert [labels for labels, count in counts.items() if count > 1] == [], family.name


def test_what_is_logged_is_only_what_is_not_there_yet(found, configuration):
    assert {problem for family in found for problem in family.problems} == {"got nil while resolving path"}
    assert {one["errorLogV"] for one in configuration["spec"]["resources"]} == {10}


def test_labels_are_words_of_the_api_and_no_sentences(found):
    values = {value for family in found for one in family.series for value in one.labels.values()}
    assert [value for value in values if re.search(r"\s", value) or len(value) > 253] == []


def test_the_page_parses_and_has_what_it_was_made_from(found):
    parsed = {one.name: one for one in text_string_to_metric_families(exposition(found))}
    assert {name: len(one.samples) for name, one in parsed.items()} == {one.name: len(one.series) for one in found}


def test_the_names_are_as_prometheus_wants_them(monitoring_programs, found):
    command = [monitoring_programs["promtool"], "check", "metrics"]
    done = subprocess.run(command, input=exposition(found), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def states(configuration, prefix, name):
    metrics = next(one["metrics"] for one in configuration["spec"]["resources"] if one["metricNamePrefix"] == prefix)
    return next(one["each"]["stateSet"]["list"] for one in metrics if one["name"] == name)


def words(model, field):
    """The values of a field of a status that is one of some words."""
    literal = next(one for one in get_args(model.model_fields[field].annotation) if one is not type(None))
    return list(get_args(literal))


def test_phases_and_states_are_those_of_the_api(configuration):
    for prefix, model in (
        ("aim_endpoint", EndpointStatus),
        ("aim_cache", CacheStatus),
        ("aim_gateway", GatewayStatus),
        ("aim_recipe", RecipeStatus),
    ):
        assert states(configuration, prefix, "status_phase") == words(model, "phase")
    assert states(configuration, "aim_cache", "model_state") == list(get_args(ModelState))


def test_one_state_of_a_set_is_1(found):
    for family in found:
        if label := {"aim_cache_model_state": "state"}.get(family.name, "phase" if "_phase" in family.name else None):
            sums = Counter()
            for one in family.series:
                sums[frozenset((key, value) for key, value in one.labels.items() if key != label)] += one.value
            assert set(sums.values()) == {1}, family.name


def test_an_endpoint_is_joined_with_the_published_figure_of_its_recipe(found):
    by_name = {family.name: family.series for family in found}
    figures = {
        (one.labels["recipe"], one.labels["gpu_count"]): one.value
        for one in by_name["aim_recipe_expected_tokens_per_second"]
    }
    assert all(
        one.labels["recipe"] == one.labels["aimrecipe"] for one in by_name["aim_recipe_expected_tokens_per_second"]
    )
    joined = [figures.get((one.labels["recipe"], one.labels["gpu_count"])) for one in by_name["aim_endpoint_info"]]
    assert any(joined), "no golden endpoint uses a configuration with a published figure"


ROW = re.compile(r"^\| `(aim_(?:endpoint|cache|gateway|recipe|node)_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)


def test_the_page_of_metrics_lists_every_name_with_its_type_and_labels(configuration, found):
    listed = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in ROW.findall(
            (ROOT / "docs" / "operate" / "metrics.md").read_text().partition("# State of objects")[2]
        )
    }
    kinds = {
        f"{one['metricNamePrefix']}_{metric['name']}": metric["each"]["type"].lower()
        for one in configuration["spec"]["resources"]
        for metric in one["metrics"]
    }
    prefixes = {family.name: next(one for one in NAMES if family.name.startswith(one)) for family in found}
    made = {family.name: own(family.series[0]) - NAMES[prefixes[family.name]] for family in found}
    assert listed == {name: (kind, made[name]) for name, kind in kinds.items()}
    assert all(NAMES[prefixes[family.name]] <= own(family.series[0]) for family in found)


def test_the_role_is_to_list_and_watch_the_kinds_of_the_configuration_and_their_definitions(configuration):
    installed = build(ROOT / "manifests" / "overlays" / "state-metrics")
    [role] = [one for one in installed if one["kind"] == "ClusterRole"]
    kinds = [f"{one['groupVersionKind']['kind'].lower()}s" for one in configuration["spec"]["resources"]]
    assert [(one["apiGroups"], one["resources"], one["verbs"]) for one in role["rules"]] == [
        (["aim.engine.amd.com"], kinds, ["list", "watch"]),
        (["apiextensions.k8s.io"], ["customresourcedefinitions"], ["list", "watch"]),
    ]


def test_the_shipped_deployment_reads_the_configuration_and_nothing_else():
    installed = build(ROOT / "manifests" / "overlays" / "state-metrics")
    by_kind = {one["kind"]: one for one in installed}
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [mount], [volume] = container["volumeMounts"], pod["volumes"]
    assert volume["configMap"]["name"] == by_kind["ConfigMap"]["metadata"]["name"]
    assert by_kind["ConfigMap"]["data"] == {"metrics.yaml": CONFIGURATION.read_text()}
    assert container["args"] == [
        "--custom-resource-state-only=true",
        f"--custom-resource-state-config-file={mount['mountPath']}/metrics.yaml",
    ]
    [subject] = by_kind["ClusterRoleBinding"]["subjects"]
    assert (subject["name"], subject["namespace"]) == (pod["serviceAccountName"], "aim-system")
    assert by_kind["ServiceAccount"]["metadata"]["name"] == pod["serviceAccountName"]
    assert by_kind["ClusterRoleBinding"]["roleRef"]["name"] == by_kind["ClusterRole"]["metadata"]["name"]
