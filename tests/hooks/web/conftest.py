"""The web page in this process, before an API server on loopback."""

import pytest
from kubernetes.client import ApiClient, Configuration

from hooks.web.app import create_page
from hooks.web.reader import ClusterReader
from tests.web.cluster import api, stored


@pytest.fixture
def cluster():
    """An API server, whose objects a test may change."""
    with api(stored()) as server:
        yield server


@pytest.fixture
def reader(cluster):
    """A reader of it."""
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{cluster.server_port}"
    configuration.retries = False
    with ApiClient(configuration) as client:
        yield ClusterReader(client)


@pytest.fixture
def page(reader):
    """A browser without a window: `page.get(path)`."""
    return create_page(reader).test_client()
