"""Related objects: rules, how long they are remembered, and whom a change reaches."""

import threading

import pytest

from tests.cluster.standin import customize
from tests.cluster.standin.customize import Customize, RuleCache, parse_rules
from tests.cluster.standin.discovery import Resource, UnknownResourceError
from tests.cluster.standin.hooks import HookError
from tests.cluster.standin.responses import ResponseError
from tests.cluster.standin.store import Store

RECIPES = Resource("exp/v1", "recipes", "Recipe", namespaced=False, has_status=True)
SECRETS = Resource("v1", "secrets", "Secret", namespaced=True, has_status=False)
NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False, has_status=True)


def thing(name, namespace="", labels=None, generation=1):
    metadata = {"name": name, "uid": f"uid-{name}", "generation": generation, "labels": labels or {}}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {})}}


class FakeInformers:
    """Informers whose objects are given, and whose handlers are called by hand."""

    def __init__(self, objects):
        self.objects, self.handlers, self.released = objects, {}, []

    def acquire(self, resource):
        informers, store = self, Store()
        for obj in self.objects.get(resource, ()):
            store.put(obj)

        class FakeInformer:
            def __init__(self):
                self.store, self.resource = store, resource

            def wait_synced(self, _):
                return True

            def subscribe(self, _, handler):
                informers.handlers[resource] = handler

            def unsubscribe(self, _):
                del informers.handlers[resource]

        return FakeInformer()

    def release(self, informer):
        self.released.append(informer.resource)


class FakeDiscovery:
    """Three resources."""

    def resource(self, api_version, plural):
        for resource in (RECIPES, SECRETS, NAMESPACES):
            if (resource.api_version, resource.plural) == (api_version, plural):
                return resource
        raise UnknownResourceError(f"can't find {plural}")


def customized(rules, objects, parents=()):
    """A Customize whose hook answers `rules`, what it asked, whom it queued, and its informers."""
    asked, queued, informers = [], [], FakeInformers(objects)

    def hook(request):
        asked.append(request)
        answer = rules(request) if callable(rules) else rules
        return {"relatedResources": answer}

    made = Customize(
        controller={"kind": "CompositeController"},
        hook=hook,
        discovery=FakeDiscovery(),
        informers=informers,
        parents=lambda: parents,
        enqueue=queued.append,
    )
    return made, asked, queued, informers


def recipes(**rule):
    return {"apiVersion": "exp/v1", "resource": "recipes", **rule}


def secrets(**rule):
    return {"apiVersion": "v1", "resource": "secrets", **rule}


OBJECTS = {
    RECIPES: [thing("a", labels={"m": "1"}), thing("b", labels={"m": "2"}), thing("c", labels={"m": "1"})],
    SECRETS: [thing("s", "one"), thing("s", "two"), thing("t", "two", {"m": "1"})],
    NAMESPACES: [thing("one", labels={"team": "x"}), thing("two", labels={"team": "y"})],
}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([], {}),
        ([recipes(names=["a", "zzz"])], {"Recipe.exp/v1": ["a"]}),
        ([recipes(names=["zzz"])], {"Recipe.exp/v1": []}),
        ([recipes(names=[])], {"Recipe.exp/v1": ["a", "b", "c"]}),
        ([recipes(labelSelector={"matchLabels": {"m": "1"}})], {"Recipe.exp/v1": ["a", "c"]}),
        ([recipes(labelSelector={})], {"Recipe.exp/v1": ["a", "b", "c"]}),
        ([recipes(names=["a"]), recipes(names=["b"])], {"Recipe.exp/v1": ["a", "b"]}),
        ([secrets()], {"Secret.v1": ["one/s", "two/s", "two/t"]}),
        ([secrets(names=["s"])], {"Secret.v1": ["one/s", "two/s"]}),
        ([secrets(namespace="two")], {"Secret.v1": ["two/s", "two/t"]}),
        ([secrets(namespace="two", names=[])], {"Secret.v1": ["two/s", "two/t"]}),
        ([secrets(namespace="two", names=["s"])], {"Secret.v1": ["two/s"]}),
        ([secrets(namespace="two", labelSelector={"matchLabels": {"m": "1"}})], {"Secret.v1": ["two/t"]}),
        ([secrets(namespaceSelector={"matchLabels": {"team": "x"}})], {"Secret.v1": ["one/s"]}),
        ([recipes(names=["a"]), secrets(namespace="one")], {"Recipe.exp/v1": ["a"], "Secret.v1": ["one/s"]}),
    ],
)
def test_rules_select(rules, found):
    made, *_ = customized(rules, OBJECTS)
    related = made.related(thing("parent", "one"))
    assert {kind: sorted(group) for kind, group in related.items()} == found


@pytest.mark.parametrize(
    "rule",
    [
        recipes(names=["a"], labelSelector={"matchLabels": {"m": "1"}}),
        secrets(names=["a"], namespaceSelector={}),
        secrets(namespace="one", namespaceSelector={}),
    ],
)
def test_contradictory_rules_are_refused(rule):
    with pytest.raises(ResponseError, match="has both"):
        parse_rules({"relatedResources": [rule]})


def test_a_kind_that_is_not_served_fails_the_sync():
    made, *_ = customized([{"apiVersion": "exp/v1", "resource": "ghosts"}], OBJECTS)
    with pytest.raises(UnknownResourceError, match="ghosts"):
        made.related(thing("parent"))


def test_the_hook_is_called_once_per_generation():
    made, asked, *_ = customized([recipes()], OBJECTS)
    made.related(thing("parent"))
    made.related(thing("parent", labels={"new": "label"}))
    assert len(asked) == 1
    assert asked[0] == {"controller": {"kind": "CompositeController"}, "parent": thing("parent")}
    made.related(thing("parent", generation=2))
    made.related(thing("other"))
    assert [request["parent"]["metadata"]["uid"] for request in asked] == ["uid-parent", "uid-parent", "uid-other"]


def test_rules_are_forgotten_after_twenty_minutes():
    now = 0.0
    cache, parent = RuleCache(lambda: now), thing("parent")
    cache.put(parent, ())
    now = 1199.0
    assert cache.get(parent) == ()
    now = 1200.0
    assert cache.get(parent) is None


def test_a_change_reaches_the_parents_that_select_the_object_as_it_was_or_is():
    one, two, three = thing("one"), thing("two"), thing("three")
    rules = {"one": {"m": "1"}, "two": {"m": "2"}, "three": {"m": "3"}}

    def by_name(request):
        return [recipes(labelSelector={"matchLabels": rules[request["parent"]["metadata"]["name"]]})]

    made, _, queued, informers = customized(by_name, OBJECTS, (one, two, three))
    made.related(one)
    informers.handlers[RECIPES](thing("a", labels={"m": "1"}), thing("a", labels={"m": "2"}))
    assert queued == [one, two]


def test_a_change_of_another_kind_reaches_no_parent():
    parent = thing("parent")
    made, _, queued, informers = customized([recipes(), secrets(namespace="one")], OBJECTS, (parent,))
    made.related(parent)
    informers.handlers[SECRETS](None, thing("x", "two"))
    assert queued == []
    informers.handlers[SECRETS](None, thing("x", "one"))
    assert queued == [parent]


def test_a_failing_hook_loses_only_its_own_parents_change():
    good, bad = thing("good"), thing("bad")

    def fails_for_bad(request):
        if request["parent"]["metadata"]["name"] == "bad":
            raise HookError("no")
        return [recipes()]

    made, _, queued, informers = customized(fails_for_bad, OBJECTS, (bad, good))
    made.related(good)
    informers.handlers[RECIPES](None, thing("z"))
    assert queued == [good]


def test_stopping_gives_the_informers_back():
    made, _, _, informers = customized([recipes(), secrets()], OBJECTS)
    made.related(thing("parent"))
    made.stop()
    assert informers.handlers == {}
    assert informers.released == [RECIPES, SECRETS]


def test_without_a_hook_nothing_is_related():
    made = Customize(
        controller={}, hook=None, discovery=FakeDiscovery(), informers=FakeInformers({}), parents=list, enqueue=print
    )
    assert made.related(thing("parent")) == {}


def test_a_related_kind_that_cannot_be_listed_fails_the_sync(monkeypatch):
    monkeypatch.setattr(customize, "SYNC_SECONDS", 0.01)
    made, _, _, informers = customized([recipes()], OBJECTS)
    acquire = informers.acquire

    def never_listed(resource):
        informer = acquire(resource)
        informer.wait_synced = threading.Event().wait
        return informer

    informers.acquire = never_listed
    with pytest.raises(HookError, match=r"not listed within 0.01 s"):
        made.related(thing("parent"))
