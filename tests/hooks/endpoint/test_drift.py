"""What others added to a child; the usual warning is a golden."""

import json

import pytest

from aimlib.protocol.last_applied import LAST_APPLIED
from aimlib.protocol.observed import ChildState
from hooks.endpoint.drift import LISTED_FIELDS, drift_warnings

DESIRED = {
    "kind": "Deployment",
    "metadata": {"name": "chat"},
    "spec": {
        "template": {"spec": {"containers": [{"name": "engine", "args": ["a"], "ports": [{"containerPort": 80}]}]}}
    },
}


def warned(owned, kind="Deployment", **entry):
    """The warnings about a child of which a manager owns these fields of the spec."""
    fields = {"f:spec": owned} if isinstance(owned, dict) else owned
    entries = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields, **entry}]
    observed = {**DESIRED, "kind": kind, "metadata": {"name": "chat", "managedFields": entries}}
    return list(drift_warnings([ChildState({**DESIRED, "kind": kind}, observed, applied=True)]))


def in_pod(fields):
    return {"f:template": {"f:spec": fields}}


def in_engine(fields):
    return in_pod({"f:containers": {'k:{"name":"engine"}': fields}})


PAUSED = {"f:paused": {}}


def test_a_field_that_is_desired_is_no_drift_and_one_that_is_not_is():
    assert warned(in_engine({"f:args": {}, "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}}}})) == []
    [found] = warned(PAUSED)
    assert found.startswith("Deployment chat was changed by hand (kubectl-edit): paused; ")
    [found] = warned(in_engine({"f:ports": {'k:{"containerPort":90,"protocol":"TCP"}': {".": {}}}}))
    assert "template.spec.containers[engine].ports[90, TCP]" in found


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("HorizontalPodAutoscaler", {}),
        ("Deployment", {"subresource": "scale"}),
        ("Deployment", {"manager": "metacontroller"}),
        ("Deployment", {"manager": "kube-controller-manager"}),
    ],
)
def test_what_controllers_write_is_no_drift(kind, entry):
    assert warned(PAUSED, kind, **entry) == []


def test_the_manager_that_records_what_was_applied_is_metacontrollers():
    record = {"f:metadata": {"f:annotations": {f"f:{LAST_APPLIED}": {}}}}
    assert warned(PAUSED, manager="mc", fieldsV1={**record, "f:spec": PAUSED}) == []


def test_a_child_that_is_not_there_has_none():
    assert list(drift_warnings([ChildState(DESIRED, None, applied=False)])) == []


@pytest.mark.parametrize(
    "owned",
    [
        None,
        "text",
        {"f:template": "text"},
        in_engine({"f:args": {'k:{"name":"x"}': {}}, "v:1": {}, "i:0": {}}),
        in_pod({"f:containers": {"k:not json": {}, "k:[1]": {}}}),
        json.loads('{"f:template":' * 900 + "{}" + "}" * 900),
    ],
)
def test_fields_of_another_form_are_no_error(owned):
    assert all("was changed by hand" in one for one in warned(owned))


def test_a_warning_is_bounded_and_printable():
    many = {f"f:{'x' * 5000}{number}\x1b": {} for number in range(100)}
    [found] = warned(many, manager="\x1b]0;" + "m" * 5000)
    assert len(found) < 200 * LISTED_FIELDS + 500
    assert "\x1b" not in found
