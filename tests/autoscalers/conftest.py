"""Pytest fixtures: a namespace of a cluster with the real KEDA and a gateway."""

from collections.abc import Iterator

import pytest

from tests.autoscalers import keda_programs
from tests.autoscalers.load import GATEWAY
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane
from tests.dataplane import running
from tests.dataplane.canaries import gateway
from tests.e2e.conftest import space_for
from tests.e2e.optional_kinds import keda_component
from tests.e2e.space import Space


@pytest.fixture(scope="module")
def space(
    live_plane: ControlPlane,
    live_operator: Operator,
    hooks: None,  # noqa: ARG001 - must be there
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Space]:
    """A namespace with a gateway, on a cluster with KEDA, whose hooks and KEDA ask one Prometheus."""
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with keda_component(live_plane, live_operator):
        keda_programs.install(live_plane, tmp_path_factory.mktemp("keda"))
        with space_for(live_plane, "scaled") as made:
            made.apply(gateway(GATEWAY, holding={"seconds": 45}))
            yield made
        # Not before the namespace is gone: KEDA has a finalizer on what it scales.
        keda_programs.remove(live_plane)
