"""Pytest fixtures: one control plane per session, and the operator on it.

Every run of pytest imports this module, and the client of Kubernetes, which takes a second, only where it is used.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.cluster import binaries
from tests.cluster.processes import still_running

if TYPE_CHECKING:
    from tests.cluster.operator import Operator
    from tests.cluster.plane import ControlPlane

NODES = ("cpu", "mi300x", "mi325x")


@pytest.fixture(scope="session")
def plane(request: pytest.FixtureRequest) -> Iterator["ControlPlane"]:
    """A control plane with its simulated nodes and without the operator."""
    from tests.cluster.controlplane import control_plane  # noqa: PLC0415 - see above

    # A cold build takes minutes: its progress must be seen.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        binaries.ensure()
    with control_plane() as running:
        running.add_nodes(*NODES)
        yield running
    left = still_running({process.pid for process in running.processes.values()})
    assert not left, f"still running after everything was stopped: {left}"


@pytest.fixture(scope="session")
def installation(plane: "ControlPlane") -> "Operator":
    """The operator, installed on the control plane, its inventory filled."""
    from tests.cluster import operator  # noqa: PLC0415 - see above

    return operator.install(plane)


@pytest.fixture(scope="session")
def cluster(plane: "ControlPlane", installation: "Operator") -> "ControlPlane":  # noqa: ARG001 - must be there
    """The control plane with the operator installed, its inventory filled."""
    return plane


@pytest.fixture(scope="session")
def kubectl(plane: "ControlPlane") -> Callable[..., str]:
    """`kubectl(*arguments, input=None)`: what it prints, as the administrator."""
    return plane.kubectl
