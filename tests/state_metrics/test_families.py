"""The stand-in for kube-state-metrics, on what its documentation shows."""

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.state_metrics.families import ConfigurationError, exposition, families
from tests.state_metrics.values import NotANumberError, at, number, text

LAMP = {
    "apiVersion": "example.com/v1",
    "kind": "Lamp",
    "metadata": {"name": "hall", "labels": {"floor": "1"}},
    "spec": {"bulbs": [{"id": 1, "on": True}, {"id": 3, "on": False}], "colours": ["red", "blue"], "mode": "dim"},
    "status": {
        "phase": "Lit",
        "rooms": {"a": {"watts": 4, "size": "s"}, "b": {"watts": 6, "size": "m"}},
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Warm", "status": "Unknown"}],
        "hours": 43.5,
    },
}


def made(each, *objects, **metric):
    """Labels, without those of the kind, and values of one metric."""
    gvk = {"group": "example.com", "version": "v1", "kind": "Lamp"}
    entry = {"name": "it", "help": "It.", "each": each, **metric}
    [found] = families({"spec": {"resources": [{"groupVersionKind": gvk, "metrics": [entry]}]}}, objects or (LAMP,))
    assert found.name == "kube_customresource_it"
    plain = [
        ({key: value for key, value in one.labels.items() if not key.startswith("customresource_")}, one.value)
        for one in found.series
    ]
    return plain, found.problems


def gauge(**said):
    return {"type": "Gauge", "gauge": said}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (["status", "phase"], "Lit"),
        (["spec", "bulbs", "0", "on"], True),
        (["spec", "bulbs", "-1", "id"], 3),
        (["spec", "bulbs", "[id=3]", "on"], False),
        (["spec", "bulbs", "[on=true]", "id"], 1),
        (["spec", "bulbs", "[id=9]", "on"], None),
        (["spec", "bulbs", "[name=x]", "on"], None),
        (["spec", "bulbs", "id"], None),
        (["spec", "bulbs", "7", "on"], None),
        (["spec", "mode", "[a=b]"], None),
        (["spec", "mode", "x"], None),
        (["spec", "none", "x"], None),
        (["spec", "mode=dim"], "dim"),
        (["spec", "mode=bright"], None),
        ([], LAMP),
    ],
)
def test_a_path_is_keys_indices_and_lookups(path, found):
    assert at(LAMP, path) == found


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        (True, 1),
        (7, 7),
        (2.5, 2.5),
        ("yes", 1),
        ("FALSE", 0),
        ("Unknown", 0),
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T01:00:00.9+01:00", 0),
        ("250m", 0.25),
        ("68Gi", 68 * 2**30),
        ("12k", 12000),
        ("50%", 0.5),
        ("1e3", 1000),
    ],
)
def test_values_are_counted(value, counted):
    assert number(value) == counted


@pytest.mark.parametrize("value", [None, [], {}, "a word", "5 of 6 GiB", "2026-11-23", "%"])
def test_what_is_no_number_is_said(value):
    with pytest.raises(NotANumberError):
        number(value)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (True, "true"),
        (192.0, "192"),
        (0.5, "0.5"),
        (None, "<nil>"),
        (["a", 1], "[a 1]"),
        ({"b": 1, "a": "x"}, "map[a:x b:1]"),
    ],
)
def test_values_are_printed_as_go_does(value, printed):
    assert text(value) == printed


def test_a_gauge_of_one_value():
    assert made(gauge(path=["status", "hours"])) == ([({}, 43.5)], ())


def test_a_gauge_of_a_list_has_a_series_for_each_element():
    said = gauge(path=["status", "conditions"], labelsFromPath={"type": ["type"]}, valueFrom=["status"])
    assert made(said)[0] == [({"type": "Ready"}, 1), ({"type": "Warm"}, 0)]


def test_a_gauge_of_an_object_has_a_series_for_each_field():
    said = gauge(path=["status", "rooms"], labelFromKey="room", labelsFromPath={"size": ["size"]}, valueFrom=["watts"])
    assert made(said)[0] == [({"room": "a", "size": "s"}, 4), ({"room": "b", "size": "m"}, 6)]


def test_a_gauge_of_an_object_by_the_name_of_a_field_has_one_series_unless_nil_is_zero():
    assert made(gauge(path=["status", "rooms", "a"], valueFrom=["watts"]))[0] == [({}, 4)]
    assert made(gauge(path=["status", "rooms", "a"], valueFrom=["watts"], nilIsZero=True))[0] == [({}, 4), ({}, 0)]


def test_what_is_not_there_is_no_series_or_zero():
    assert made(gauge(path=["status", "none"])) == ([], ("got nil while resolving path",))
    assert made(gauge(path=["status", "none"], nilIsZero=True)) == ([({}, 0)], ())
    assert made(gauge(path=["spec", "bulbs"], valueFrom=["none"])) == ([], ())


def test_what_is_no_number_is_a_problem():
    assert made(gauge(path=["status", "phase"])) == ([], ("'Lit' is no number",))


def test_an_info_is_1_with_labels_and_nothing_without():
    assert made({"type": "Info", "info": {"labelsFromPath": {"mode": ["spec", "mode"]}}})[0] == [({"mode": "dim"}, 1)]
    assert made({"type": "Info", "info": {"labelsFromPath": {"mode": ["spec", "none"]}}}) == ([], ())
    colours = {"type": "info", "info": {"path": ["spec", "colours"], "labelsFromPath": {"colour": []}}}
    assert made(colours)[0] == [({"colour": "red"}, 1), ({"colour": "blue"}, 1)]


def test_an_info_of_an_object_has_a_series_for_each_field_with_labels_too():
    said = {"type": "Info", "info": {"path": ["status", "rooms"], "labelFromKey": "room", "labelsFromPath": {}}}
    assert made(said)[0] == [({"room": "a"}, 1), ({"room": "b"}, 1)]


def test_a_stateset_is_1_for_what_is_and_0_for_the_rest():
    said = {"path": ["status", "phase"], "labelName": "phase", "list": ["Lit", "Dark"]}
    assert made({"type": "StateSet", "stateSet": said})[0] == [({"phase": "Lit"}, 1), ({"phase": "Dark"}, 0)]
    each = {"path": ["status", "conditions"], "labelsFromPath": {"type": ["type"]}, "valueFrom": ["status"]}
    said = {**each, "labelName": "state", "list": ["True"]}
    found = [({"state": "True", "type": "Ready"}, 1), ({"state": "True", "type": "Warm"}, 0)]
    assert made({"type": "StateSet", "stateSet": said})[0] == found


def test_a_stateset_of_no_text_is_a_problem_outside_of_a_status():
    without = {**LAMP, "spec": {}, "status": {}}
    said = {"labelName": "x", "list": ["a"]}
    assert made({"type": "StateSet", "stateSet": {**said, "path": ["status", "phase"]}}, without) == ([], ())
    problem = "expected value for path to be string, got <nil>"
    assert made({"type": "StateSet", "stateSet": {**said, "path": ["spec", "mode"]}}, without) == ([], (problem,))


def test_labels_of_the_metric_win_over_those_of_the_resource_and_those_of_each_over_both():
    labels = {"name": ["metadata", "name"], "type": ["kind"]}
    said = gauge(path=["status", "conditions", "[type=Warm]"], labelsFromPath={"type": ["type"]}, valueFrom=["status"])
    found, _ = made(said, labelsFromPath=labels, commonLabels={"unit": "none", "name": "x"})
    assert found == [({"unit": "none", "name": "hall", "type": "Warm"}, 0)]


def test_other_kinds_and_versions_are_left_alone():
    assert (
        made(gauge(path=["status", "hours"]), {**LAMP, "apiVersion": "example.com/v2"}, {**LAMP, "kind": "Bulb"})[0]
        == []
    )


@pytest.mark.parametrize(
    ("each", "words"),
    [
        ({"type": "Counter"}, "unknown metric type Counter"),
        ({"type": "Gauge", "info": {"path": ["x"]}}, "expected each.gauge to not be nil"),
        (gauge(path=["status"], labelsFromPath={"*": ["x"]}), "labels by `\\*`"),
    ],
)
def test_what_is_no_configuration_is_said(each, words):
    with pytest.raises(ConfigurationError, match=words):
        made(each)


def test_the_page_is_text_that_prometheus_reads():
    odd = {**LAMP, "status": {"hours": 1, "phase": 'a "b"\\\n'}}
    gvk = {"group": "example.com", "version": "v1", "kind": "Lamp"}
    metric = {
        "name": "hours",
        "help": "It.",
        "labelsFromPath": {"p": ["status", "phase"]},
        "each": gauge(path=["status", "hours"]),
    }
    resource = {"groupVersionKind": gvk, "metricNamePrefix": "", "metrics": [metric]}
    page = exposition(families(yaml.safe_load(yaml.safe_dump({"spec": {"resources": [resource]}})), [odd]))
    [family] = text_string_to_metric_families(page)
    assert (family.name, family.type, family.documentation) == ("hours", "gauge", "It.")
    [sample] = family.samples
    assert sample.labels["p"] == 'a "b"\\\n'
    assert sample.value == 1
