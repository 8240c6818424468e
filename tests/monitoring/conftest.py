"""Pytest fixtures: a Prometheus that has scraped a simulated cluster for a while."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.monitoring.pages import PageServer
from tests.monitoring.prometheus import Prometheus, scraping
from tests.monitoring.world import World

PAST = 900
"""Seconds that everything has been there when the tests begin."""


class Monitored(NamedTuple):
    """A simulated cluster, the servers of its pages by the name of the pod, and the Prometheus that scrapes them."""

    world: World
    servers: dict[str, PageServer]
    prometheus: Prometheus


@pytest.fixture(scope="package")
def monitored(monitoring_programs: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:  # noqa: ARG001 - must be there
    """The simulated cluster and its Prometheus, with the shipped rules; leave the world as you found it."""
    world = World()
    with scraping(world.targets(), tmp_path_factory.mktemp("prometheus"), past=PAST) as (prometheus, servers):
        yield Monitored(world, servers, prometheus)
