"""What the overlay that looks at free capacity adds to the operator: a right, and the variable that makes use of it."""

import pytest

from hooks.server.observers.enabled import observers
from tests.kustomize import OVERLAYS, build
from tests.manifests.test_live_figures import by_name, environment

ROLE, BINDING = ("ClusterRole", "aim-hooks-free-capacity"), ("ClusterRoleBinding", "aim-hooks-free-capacity")


@pytest.fixture(scope="module")
def looking():
    return by_name(build(OVERLAYS / "free-capacity"))


def test_nothing_is_different_but_a_variable_and_a_right(installed, looking):
    plain = by_name(installed)
    assert looking.keys() - plain.keys() == {ROLE, BINDING}
    assert {name for name in plain if plain[name] != looking[name]} == {("Deployment", "aim-hooks")}
    assert environment(looking) == {**environment(plain), "AIM_OBSERVE_FREE": "true"}


def test_the_right_is_to_list_and_is_the_hook_servers_alone(looking):
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    rules += [{"apiGroups": ["aim.engine.amd.com"], "resources": ["aimnodes"], "verbs": ["list"]}]
    assert looking[ROLE]["rules"] == rules
    assert looking[BINDING]["subjects"] == [{"kind": "ServiceAccount", "name": "aim-hooks", "namespace": "aim-system"}]
    assert looking[BINDING]["roleRef"]["name"] == ROLE[1]


def test_the_server_starts_with_what_the_overlay_has(looking):
    assert observers(environment(looking)).keys() == {"/endpoint/sync", "/cache/sync", "/gateway/sync"}
