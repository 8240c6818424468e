"""The admission policies as they are shipped: what they reach, that each is bound, and that they know our words."""

import re
from typing import Any

import pytest

from aimlib.api.endpoint import ENDPOINT_SPELLINGS
from aimlib.api.precision import AUTO
from aimlib.api.precision import PRECISION_SPELLINGS as PRECISIONS
from aimlib.data import load_data
from tests.kustomize import Objects

OURS = "aim.engine.amd.com"


@pytest.fixture(scope="module")
def policies(installed: Objects) -> dict[str, dict[str, Any]]:
    found = (one for one in installed if one["kind"] == "ValidatingAdmissionPolicy")
    return {one["metadata"]["name"]: one["spec"] for one in found}


@pytest.fixture(scope="module")
def bindings(installed: Objects) -> Objects:
    return [one["spec"] for one in installed if one["kind"] == "ValidatingAdmissionPolicyBinding"]


def variable(policy: dict[str, Any], name: str) -> str:
    """The CEL of a variable."""
    return next(one["expression"] for one in policy["variables"] if one["name"] == name)


def test_a_translation_knows_the_lists_as_they_are_shipped(installed: Objects):
    [shipped] = [one["data"] for one in installed if one["metadata"]["name"] == "aim-admission"]
    for row in load_data("migration")["listed"].values():
        assert shipped[row["list"]].split() == row["shipped"]


def test_policies_reach_our_kinds_and_none_of_their_subresources(policies):
    for policy in policies.values():
        constraints = policy["matchConstraints"]
        assert constraints.keys() == {"resourceRules"}
        for rule in constraints["resourceRules"]:
            assert rule["apiGroups"] == [OURS]
            assert set(rule["resources"]) <= {"aimendpoints", "aimcaches", "aimgateways", "aimmodels", "aimrecipes"}
            assert rule["operations"] == ["CREATE", "UPDATE"]


def test_every_policy_is_bound_and_every_binding_has_its_policy(policies, bindings):
    assert {one["policyName"] for one in bindings} == policies.keys()


def test_a_policy_that_may_fail_is_one_of_security(policies):
    assert {name: one["failurePolicy"] for name, one in policies.items()} == {
        "aim-gateways": "Ignore",
        "aim-hardware": "Ignore",
        "aim-security-caches": "Fail",
        "aim-security-endpoints": "Fail",
        "aim-security-gateways": "Fail",
        "aim-security-models": "Fail",
        "aim-security-pods": "Fail",
        "aim-security-recipes": "Fail",
    }


def test_what_bounds_people_needs_its_parameters_and_advice_does_not(policies, bindings):
    for one in bindings:
        advice = policies[one["policyName"]]["failurePolicy"] == "Ignore"
        if "paramKind" not in policies[one["policyName"]]:
            assert advice
            assert one["validationActions"] == ["Warn"]
            continue
        assert one["paramRef"]["parameterNotFoundAction"] == ("Allow" if advice else "Deny")


def test_no_change_of_a_spec_is_passed_over_that_of_an_object_being_deleted_included(policies):
    for policy in policies.values():
        assert policy["matchConditions"][0]["expression"] == "oldObject == null || object.spec != oldObject.spec"
    conditions = {one["expression"] for policy in policies.values() for one in policy["matchConditions"]}
    assert not any("metadata" in one for one in conditions)


def test_each_namespace_is_warned_or_refused_and_not_both(bindings):
    warns, refuses = sorted(
        (one for one in bindings if one["policyName"] == "aim-hardware"),
        key=lambda one: one["validationActions"] != ["Warn"],
    )
    assert (warns["validationActions"], refuses["validationActions"]) == (["Warn"], ["Deny"])
    selectors = [one["matchResources"]["namespaceSelector"]["matchExpressions"] for one in (warns, refuses)]
    expected = {"key": f"{OURS}/admission", "values": ["enforce"]}
    assert selectors == [[{**expected, "operator": "NotIn"}], [{**expected, "operator": "In"}]]


def test_every_spelling_of_the_number_of_gpus_and_of_the_precision_is_read(policies):
    hardware = policies["aim-hardware"]
    for name, meant in (("gpuCounts", "recipe.gpuCount"), ("precisions", "recipe.precision")):
        paths = {meant, *(".".join(one.path) for one in ENDPOINT_SPELLINGS if ".".join(one.means) == meant)}
        read = re.findall(r"one\.spec\.\?([\w.?]+?)(?:\)|\.or\b|\.optMap)", variable(hardware, name))
        assert {path.replace("?", "") for path in read} == paths


def test_the_vocabulary_of_precisions_is_ours(policies):
    pairs = re.findall(r"'(\w+)': '(\w+)'", variable(policies["aim-hardware"], "precisions"))
    assert dict(pairs) == {**PRECISIONS, AUTO: AUTO}


def test_every_parameter_is_read_and_every_one_that_is_read_is_shipped(installed, policies, bindings):
    [shipped] = [one for one in installed if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", "aim-admission")]
    read = set(re.findall(r"params\.\?data\.\?(\w+)", str(policies)))
    assert read == shipped["data"].keys()
    names = {(one["paramRef"]["name"], one["paramRef"].get("namespace")) for one in bindings if "paramRef" in one}
    assert names == {("cluster", None), ("aim-admission", shipped["metadata"]["namespace"])}


def test_every_policy_with_parameters_knows_all_that_are_shipped(policies, installed: Objects):
    [shipped] = [one["data"] for one in installed if one["metadata"]["name"] == "aim-admission"]
    known = "params.?data.orValue({}).map(key, key).filter(key, !(key in ["
    for name, policy in policies.items():
        # The objects of these aim-security-endpoints checks, too.
        if name not in {"aim-gateways", "aim-hardware", "aim-security-pods"}:
            listed = variable(policy, "malformed").partition(known)[2].partition("]")[0]
            assert set(re.findall(r"'(\w+)'", listed)) == shipped.keys(), name
