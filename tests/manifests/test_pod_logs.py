"""What the overlay that reads logs adds to the operator: a right, and the variable that makes use of it."""

import pytest

from aimlib.config import ConfigError
from hooks.server.observers.enabled import observers
from tests.kustomize import OVERLAYS, build
from tests.manifests.test_live_figures import by_name, environment

ROLE, BINDING = ("ClusterRole", "aim-hooks-pod-logs"), ("ClusterRoleBinding", "aim-hooks-pod-logs")


@pytest.fixture(scope="module")
def reading():
    return by_name(build(OVERLAYS / "pod-logs"))


def test_nothing_is_different_but_a_variable_and_a_right(installed, reading):
    plain = by_name(installed)
    assert reading.keys() - plain.keys() == {ROLE, BINDING}
    assert {name for name in plain if plain[name] != reading[name]} == {("Deployment", "aim-hooks")}
    assert environment(reading) == {**environment(plain), "AIM_OBSERVE_LOGS": "true"}
    assert "AIM_OBSERVE_LOGS" not in environment(plain)


def test_the_right_is_to_get_logs_and_is_the_hook_servers_alone(reading):
    assert reading[ROLE]["rules"] == [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]
    account = {"kind": "ServiceAccount", "name": "aim-hooks", "namespace": "aim-system"}
    assert reading[BINDING]["subjects"] == [account]
    assert reading[BINDING]["roleRef"]["name"] == ROLE[1]


def test_the_server_starts_with_what_the_overlay_has(reading):
    given = environment(reading)
    assert observers(given).keys() == {"/endpoint/sync", "/cache/sync", "/gateway/sync"}
    with pytest.raises(ConfigError):
        observers({**given, "AIM_OBSERVE": "catalogue"})
