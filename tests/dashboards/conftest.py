"""Pytest fixtures: a Prometheus that has scraped the simulated cluster of the dashboards, trouble included."""

import pytest

from tests.dashboards.shown import shown

PAST = 900
"""Seconds that the cluster has been there when the tests begin."""


@pytest.fixture(scope="package")
def prometheus(monitoring_programs, tmp_path_factory):  # noqa: ARG001 - the programs must be there
    """The Prometheus that the dashboards ask."""
    with shown(tmp_path_factory.mktemp("dashboards"), PAST) as running:
        yield running
