"""Pytest fixtures: a control plane with a node whose pods are real engines, and a hub with a tiny model."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import operator
from tests.cluster.controlplane import control_plane
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import still_running
from tests.engines import installation, kubelet, network


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the engine's programs."""
    return installation.ensure()


@pytest.fixture(scope="session")
def engine_plane(programs: Path) -> Iterator[ControlPlane]:
    """A control plane whose nodes are those of kubelet.py: their pods are processes."""
    if network.INSIDE not in os.environ:
        pytest.fail("these tests need a network of their own: make engines")
    with control_plane() as running:
        with kubelet.running(running, programs) as engines, network.services(running):
            node = f"--filename={kubelet.HERE / 'nodes.yaml'}"
            running.kubectl("apply", "--server-side", node)
            running.kubectl("wait", "--for=condition=Ready", "--timeout=60s", node)
            yield running
        groups = {one.process.pid for one in engines.replicas.values() if one.process}
    left = still_running(groups)
    assert not left, f"still running after everything was stopped: {left}"


@pytest.fixture(scope="session")
def engine_operator(engine_plane: ControlPlane) -> Operator:
    """The operator, installed on that control plane."""
    return operator.install(engine_plane)
