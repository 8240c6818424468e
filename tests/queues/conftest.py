"""Kueue and LeaderWorkerSet, the real ones, and hooks that read what is told of queues."""

import pytest

from tests.cluster import kueue, lws
from tests.cluster.operator import own_account
from tests.cluster.plane import ROOT
from tests.e2e.hookserver import within
from tests.e2e.optional_kinds import group_component

COMPONENT = ROOT / "manifests" / "components" / "queues"


@pytest.fixture(scope="package")
def queues(cluster, installation, tmp_path_factory):
    """A control plane with both, on which namespaces may have queues."""
    with group_component(cluster, installation), lws.manager(cluster):
        cluster.kubectl("create", "namespace", kueue.NAMESPACE)
        kueue.install(cluster, tmp_path_factory.mktemp("kueue"))
        cluster.kubectl("apply", f"--filename={COMPONENT / 'rbac.yaml'}")
        account = str(own_account(cluster, "aim-hooks", "aim-system"))
        observing = {"KUBECONFIG": account, "AIM_OBSERVE": "pods", "AIM_OBSERVE_QUEUES": "true"}
        with within(cluster, installation, **observing):
            yield cluster
        for kind in ("mutating", "validating"):
            name = f"kueue-{kind}-webhook-configuration"
            cluster.kubectl("delete", f"{kind}webhookconfiguration", name)
        cluster.processes["kueue"].stop()
