"""The API server killed while many endpoints change: nothing is lost, and nothing deleted."""

import time

import pytest

from tests.cluster import components, operator
from tests.cluster.controlplane import control_plane
from tests.e2e.many import CHANGES, changing, deletions, many_endpoints

pytestmark = pytest.mark.e2e

ENDPOINTS = 40


@pytest.fixture
def plane():
    """A control plane of this test's own: on the shared one, everybody else would notice."""
    with control_plane() as own:
        own.add_nodes("mi300x")
        operator.install(own)
        yield own


def test_an_api_server_that_is_killed_loses_and_deletes_nothing(plane):
    with many_endpoints(plane, ENDPOINTS) as many:
        with deletions(many) as gone:
            with changing(many):
                time.sleep(0.7)
                components.kill_api_server(plane)
            many.become(CHANGES)
        assert gone == []
