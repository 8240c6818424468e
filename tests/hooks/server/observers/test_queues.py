"""The observer of queues: which Workload it reads, and what it makes of its conditions and of no answer."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlib.kube.queue import QUEUE_GATE
from aimlib.protocol.metacontroller import parse_request
from aimlib.protocol.observations import PODS
from hooks.server.observers.enabled import observers
from hooks.server.observers.queues import STILL_GATED, QueueObserver
from tests.apiserver import standing_in
from tests.cases import TESTDATA, Case
from tests.loopback import Answering, Loopback
from tests.playing import play
from tests.world import NOON, pod

WAITS = Case(TESTDATA / "endpoint" / "sync" / "a-pod-that-waits-in-a-queue-says-what-the-queue-lacks")
WORKLOADS = "/apis/kueue.x-k8s.io/v1beta2/namespaces/team-a/workloads"
LACKS = "insufficient unused quota for amd.com/gpu in flavor mi300x, 1 more needed"


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server with Workloads, which keeps what it is asked."""

    class Api(Answering):
        def do_GET(self):
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            if path.endswith("/pods"):
                self.reply_json(200, {"items": [queued()]})
                return
            server.asked.append((path, query))
            self.reply(server.code, json.dumps({"items": server.workloads}).encode())

    server = Loopback(Api)
    server.asked, server.code, server.workloads = [], 200, []
    with standing_in(server, tmp_path, monkeypatch):
        yield server


def queued(gate=QUEUE_GATE):
    return pod(
        {
            "metadata": {"uid": "1234", "labels": {"kueue.x-k8s.io/queue-name": "team-a"}},
            "spec": {"nodeName": None, "schedulingGates": [{"name": gate}]},
            "status": {"phase": "Pending"},
            "conditions": {"PodScheduled": {"status": "False", "reason": "SchedulingGated"}},
        }
    )


def asked(*pods):
    return parse_request(play(WAITS.kind, WAITS.hook, WAITS.world).request, NOON).with_observation(PODS, [*pods])


def workload(*checks, **conditions):
    listed = [{"type": kind, "status": status, "message": words} for kind, (status, words) in conditions.items()]
    return {"status": {"conditions": listed, **({"admissionChecks": list(checks)} if checks else {})}}


RESERVED = {"QuotaReserved": ("True", "Quota reserved")}
NODES = {"name": "dws", "state": "Retry", "message": "Provisioning failed: there are no resources in the zone"}


@pytest.mark.parametrize(
    ("workloads", "words"),
    [
        ([workload(QuotaReserved=("False", LACKS), Evicted=("True", "Preempted"))], LACKS),
        ([workload(QuotaReserved=("True", "Quota reserved"), Admitted=("False", "a check waits"))], "a check waits"),
        ([workload(Evicted=("True", "Preempted"))], "Preempted"),
        ([workload(QuotaReserved=("True", "Quota reserved"))], None),
        ([workload(QuotaReserved=("False", ""))], None),
        (
            [workload(NODES, {"name": "mk", "state": "Ready", "message": "a worker has it"}, **RESERVED)],
            (
                "its quota is reserved, and the admission check dws is Retry: Provisioning failed: there are no "
                "resources in the zone"
            ),
        ),
        (
            [workload({"name": "dws", "state": "Pending"}, **RESERVED, Admitted=("False", "not all checks are ready"))],
            "its quota is reserved, and the admission check dws is Pending",
        ),
        ([workload(NODES, QuotaReserved=("False", LACKS), Evicted=("True", "a check is Retry"))], LACKS),
        ([workload({"name": "dws", "state": "Ready"}, **RESERVED, Admitted=("True", "admitted"))], STILL_GATED),
        ([{}, "no object"], None),
        ([], None),
    ],
)
def test_the_conditions_of_its_workload_say_what_a_pod_waits_for(api, workloads, words):
    api.workloads = workloads
    assert QueueObserver()(asked(queued())) == words
    assert api.asked == [(WORKLOADS, {"labelSelector": ["kueue.x-k8s.io/job-uid=1234"], "limit": ["1"]})]


def test_of_a_pod_of_a_group_it_is_the_workload_of_the_group(api):
    api.workloads = [workload(QuotaReserved=("False", LACKS))]
    one = queued()
    one["metadata"]["labels"]["kueue.x-k8s.io/prebuilt-workload-name"] = "leaderworkerset-chat-group-0-ab12"
    assert QueueObserver()(asked(one)) == LACKS
    assert api.asked == [
        (WORKLOADS, {"fieldSelector": ["metadata.name=leaderworkerset-chat-group-0-ab12"], "limit": ["1"]})
    ]


@pytest.mark.parametrize("pods", [(), (pod({}),), (queued("example.com/other"),)])
def test_nothing_is_asked_while_no_pod_waits_in_a_queue(api, pods):
    assert QueueObserver()(asked(*pods)) is None
    assert api.asked == []


@pytest.mark.parametrize("code", [403, 404, 500])
def test_without_an_answer_nothing_is_concluded(api, code):
    api.code = code
    assert QueueObserver()(asked(queued())) is None


def test_switched_on_it_goes_by_the_pods_that_are_listed(api):
    api.workloads = [workload(QuotaReserved=("False", LACKS))]
    observe = observers({"AIM_OBSERVE": "pods", "AIM_OBSERVE_QUEUES": "true"})["/endpoint/sync"]
    observe(parse_request(play(WAITS.kind, WAITS.hook, WAITS.world).request, NOON))
    assert [path for path, _ in api.asked] == [WORKLOADS]
