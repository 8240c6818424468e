"""The two kinds that run model servers, and the pods of a group."""

import pytest

from aimlib.kube.server_kinds import is_server, is_worker, pods_template


@pytest.mark.parametrize(
    ("kind", "version", "server"),
    [
        ("Deployment", "apps/v1", True),
        ("LeaderWorkerSet", "leaderworkerset.x-k8s.io/v1", True),
        ("LeaderWorkerSet", "example.com/v1", False),
        ("StatefulSet", "apps/v1", False),
    ],
)
def test_a_server_is_a_deployment_or_a_leader_worker_set(kind, version, server):
    assert is_server({"kind": kind, "apiVersion": version}) is server


def test_the_template_of_a_group_is_that_of_its_leader():
    leader, worker = {"spec": {"hostname": "a"}}, {"spec": {"hostname": "b"}}
    group = {"spec": {"leaderWorkerTemplate": {"leaderTemplate": leader, "workerTemplate": worker}}}
    assert pods_template(group) == leader
    assert pods_template({"spec": {"template": worker}}) == worker


@pytest.mark.parametrize(("labels", "worker"), [(None, False), ({}, False), ("0", False), ("1", True)])
def test_a_worker_has_another_number_than_its_leader(labels, worker):
    given = {"leaderworkerset.sigs.k8s.io/worker-index": labels} if isinstance(labels, str) else labels
    assert is_worker({"metadata": {"labels": given}}) is worker
