"""What the command line reads of a running cluster, where the API server refuses."""

from types import SimpleNamespace

import pytest
from kubernetes.client import ApiException

from hooks.cli.cluster import LiveCluster
from hooks.cli.errors import CommandError


def answering(status):
    def get(*_words):
        raise ApiException(status=status, reason="because")

    cluster = LiveCluster.__new__(LiveCluster)
    cluster.api = SimpleNamespace(get_cluster_custom_object=get)
    return cluster


@pytest.mark.parametrize("status", [403, 404])
def test_a_controller_that_the_user_may_not_read_is_unknown(status):
    assert answering(status).declared_children() is None


def test_another_error_is_reported():
    with pytest.raises(CommandError, match="500 because"):
        answering(500).declared_children()
