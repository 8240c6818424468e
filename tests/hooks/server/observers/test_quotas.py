"""The reader of queues: what it asks for, and what it makes of a queue that is not there, or not read."""

import json
from fractions import Fraction
from urllib.parse import urlsplit

import pytest

from aimlib.diagnosis.quotas import QueueQuota
from hooks.endpoint.admission import no_quotas
from hooks.server.observers.enabled import quota_reader
from hooks.server.observers.quotas import QuotaReader
from tests.apiserver import standing_in
from tests.loopback import Answering, Loopback

ROOT = "/apis/kueue.x-k8s.io/v1beta2"
LOCAL, CLUSTER = f"{ROOT}/namespaces/team-a/localqueues/gpus", f"{ROOT}/clusterqueues/all"
FLAVORS = [{"name": "x", "resources": [{"name": "amd.com/gpu", "nominalQuota": 8}]}]
RESERVED = [{"name": "x", "resources": [{"name": "amd.com/gpu", "total": "3", "borrowed": "0"}]}]


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server with a LocalQueue and its ClusterQueue, which keeps what it is asked."""

    class Api(Answering):
        def do_GET(self):
            path = urlsplit(self.path).path
            server.asked.append(path)
            found = server.objects.get(path)
            self.reply(200 if found else server.code, json.dumps(found or {}).encode())

    server = Loopback(Api)
    server.asked, server.code = [], 404
    server.objects = {
        LOCAL: {"spec": {"clusterQueue": "all"}},
        CLUSTER: {"spec": {"resourceGroups": [{"flavors": FLAVORS}]}, "status": {"flavorsReservation": RESERVED}},
    }
    with standing_in(server, tmp_path, monkeypatch):
        yield server


def test_a_queue_has_the_quota_of_its_cluster_queue(api):
    found = QuotaReader()("team-a", "gpus")
    assert found == QueueQuota({"amd.com/gpu": Fraction(8)}, {"amd.com/gpu": Fraction(3)})
    assert api.asked == [LOCAL, CLUSTER]


@pytest.mark.parametrize(
    ("gone", "words"), [(LOCAL, "LocalQueue gpus in namespace team-a"), (CLUSTER, "ClusterQueue all")]
)
def test_a_queue_that_is_not_there_is_named(api, gone, words):
    del api.objects[gone]
    assert QuotaReader()("team-a", "gpus") == QueueQuota({}, {}, missing=words)


@pytest.mark.parametrize("code", [403, 500])
def test_without_an_answer_nothing_is_concluded(api, code, lines):
    api.objects, api.code = {}, code
    assert QuotaReader()("team-a", "gpus") is None
    [line] = lines()
    assert line["message"] == "a queue cannot be read"


def test_an_amount_that_is_none_leaves_nothing_known(api):
    api.objects[CLUSTER]["status"] = {"flavorsReservation": [{"resources": [{"name": "cpu", "total": "much"}]}]}
    assert QuotaReader()("team-a", "gpus") is None


def test_it_reads_where_queues_are_observed():
    assert quota_reader({}) is no_quotas
    assert quota_reader({})("team-a", "gpus") is None
    assert isinstance(quota_reader({"AIM_OBSERVE": "pods", "AIM_OBSERVE_QUEUES": "true"}), QuotaReader)
