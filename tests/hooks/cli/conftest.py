"""The command line on a cluster in memory."""

import pytest

from hooks.cli import cluster
from tests.hooks.cli.commandline import aim


@pytest.fixture
def aim_on(monkeypatch):
    """`aim` on a stand-in cluster."""

    def run(standin, *words, **given):
        monkeypatch.setattr(cluster, "LiveCluster", lambda *_: standin)
        return aim(*words, **given)

    return run
