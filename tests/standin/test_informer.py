"""The informer: list, watch, and what happens when a watch ends."""

import json
import queue
import threading

import pytest

from tests.cluster.standin import informer as informer_module
from tests.cluster.standin.discovery import Resource
from tests.cluster.standin.informer import Informer, InformerPool

from .fakeapi import thing
from .stage import eventually

THINGS = Resource("exp/v1", "things", "Thing", namespaced=True, has_status=True)


class Cluster:
    """Lists and watches of one resource, as a script."""

    def __init__(self, server):
        self.lists, self.events = [], queue.SimpleQueue()
        self.list_queries, self.watch_queries = [], []
        server.answer = self.answer

    def answer(self, request):
        if "watch" in request.query:
            self.watch_queries.append(request.query)
            return 200, iter(self.events.get, None)
        self.list_queries.append(request.query)
        return 200, self.lists.pop(0)

    def event(self, kind, obj):
        self.events.put(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def end(self):
        self.events.put(None)


@pytest.fixture
def cluster(server, monkeypatch):
    monkeypatch.setattr(informer_module, "RETRY_SECONDS", (0.01, 0.02))
    made = Cluster(server)
    yield made
    for _ in range(5):
        made.end()


@pytest.fixture
def informer(api, cluster):  # noqa: ARG001  its script is needed first
    made = Informer(api, THINGS)
    yield made
    made.stop()


def page(version, *items, more=None):
    metadata = {"resourceVersion": str(version), **({"continue": more} if more else {})}
    return {"metadata": metadata, "items": list(items)}


def names(informer, namespace=""):
    return sorted(obj["metadata"]["name"] for obj in informer.store.objects(namespace))


class TestInformer:
    def test_it_lists_in_pages_and_gives_items_their_kind(self, informer, cluster):
        cluster.lists = [page(5, thing("a", 1), more="more"), page(5, thing("b", 2))]
        informer.start()
        assert informer.wait_synced(5)
        assert names(informer) == ["a", "b"]
        assert informer.store.get("n", "a") == {"apiVersion": "exp/v1", "kind": "Thing", **thing("a", 1)}
        assert cluster.list_queries[1]["continue"] == "more"

    def test_it_watches_from_the_list_on(self, informer, cluster):
        cluster.lists = [page(5, thing("a", 1))]
        changes = queue.SimpleQueue()
        informer.start()
        informer.wait_synced(5)
        informer.subscribe("test", lambda old, new: changes.put((_version(old), _version(new))))
        assert changes.get(timeout=5) == (None, "1")
        cluster.event("MODIFIED", thing("a", 6))
        assert changes.get(timeout=5) == ("1", "6")
        cluster.event("MODIFIED", thing("a", 6))
        cluster.event("ADDED", thing("b", 7))
        assert changes.get(timeout=5) == (None, "7"), "the same version again is no change"
        cluster.event("DELETED", thing("a", 8))
        assert changes.get(timeout=5) == ("6", None)
        assert names(informer) == ["b"]
        assert (cluster.watch_queries[0]["resourceVersion"], cluster.watch_queries[0]["allowWatchBookmarks"]) == (
            "5",
            "true",
        )

    def test_a_bookmark_moves_where_the_next_watch_begins(self, informer, cluster):
        cluster.lists = [page(5)]
        informer.start()
        cluster.event("BOOKMARK", {"metadata": {"resourceVersion": "99"}})
        cluster.end()
        eventually(lambda: len(cluster.watch_queries) == 2, "the second watch")
        assert cluster.watch_queries[1]["resourceVersion"] == "99"
        assert len(cluster.list_queries) == 1

    def test_a_watch_that_is_too_old_begins_again_with_a_list(self, informer, cluster):
        cluster.lists = [page(5, thing("gone", 1), thing("stays", 2)), page(50, thing("stays", 2), thing("new", 40))]
        changes = queue.SimpleQueue()
        informer.start()
        informer.wait_synced(5)
        informer.subscribe("test", lambda old, new: changes.put((_version(old), _version(new))))
        assert {changes.get(timeout=5) for _ in range(2)} == {(None, "1"), (None, "2")}
        cluster.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        assert {changes.get(timeout=5) for _ in range(2)} == {("1", None), (None, "40")}
        eventually(lambda: len(cluster.watch_queries) == 2, "the second watch")
        assert cluster.watch_queries[1]["resourceVersion"] == "50"

    def test_an_event_may_come_in_pieces(self, informer, cluster):
        cluster.lists = [page(5)]
        informer.start()
        informer.wait_synced(5)
        line = json.dumps({"type": "ADDED", "object": thing("a", 6)}).encode() + b"\n"
        for piece in (line[:10], line[10:30], line[30:] + line[:5], line[5:]):
            cluster.events.put(piece)
        eventually(lambda: names(informer) == ["a"], "the object")

    def test_owners_and_namespaces_are_indexed(self, informer, cluster):
        owner = {"uid": "u", "controller": True}
        other = {"metadata": {"name": "z", "namespace": "m", "resourceVersion": "3"}}
        cluster.lists = [page(5, thing("a", 1, ownerReferences=[owner]), thing("b", 2), other)]
        informer.start()
        informer.wait_synced(5)
        assert names(informer, "n") == ["a", "b"]
        assert [obj["metadata"]["name"] for obj in informer.store.owned_by("u")] == ["a"]
        cluster.event("MODIFIED", thing("a", 6))
        eventually(lambda: not informer.store.owned_by("u"), "the release")
        assert len(informer.store.owned_by("")) == 3

    def test_the_last_user_ends_a_shared_informer(self, api, cluster):
        cluster.lists = [page(5)]
        pool = InformerPool(api)
        first, second = pool.acquire(THINGS), pool.acquire(THINGS)
        assert first is second
        eventually(lambda: cluster.watch_queries, "the watch")
        pool.release(first)
        pool.release(second)
        eventually(lambda: not _threads("watch Thing.exp/v1"), "the thread to end")
        cluster.lists = [page(9)]
        again = pool.acquire(THINGS)
        assert again is not first
        pool.release(again)


def _version(obj):
    return obj and obj["metadata"]["resourceVersion"]


def _threads(name):
    return [thread for thread in threading.enumerate() if thread.name == name]
