"""What the overlay that reads queues adds to the operator: a right, and the variable that makes use of it."""

import pytest

from hooks.server.observers.enabled import observers
from tests.kustomize import OVERLAYS, build
from tests.manifests.test_live_figures import by_name, environment

ROLE, BINDING = ("ClusterRole", "aim-hooks-queues"), ("ClusterRoleBinding", "aim-hooks-queues")


@pytest.fixture(scope="module")
def reading():
    return by_name(build(OVERLAYS / "queues"))


def test_nothing_is_different_but_a_variable_and_a_right(installed, reading):
    plain = by_name(installed)
    assert reading.keys() - plain.keys() == {ROLE, BINDING}
    assert {name for name in plain if plain[name] != reading[name]} == {("Deployment", "aim-hooks")}
    assert environment(reading) == {**environment(plain), "AIM_OBSERVE_QUEUES": "true"}


def test_the_rights_are_to_read_and_are_the_hook_servers_alone(reading):
    lists = {"apiGroups": ["kueue.x-k8s.io"], "resources": ["workloads"], "verbs": ["list"]}
    gets = {"apiGroups": ["kueue.x-k8s.io"], "resources": ["localqueues", "clusterqueues"], "verbs": ["get"]}
    assert reading[ROLE]["rules"] == [lists, gets]
    assert reading[BINDING]["subjects"] == [{"kind": "ServiceAccount", "name": "aim-hooks", "namespace": "aim-system"}]
    assert reading[BINDING]["roleRef"]["name"] == ROLE[1]


def test_the_server_starts_with_what_the_overlay_has(reading):
    assert observers(environment(reading)).keys() == {"/endpoint/sync", "/cache/sync", "/gateway/sync"}
