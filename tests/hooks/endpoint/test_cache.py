"""An endpoint beside its AIMCache, sync by sync: what never happens, whatever becomes of the cache."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from aimlib.caching.usage import uses
from aimlib.gateway.routed import is_routed
from aimlib.kube.timestamp import format_timestamp
from aimlib.protocol.last_applied import LAST_APPLIED
from hooks.endpoint.cache import FOUND, FOUND_ROOM
from tests.controllers import groups
from tests.playing import call, related, stored
from tests.world import NOON, parent

LARGE, SMALL = "Qwen/Qwen3-32B", "Qwen/Qwen3-0.6B"
RECIPES = ["qwen3-32b-mi300x-bf16", "qwen3-0-6b-mi300x-bf16"]
STATES = ("Waiting", "OnDemand", "Downloading", "Verifying", "Ready", "Failed", "Removed")


def cache(states, mode="ReadWriteMany", name="models", **metadata):
    """The world's AIMCache that lists these models, each in its state."""
    found = [{"id": model, "revision": "main", "status": state, "size": "61Gi"} for model, state in states.items()]
    spec = {"storage": {"accessMode": mode, "size": "1Ti"}, "models": [{"id": model} for model in states]}
    return {name: {"metadata": metadata, "spec": spec, "status": {"cachedModels": found}}}


class Life:
    """An endpoint in a cluster: what is applied stays, and its Deployment's pods become ready when they are told to."""

    def __init__(self, **spec):
        self.spec = {"modelId": LARGE, **spec}
        self.status, self.children, self.now = {}, {}, NOON
        self.writes, self.created = [], {}
        self.ready = self.old = 0

    def sync(self, caches):
        """One sync; the status and children of the answer by kind."""
        self.now += timedelta(seconds=1 if self.now in self.created.values() else 30)  # an event calls again at once
        world = {"endpoint": {"spec": self.spec}, "recipes": RECIPES, "inventory": "mi300x", "caches": caches}
        owner = parent("endpoint", world)
        account = {
            kind: {"metadata": {"creationTimestamp": format_timestamp(time)}} for kind, time in self.created.items()
        }
        account["Deployment"] = {"status": self.account(), **account.get("Deployment", {})}
        body = {
            "parent": owner | {"status": self.status},
            "children": groups("endpoint", present=stored(list(self.children.values()), account)),
            "related": related("endpoint", owner, world),
        }
        code, said = call("endpoint", "/endpoint/sync", body, self.now)
        assert code == 200, said
        if said["status"] != self.status:
            self.writes.append(said["status"])
        applied = {child["kind"]: child for child in said["children"] if not is_routed(child)}
        if pods(applied) != pods(self.children):
            self.ready = 0
        self.created = {kind: self.created.get(kind, self.now) for kind in applied}
        self.status, self.children = said["status"], applied
        return said["status"], applied

    def settle(self, caches):
        """Sync until nothing is written any more."""
        for _ in range(5):
            before = len(self.writes), self.children
            self.sync(caches)
            if before == (len(self.writes), self.children):
                return self.status, self.children
        raise AssertionError(self.writes[-2:])

    def start(self):
        """All replicas become ready."""
        self.ready = self.children["Deployment"]["spec"]["replicas"] if "Deployment" in self.children else 0

    def account(self):
        if "Deployment" not in self.children:
            return {}
        count = self.children["Deployment"]["spec"]["replicas"]
        counts = {"replicas": count, "updatedReplicas": count - self.old, "readyReplicas": self.ready}
        return {"observedGeneration": 1, **counts, "availableReplicas": self.ready}

    def condition(self, kind):
        found = {one["type"]: one for one in self.status["conditions"]}.get(kind)
        return found and (found["status"], found["reason"])


def pods(children):
    """The number of replicas, and what their template is."""
    if "Deployment" not in children:
        return 0, None
    spec = children["Deployment"]["spec"]
    return spec["replicas"], spec["template"]


def downloads(template):
    """Whether pods would download."""
    return any(one["name"] == "HF_TOKEN" for one in template["spec"]["containers"][0]["env"])


def test_from_nothing_to_ready_on_a_ready_cache_are_two_writes():
    life, caches = Life(cache={"name": "models"}), cache({LARGE: "Ready"})
    life.settle(caches)
    life.start()
    life.settle(caches)
    assert life.condition("Ready") == ("True", "AllReplicasReady")
    assert len(life.writes) == 2


def test_each_step_of_a_download_is_one_write_and_what_others_write_of_the_cache_is_none():
    life = Life(cache={"name": "models"})
    for state in ("Waiting", "Downloading", "Verifying"):
        caches = cache({LARGE: state, SMALL: "Waiting"})
        life.settle(caches)
        caches["models"]["status"] |= {"storage": {"usedSize": "1Gi"}, "progress": "1 of 2 GiB"}
        life.settle(caches)
    assert [one["conditions"][0]["reason"] for one in life.writes] == ["Waiting", "Downloading", "Verifying"]
    assert life.children.keys() == {"Service"}


def test_an_endpoint_that_is_changed_back_while_it_waits_restarts_nothing():
    life, caches = Life(cache={"name": "models"}), cache({LARGE: "Ready", SMALL: "Downloading"})
    life.settle(caches)
    life.start()
    _, before = life.settle(caches)
    for name in (SMALL, LARGE):
        life.spec["modelId"] = name
        _, after = life.settle(caches)
        assert pods(after) == pods(before)
    assert life.condition("Ready") == ("True", "AllReplicasReady")


def test_a_cache_that_is_named_wrongly_for_a_moment_is_still_the_one_that_is_found():
    life, caches = Life(), cache({LARGE: "Ready"}) | cache({LARGE: "Ready"}, name="a-models")
    life.spec["cache"] = {"name": "models"}
    life.settle(caches)
    life.start()
    _, before = life.settle(caches)
    life.spec["cache"] = {"name": "modles"}
    life.settle(caches)
    del life.spec["cache"]
    _, after = life.settle(caches)
    assert pods(after) == pods(before)
    assert life.status["cache"]["name"] == "models"


def test_a_cache_that_was_waited_for_and_is_deleted_before_it_was_ready_is_done_without():
    life = Life()
    life.settle(cache({LARGE: "Downloading"}))
    _, after = life.settle({})
    assert downloads(pods(after)[1])
    assert "cache" not in life.status


def test_the_model_of_earlier_pods_is_in_use_until_the_last_of_them_is_gone():
    life, caches = Life(cache={"name": "models"}), cache({LARGE: "Ready", SMALL: "Ready"})
    life.settle(caches)
    life.start()
    life.settle(caches)
    life.spec["modelId"] = SMALL
    life.old = 1
    for _ in range(3):
        life.sync(caches)
        assert [one.id for one in uses(life.children["Service"]["metadata"])] == [SMALL, LARGE]
    life.old = 0
    life.start()
    life.settle(caches)
    assert [one.id for one in uses(life.children["Service"]["metadata"])] == [SMALL]


def test_a_deployment_that_starts_late_because_its_model_came_late_is_not_late():
    life = Life(cache={"name": "models"})
    for _ in range(3):
        life.settle(cache({LARGE: "Downloading"}))
    status, _ = life.sync(cache({LARGE: "Ready"}))
    life.children.pop("Deployment")  # applied, and not observed yet
    life.now -= timedelta(seconds=29)
    again, _ = life.sync(cache({LARGE: "Ready"}))
    assert again["message"] == status["message"] == "0 of 1 replicas ready"


WORLDS = st.one_of(
    st.just({}),
    st.builds(
        cache,
        st.fixed_dictionaries({}, optional={LARGE: st.sampled_from(STATES), SMALL: st.sampled_from(STATES)}),
        st.sampled_from(["ReadWriteMany", "ReadWriteOnce"]),
    ),
    st.just(cache({LARGE: "Ready", SMALL: "Ready"}, deletionTimestamp="2026-11-23T11:00:00Z")),
)
CHANGES = st.fixed_dictionaries(
    {"caches": WORLDS, "starts": st.booleans()},
    optional={
        "modelId": st.sampled_from([LARGE, SMALL]),
        "replicas": st.integers(0, 2),
        "cache": st.sampled_from([{}, {"name": "models"}, {"name": "other"}, {"enabled": True}, {"enabled": False}]),
        "resources": st.sampled_from([{}, {"cpu": "2"}]),
    },
)


@given(st.lists(CHANGES, min_size=1, max_size=8))
def test_whatever_happens_a_deployment_stays_and_no_pod_starts_that_has_no_model(changes):
    life = Life()
    been_ready = False
    for change in changes:
        caches, starts = change["caches"], change["starts"]
        life.spec |= {name: value for name, value in change.items() if name not in {"caches", "starts"}}
        count, template = pods(life.children)
        been_ready |= life.ready > 0
        there = "Deployment" in life.children
        life.sync(caches)
        new_count, new_template = pods(life.children)
        assert "Deployment" in life.children or not there
        has_cache = life.condition("CacheReady") is not None
        arrived = life.condition("CacheReady") == ("True", "CacheReady")
        started = new_count > 0 and (new_template != template or count == 0)
        if has_cache and started:
            assert arrived
            assert not downloads(new_template)
        if has_cache and not arrived and new_count and downloads(new_template):
            assert been_ready  # and so it serves
        if new_template and not downloads(new_template):
            [used] = uses(new_template["metadata"])
            assert used in uses(life.children["Service"]["metadata"])
        life.settle(caches)
        if starts:
            life.start()
            life.settle(caches)


@given(
    st.sampled_from([{}, {"name": "models"}, {"enabled": True}]),
    st.sampled_from([cache({LARGE: "Ready"}), cache({LARGE: "Ready"}, "ReadWriteOnce"), {}]),
    st.lists(WORLDS, min_size=1, max_size=6),
)
def test_whatever_becomes_of_caches_no_running_server_is_restarted(spec, first, later):
    life = Life(cache=spec)
    life.settle(first)
    life.start()
    life.settle(first)
    if life.condition("Ready") != ("True", "AllReplicasReady"):
        assert (spec, first) == ({"name": "models"}, {})
        return
    before = pods(life.children)
    for caches in later:
        life.settle(caches)
        assert pods(life.children) == before
        assert life.condition("Ready") == ("True", "AllReplicasReady")


def test_what_was_applied_is_what_is_kept():
    life, caches = Life(cache={"name": "models"}), cache({LARGE: "Ready"})
    life.settle(caches)
    life.start()
    _, before = life.settle(caches)
    life.spec["resources"] = {"cpu": "3"}
    _, after = life.settle(cache({LARGE: "Removed"}))
    assert after["Deployment"] == before["Deployment"]
    assert LAST_APPLIED not in json.dumps(after["Deployment"])
    assert life.condition("Ready") == ("False", "Waiting")
    _, after = life.settle(caches)
    assert after["Deployment"]["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "3"


def test_caches_that_change_again_and_again_are_remembered_in_bounded_memory():
    """Each version of a cache is another one, and its patterns and messages may have a megabyte."""
    FOUND.results.clear()
    FOUND.weights.clear()
    pattern, message = "p" * 256, "m" * 4096
    model = {"id": LARGE, "include": [pattern] * 32}
    report = {"status": "Failed", "revision": "main", "message": message}
    life = Life(cache={"name": "models"})
    for version in range(8):
        models = [{"id": f"one/model-{version}-{number}", **report} for number in range(512)]
        life.sync(
            {
                "models": {
                    "metadata": {},
                    "spec": {"storage": {"size": "1Ti"}, "models": [model]},
                    "status": {"cachedModels": models},
                }
            }
        )
    assert 1 < len(FOUND.results) < 8
    assert sum(FOUND.weights.values()) <= FOUND_ROOM
    assert all(pattern not in str(found) for found in FOUND.results.values())
