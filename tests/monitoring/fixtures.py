"""Pytest fixtures: the programs of Prometheus."""

import pytest

from tests.cluster import binaries


@pytest.fixture(scope="session")
def monitoring_programs(request: pytest.FixtureRequest) -> dict[str, object]:
    """Paths of prometheus and promtool; built where they are not there."""
    # A cold build takes minutes: its progress must be seen.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return dict(binaries.ensure(binaries.monitoring()))
