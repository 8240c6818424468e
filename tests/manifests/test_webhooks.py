"""The admission webhooks as they are shipped: whom they ask about what, where, and that they stand in nobody's way."""

from typing import Any

import pytest

from aimlib.api import GROUP
from aimlib.config import Config
from aimlib.naming import MODEL_LABEL
from hooks.jobs.certificates.clients import CLIENTS, SUFFIX, webhook_path
from hooks.server.webhooks import webhooks

KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@pytest.fixture(scope="module")
def shipped(installed) -> dict[str, dict[str, Any]]:
    found = [one for one in installed if one["kind"] in KINDS]
    return {webhook["name"]: webhook for one in found for webhook in one["webhooks"]}


def test_every_route_is_asked_by_one_webhook_and_no_other_path(shipped):
    assert {webhook_path(name, "t") for name in shipped} == {f"{path}/t" for path in webhooks(Config(), lambda: None)}
    assert len(shipped) == 3
    assert all(name.endswith(SUFFIX) for name in shipped)


def test_the_configurations_are_those_that_get_their_certificate(installed):
    found = {(f"{one['kind'].lower()}s", one["metadata"]["name"]) for one in installed if one["kind"] in KINDS}
    assert found == {(one.path.plural, one.path.name) for one in CLIENTS if "webhook" in one.path.plural}


def test_only_endpoints_are_asked_about_and_whatever_goes_wrong_is_ignored_soon(shipped):
    rule = {
        "apiGroups": [GROUP],
        "apiVersions": ["v1alpha1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["aimendpoints"],
        "scope": "Namespaced",
    }
    for webhook in shipped.values():
        assert webhook["rules"] == [rule]
        assert (webhook["failurePolicy"], webhook["timeoutSeconds"]) == ("Ignore", 2)
        assert (webhook["sideEffects"], webhook["admissionReviewVersions"]) == ("None", ["v1"])
        assert webhook["matchPolicy"] == "Equivalent"


def test_each_namespace_is_warned_or_refused_and_not_both(shipped):
    selected = [one.get("namespaceSelector") for name, one in shipped.items() if ".validate." in name]
    label = {"key": f"{GROUP}/admission", "values": ["enforce"]}
    assert selected == [{"matchExpressions": [{**label, "operator": operator}]} for operator in ("NotIn", "In")]


def test_the_address_is_the_service_and_what_the_certificates_bring_is_left_to_them(installed, shipped):
    [service] = [one for one in installed if (one["kind"], one["metadata"]["name"]) == ("Service", "aim-hooks")]
    [port] = [one["port"] for one in service["spec"]["ports"] if one["name"] == "admission"]
    called = {"name": "aim-hooks", "namespace": service["metadata"]["namespace"], "port": port}
    assert [one["clientConfig"] for one in shipped.values()] == [{"service": called}] * 3


def test_the_label_that_is_looked_for_is_the_one_that_is_set(shipped):
    [mutates] = [one for name, one in shipped.items() if name.startswith("mutate.")]
    assert f"'{MODEL_LABEL}' in object.metadata" in mutates["matchConditions"][1]["expression"]
