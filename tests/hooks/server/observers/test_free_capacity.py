"""The observer of free capacity: when it lists, what it adds up, and what no answer means."""

import json
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlib.protocol.metacontroller import parse_request
from hooks.server.observers import free_capacity as observer
from hooks.server.observers.enabled import observers
from hooks.server.observers.free_capacity import FreeCapacityObserver
from tests.apiserver import standing_in
from tests.cases import TESTDATA, Case
from tests.loopback import Answering, Loopback
from tests.playing import play
from tests.world import NOON

CASE = Case(TESTDATA / "endpoint" / "sync" / "hardware-with-free-gpus-is-selected-before-hardware-without")
NODES, PODS = "/apis/aim.engine.amd.com/v1alpha1/aimnodes", "/api/v1/pods"
POOL = {
    "product": "MI300X",
    "vendor": "amd",
    "memoryGiB": 192,
    "resource": "amd.com/gpu",
    "devices": 8,
}


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server with one node and two pages of pods, which keeps what it is asked."""

    class Api(Answering):
        def do_GET(self):
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            server.asked.append((path, query))
            self.reply(server.code, json.dumps(page(path, query)).encode())

    def page(path, query):
        if path == NODES:
            return {"items": server.nodes}
        following = "" if query.get("continue") and not server.endless else "more"
        return {"items": [pod(2)], "metadata": {"continue": following}}

    server = Loopback(Api)
    server.asked, server.code, server.endless = [], 200, False
    server.nodes = [{"metadata": {"name": "a"}, "spec": {"usable": True, "summary": "", "pools": [POOL]}}]
    with standing_in(server, tmp_path, monkeypatch):
        yield server


def pod(gpus):
    requests = {"resources": {"requests": {"amd.com/gpu": str(gpus)}}}
    return {"metadata": {"name": "p"}, "spec": {"nodeName": "a", "containers": [requests]}}


def asked(now=NOON, **spec):
    request = play(CASE.kind, CASE.hook, {**CASE.world, "syncs": 1}).request
    owner = request["parent"]
    return parse_request({**request, "parent": {**owner, "spec": {**owner["spec"], **spec}}}, now)


def test_what_the_pods_of_a_node_request_is_added_up_over_all_pages(api):
    [use] = FreeCapacityObserver()(asked())
    assert (use.spec.pools[0].devices, use.requested) == (8, {"amd.com/gpu": 4})
    (first, query), (second, following), (last, _) = api.asked
    assert (first, second, last) == (PODS, PODS, NODES)
    assert query == {"fieldSelector": [observer.ON_NODES], "limit": [str(observer.PAGE)]}
    assert following["continue"] == ["more"]


def taking(api, monkeypatch, seconds):
    """A clock that goes on by so many seconds with each three requests."""
    monkeypatch.setattr(observer, "time", SimpleNamespace(monotonic=lambda: len(api.asked) * seconds / 3))


@pytest.mark.parametrize(("took", "seconds"), [(0.0, 2), (1.0, 10), (6.0, 30)])
def test_all_endpoints_share_a_list_for_ten_times_as_long_as_it_took(api, monkeypatch, took, seconds):
    taking(api, monkeypatch, took)
    observe = FreeCapacityObserver()
    first = observe(asked())
    assert observe(asked(now=NOON + timedelta(seconds=seconds - 1))) is first
    assert len(api.asked) == 3
    observe(asked(now=NOON + timedelta(seconds=seconds)))
    observe(asked(now=NOON))  # the clock was set back
    assert len(api.asked) == 9


@pytest.mark.parametrize("spec", [{"recipe": {"whenFull": "Wait"}}, {"modelId": 1}])
def test_nothing_is_listed_where_nothing_is_decided_by_it(api, spec):
    assert FreeCapacityObserver()(asked(**spec)) is None
    assert api.asked == []


def test_nothing_is_listed_for_what_is_pinned(api):
    request = play(CASE.kind, CASE.hook, {**CASE.world, "earlier": {}}).request
    assert FreeCapacityObserver()(parse_request(request, NOON)) is None
    assert api.asked == []


@pytest.mark.parametrize("code", [403, 500])
def test_without_an_answer_nothing_is_known_and_nobody_asks_again_for_half_a_minute(api, code):
    api.code, observe = code, FreeCapacityObserver()
    assert observe(asked()) is None
    assert observe(asked(now=NOON + timedelta(seconds=29))) is None
    assert len(api.asked) == 1


def test_a_list_that_takes_too_long_is_given_up(api, monkeypatch, lines):
    taking(api, monkeypatch, 60.0)
    assert FreeCapacityObserver()(asked()) is None
    assert len(api.asked) == 1
    [line] = lines()
    assert line["error"] == "listing them takes longer than 8 s"


def test_of_too_many_pods_nothing_is_known(api, lines):
    api.endless = True
    assert FreeCapacityObserver()(asked()) is None
    assert len(api.asked) == observer.MOST_PAGES
    [line] = lines()
    assert line["error"] == f"the cluster has more than {observer.PAGE * observer.MOST_PAGES} of them"


@pytest.mark.usefixtures("api")
def test_of_pods_that_are_too_large_nothing_is_known(monkeypatch, lines):
    monkeypatch.setattr(observer, "MAX_PAGE_BYTES", 1)
    assert FreeCapacityObserver()(asked()) is None
    assert lines()[0]["error"] == "500 of them have more than 0 MiB"


def test_an_aimnode_that_cannot_be_read_leaves_nothing_known(api):
    api.nodes = [{"metadata": {"name": "a"}, "spec": {"usable": "perhaps"}}]
    assert FreeCapacityObserver()(asked()) is None


def test_a_variable_of_its_own_enables_it(api):
    observe = observers({"AIM_OBSERVE_FREE": "true"})["/endpoint/sync"]
    observe(asked())
    assert len(api.asked) == 3
