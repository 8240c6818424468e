"""What somebody adds to a child by hand on the real control plane, which Metacontroller leaves as it is."""

import pytest

from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e


def warnings(space, name: str) -> str:
    return " ".join(space.get("aimendpoint", name)["status"].get("warnings", ()))


def test_an_environment_variable_that_is_added_by_hand_is_a_warning_until_it_is_gone(space):
    space.apply(endpoint("drifting", modelId="Qwen/Qwen3-32B", gpuCount=1))
    space.ready("drifting")
    assert "by hand" not in warnings(space, "drifting")
    space.kubectl("set", "env", "deployment/drifting", "DEBUG=1")
    space.wait("a warning", lambda: "containers[engine].env[DEBUG]" in warnings(space, "drifting"))
    assert "Deployment drifting was changed by hand (kubectl-set)" in warnings(space, "drifting")
    space.kubectl("set", "env", "deployment/drifting", "DEBUG-")
    space.wait("no warning", lambda: "by hand" not in warnings(space, "drifting"))
