"""The components that add child kinds: each declares what its builder makes, and grants what that needs, no more."""

import pytest

from aimlib.api import API_VERSION
from hooks.endpoint.children import OPTIONAL
from tests.kustomize import OVERLAYS, build, of_kind
from tests.manifests.test_least_privilege import granted, needed

CONTROLLERS = ("CompositeController", "DecoratorController")
OPTIONAL_KINDS = pytest.mark.parametrize("child", OPTIONAL, ids=lambda child: child.kind)


OF_SLICES = {("resource.k8s.io", "resourceslices"), ("resource.k8s.io", "resourceslices/finalizers")}
"""Of the other controller of the component dra, which has a role of its own."""


def declared(objects):
    """The child resources of the controller of endpoints, as `group/version` and plural."""
    controllers = [one for one in of_kind(objects, *CONTROLLERS) if one["metadata"]["name"] == "aimendpoint"]
    return [(one["apiVersion"], one["resource"]) for spec in controllers for one in spec["spec"]["childResources"]]


@OPTIONAL_KINDS
def test_a_component_declares_its_kind_and_changes_nothing_else_of_the_controller(installed, child):
    kind, _, version = child.kind.partition(".")
    added = [one for one in declared(build(OVERLAYS / child.component)) if one not in declared(installed)]
    assert added == [(version, f"{kind.lower()}s")]


@OPTIONAL_KINDS
def test_a_component_grants_metacontroller_what_its_kind_needs(installed, child):
    overlay = build(OVERLAYS / child.component)
    before, after = (needed(of_kind(objects, *CONTROLLERS)) for objects in (installed, overlay))
    roles = [one for one in of_kind(overlay, "ClusterRole") if one["metadata"]["name"].startswith("metacontroller-")]
    [role] = [one for one in roles if any(child.resource in rule["resources"] for rule in one["rules"])]
    assert granted(role) == {key: verbs for key, verbs in after.items() if key not in before and key not in OF_SLICES}
    [binding] = [
        one for one in of_kind(overlay, "ClusterRoleBinding") if one["roleRef"]["name"] == role["metadata"]["name"]
    ]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "metacontroller", "namespace": "metacontroller"}]


def test_an_optional_kind_is_not_declared_by_the_controller_that_ships(installed):
    assert {f"{resource}.{version}" for version, resource in declared(installed)}.isdisjoint(
        f"{child.kind.partition('.')[0].lower()}s.{child.kind.partition('.')[2]}" for child in OPTIONAL
    )
    assert all(not child.kind.endswith(API_VERSION) for child in OPTIONAL)
