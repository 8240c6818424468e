"""The cache hook, whatever the cache, its reports, its Jobs and its users are: what always holds; and single rules."""

import json

import pytest
from hypothesis import given

from aimlib.api.cache import CachedModelSpec, CacheSpec
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.caching.job_reports import model_key
from aimlib.caching.usage import Use, usage_annotation, usage_labels
from aimlib.config import Config
from aimlib.kube.quantity import GIB, parse_quantity
from aimlib.naming import DNS_1035
from hooks.cache.children.owner import CacheOwner
from tests.cluster.standin.selector import compile_selector
from tests.hooks.cache import worlds as some
from tests.playing import again, call, play
from tests.schema import crd, objections, settled
from tests.test_golden import changes_a_child, without_uid

STATUS = crd("aimcaches")["properties"]["status"]


def sync(world):
    """The play of a world whose cache is answered for."""
    played = play("cache", "/cache/sync", world)
    assert played.answer.code == 200, played.answer.said
    return played


def told(*reports, spec=None, **world):
    """The play of a cache of one model that nobody knows, whose Jobs have reported this."""
    usual = {"size": "200Gi", "models": [{"id": "example/a", **(spec or {})}]}
    return sync(
        {"cache": {"spec": usual}, "state": {"models": [{"id": "example/a", **one} for one in reports]}, **world}
    )


def found(played, kind):
    """The observed children of a kind, by name."""
    groups = played.request["children"].items()
    return {
        one["metadata"]["name"]: one for key, group in groups if key.startswith(f"{kind}.") for one in group.values()
    }


def wanted(played, kind):
    return {one["metadata"]["name"]: one for one in played.answer.said["children"] if one["kind"] == kind}


def models(played):
    return {one["id"]: one for one in played.answer.said["status"].get("cachedModels", ()) if one.get("listed", True)}


def model_of(job):
    [container] = job["spec"]["template"]["spec"]["containers"]
    return next(word for word in container["args"] if word.startswith("--model=")).removeprefix("--model=")


@given(world=some.worlds)
def test_every_answer_is_legal(world):
    said = sync(world).answer.said
    assert list(objections(said["status"], STATUS)) == []
    assert list(settled(said["status"], "status")) == []
    for child in said["children"]:
        assert list(settled(child, child["kind"])) == []


@given(world=some.worlds)
def test_names_are_legal_and_no_two_children_have_the_same(world):
    children = sync(world).answer.said["children"]
    names = [(one["kind"], one["metadata"]["name"]) for one in children]
    assert len(set(names)) == len(names)
    assert all(DNS_1035.fullmatch(name) for _, name in names)
    assert all(len(name) <= 52 for kind, name in names if kind == "CronJob")


@given(world=some.worlds)
def test_a_claim_never_requests_less_than_it_has(world):
    played = sync(world)
    before, after = found(played, "PersistentVolumeClaim"), wanted(played, "PersistentVolumeClaim")
    assert set(before) <= set(after)
    for name, claim in before.items():
        sizes = [parse_quantity(one["spec"]["resources"]["requests"]["storage"]) for one in (claim, after[name])]
        assert sizes[0] <= sizes[1]


@given(world=some.worlds)
def test_a_job_is_for_a_listed_model_that_needs_it_and_there_is_one_for_each(world):
    played = sync(world)
    jobs, status = wanted(played, "Job"), models(played)
    made_for = [model_of(job) for job in jobs.values()]
    assert len(set(made_for)) == len(made_for)
    for name, job in jobs.items():
        state = status[model_of(job)]
        needless = state["status"] in {"Ready", "Removed", "OnDemand"} or state.get("reason") == "TooLarge"
        if needless and name not in found(played, "Job"):
            assert (state["status"], state["reason"]) == ("Waiting", "TooLarge")  # by an earlier Job: it is retried


@given(world=some.crowded)
def test_no_job_is_made_for_a_model_that_is_there(world):
    listed = {one["id"] for one in world["cache"]["spec"]["models"]}
    used = {model for models in world["users"].values() for model, revision in models if revision == "main"}
    played = sync({**world, "observed": {"Job": "missing"}})
    assert {one["status"] for one in models(played).values()} <= {"Ready"}
    assert {name for name, one in models(played).items() if "usedBy" in one} == listed & used
    assert wanted(played, "Job") == {}


@given(world=some.worlds)
def test_a_model_that_waits_for_its_job_has_one(world):
    played = sync(world)
    made_for = {model_of(job) for job in wanted(played, "Job").values()}
    for name, one in models(played).items():
        if one["status"] == "Waiting" and one["message"] == "it waits for its Job to start":
            gone = [job for job in found(played, "Job").values() if model_of(job) == name]
            anew = not wanted(played, "ConfigMap")  # what is about another claim goes first
            assert name in made_for or gone or anew


def identities(children):
    return {(one["kind"], one["metadata"]["name"]) for one in children}


def moves(first, second):
    """Whether children go or come: what uses others waits for them, and goes with them."""
    there = [one for group in first.request["children"].values() for one in group.values()]
    left, following = (identities(play.answer.said["children"]) for play in (first, second))
    return left != following or not identities(there) <= left


@given(world=some.worlds)
def test_a_second_sync_answers_the_same(world):
    first = sync(world)
    second = again("cache", "/cache/sync", first, world)
    for _ in range(4):
        if moves(first, second):
            first, second = second, again("cache", "/cache/sync", second, world)
    assert second.answer.said["children"] == first.answer.said["children"]
    if not changes_a_child(first):
        assert without_uid(second) == without_uid(first)


@given(world=some.crowded)
def test_a_clean_up_for_space_plans_to_remove_all_but_what_is_in_use(world):
    status = sync(world).answer.said["status"]
    free = {one["id"] for one in status.get("cachedModels", ()) if not one.get("usedBy")}
    assert {one["id"] for one in status.get("cleanup", {}).get("planned", ())} == free


@given(world=some.worlds)
def test_progress_is_100_percent_only_when_every_byte_is_there(world):
    reports = {model_key(one["id"], one["revision"]): one for one in world["state"].get("models", ())}
    status = sync(world).answer.said["status"]
    running = [one for one in status.get("cachedModels", ()) if one["status"] in {"Downloading", "Verifying"}]
    for one in running:
        report = reports.get(model_key(one["id"], one["revision"]))
        if report and "(100 %)" in one.get("progress", ""):
            assert report["done"] >= report["total"]
    whole = [one for one in running if "progress" not in one or "(100 %)" in one["progress"]]
    assert ("(100 %)" in status.get("progress", "")) <= (len(whole) == len(running) > 0)


@given(spec=some.values | some.wrong)
def test_any_spec_at_all_is_answered_or_refused_in_a_sentence(spec):
    answer = play("cache", "/cache/sync", {"cache": {"spec": spec}}).answer
    assert answer.code in {200, 422}
    assert answer.code == 200 or "Traceback" not in answer.said["error"]


DOING = ({"include": ["*.json"]}, {"exclude": []}, {"revision": "v1"}, {"maxSize": "70Gi"}, {"id": "example/b"})


@given(name=some.st.sampled_from(some.NAMES), one=some.models)
def test_the_name_of_a_job_follows_from_what_it_does(name, one):
    def job(model, **spec):
        owner = CacheOwner(name, "team-a", CacheSpec.model_validate({"size": "1Ti", **spec}), Config())
        return owner.job(CachedModelSpec.model_validate(model))

    variants = [one, *({**one, **other} for other in DOING)]
    asked = {
        CachedModelSpec.model_validate({**two, "preload": True, "priority": "low", "retention": "1d"})
        for two in variants
    }
    assert len({job(two) for two in variants}) == len(asked)
    assert job({**one, "priority": "high", "retention": "9d", "preload": False}) == job(one)
    assert len({job(one), job(one, hub={"offline": True}), job(one, hub={"endpoint": "https://h"})}) == 3
    assert job(one, size="2Ti") != job(one)  # for which there was no room
    assert job(one, download={"maxWorkers": 3}) == job(one)


def test_what_was_reported_of_a_claim_that_is_gone_is_forgotten_before_its_successor_is_filled():
    world = {"state": {"models": [{"id": "example/a", "state": "Ready"}]}, "written": {"storage": {"pvcUid": "gone"}}}
    first = told(**world)
    assert models(first)["example/a"]["status"] == "Waiting"
    assert (wanted(first, "ConfigMap"), wanted(first, "Job")) == ({}, {})
    assert len(found(first, "Job")) == 1
    second = again("cache", "/cache/sync", first, {})
    assert second.answer.said["status"]["storage"]["pvcUid"] == "PersistentVolumeClaim-models-storage"
    assert set(wanted(second, "ConfigMap")) == {"models-state"}
    third = again("cache", "/cache/sync", second, {})
    assert [model_of(job) for job in wanted(third, "Job").values()] == ["example/a"]
    fourth = again("cache", "/cache/sync", third, {})
    assert fourth.answer.said["children"] == third.answer.said["children"]


def test_a_claim_that_is_not_seen_for_a_while_forgets_nothing():
    world = {"observed": {"PersistentVolumeClaim": "missing"}, "written": {"storage": {"pvcUid": "there"}}}
    played = told({"state": "Ready"}, **world)
    assert models(played)["example/a"]["status"] == "Ready"
    assert played.answer.said["status"]["storage"]["pvcUid"] == "there"


def test_a_model_that_was_too_large_is_downloaded_once_it_may_be_larger():
    report = {"state": "Failed", "reason": "TooLarge", "message": "it has 80 GiB, and its maxSize is 70Gi"}
    played = told(report, spec={"maxSize": "90Gi"}, observed={"Job": "missing"})
    [model] = models(played).values()
    assert (model["status"], model["message"]) == (
        "Waiting",
        "it has 80 GiB, and its maxSize is 70Gi; it is retried",
    )
    assert [model_of(job) for job in wanted(played, "Job").values()] == ["example/a"]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("Network", DOWNLOAD_OUTCOMES["Network"].message), ("Strange", "Strange")],
)
def test_a_failure_without_a_message_has_that_of_its_reason(reason, said):
    [model] = models(told({"state": "Failed", "reason": reason})).values()
    assert model["message"] == f"{said}; it is retried"


def test_a_long_message_is_cut_where_the_status_has_no_more_room():
    played = told({"state": "Failed", "reason": "Network", "message": "m" * 4096})
    assert [one["message"] for one in models(played).values()] == ["m" * 4096]


def test_progress_is_that_of_downloads_that_run():
    # What was begun and is not listed any more does not go on, though its last report stays.
    state = {"state": "Downloading", "done": GIB, "total": 4 * GIB}
    played = told(state, {"id": "example/left", **state, "total": 100 * GIB})
    assert played.answer.said["status"]["progress"] == "1 of 4 GiB (25 %)"
    played = told(state, spec={"preload": False})
    assert "progress" not in played.answer.said["status"]


def test_a_report_that_overstates_does_not_make_up_for_another():
    listed = [{"id": "example/a"}, {"id": "example/b"}]
    reports = [
        {"id": "example/a", "state": "Downloading", "done": 9 * GIB, "total": 4 * GIB},
        {"id": "example/b", "state": "Downloading", "done": GIB, "total": 4 * GIB},
    ]
    played = sync({"cache": {"spec": {"size": "1Ti", "models": listed}}, "state": {"models": reports}})
    assert played.answer.said["status"]["progress"] == "5 of 8 GiB (62 %)"


def test_messages_about_many_models_are_cut_to_the_length_of_the_status():
    listed = [{"id": f"{'x' * 250}/{place}"} for place in range(64)]
    texts = {f"{'y' * 50}{place}": "?" for place in range(200)}
    spec = {"size": "1Ti", "models": listed}
    said = sync({"cache": {"spec": spec}, "state": {"texts": texts}}).answer.said
    assert max(len(one) for one in said["status"]["warnings"]) == 4096
    assert said["status"]["warnings"][-1].endswith(f"{'y' * 50}103, {'y' * 50}104 and 192 more")
    assert list(objections(said["status"], STATUS)) == []


def test_a_megabyte_of_reports_makes_a_status_that_can_be_stored():
    models = [
        {"id": f"a/{'x' * 240}{place}", "revision": "r" * 1000, "state": "Ready", "message": "m" * 1500, "done": 1}
        for place in range(350)
    ]
    spec = {"size": "1Ti", "models": [{"id": "zz/listed"}], "cleanup": {"enabled": True, "maxAge": "0s"}}
    state = {"models": [*models, {"id": "zz/listed", "state": "Ready"}], "texts": {"deep": "[" * 100_000}}
    said = sync({"cache": {"spec": spec}, "state": state}).answer.said
    assert said["status"]["models"] == "1/1"
    assert "reports are not read: a cache has at most 256" in said["status"]["warnings"][-1]
    assert len(json.dumps(said["status"])) < 1 << 20


def test_what_jobs_report_cannot_control_a_terminal():
    report = {"id": "a/b", "state": "Failed", "reason": "Network", "message": "no\x1b]0;title\x07 way\u202e\nout"}
    said = sync(
        {"cache": {"spec": {"size": "1Ti", "models": [{"id": "a/b"}]}}, "state": {"models": [report]}}
    ).answer.said
    assert said["status"]["cachedModels"][0]["message"].startswith("no]0;title way out")


@pytest.mark.parametrize(
    "report",
    [
        {"id": "no id", "state": "Ready"},
        {"state": "Ready", "revision": "x" * 1025},
        {"state": "Ready", "commit": "c" * 1025},
        {"state": "Failed", "reason": "r" * 1025},
        {"state": "Ready", "cachedAt": "yesterday"},
        {"state": "Ready", "cachedAt": "2026-02-31T00:00:00Z"},
        {"state": "Ready", "lastUsed": "2026-11-23T12:00:00"},
        {"state": "Ready", "done": -1},
        {"state": "Ready", "files": 2**63},
    ],
    ids=str,
)
def test_a_report_that_does_not_fit_into_the_status_counts_as_unreadable(report):
    one = {"id": "example/a", **report}
    key = model_key(one["id"], one.get("revision"))
    played = told(state={"texts": {key: json.dumps(one)}})
    [warning] = [one for one in played.answer.said["status"]["warnings"] if "cannot be read" in one]
    assert warning.endswith(f": {key}")
    assert models(played)["example/a"]["status"] == "Waiting"


USES = (Use("models", "example/a"),)
RECORD = {"labels": usage_labels(USES), "annotations": usage_annotation(USES)}
OWNED = [{"kind": "AIMEndpoint", "name": "chat", "controller": True}]


def recorded(kind, **metadata):
    """The related objects of a cache with one object that has a record."""
    served = {"metadata": {"name": "chat-child", "namespace": "team-a", **RECORD, **metadata}}
    return {key: {"team-a/chat-child": served} if key == kind else {} for key in ("Deployment.apps/v1", "Service.v1")}


@pytest.mark.parametrize("kind", ["Deployment.apps/v1", "Service.v1"])
@pytest.mark.parametrize(
    ("metadata", "user"),
    [
        ({"ownerReferences": OWNED}, "chat"),
        ({}, "chat-child"),
        ({"ownerReferences": OWNED, "annotations": {}}, "chat"),
        ({"ownerReferences": OWNED, "annotations": {"aim.engine.amd.com/cached-models": "[" * 10_000}}, "chat"),
    ],
    ids=["owned", "left by its endpoint", "without the models", "with garbage"],
)
def test_a_model_is_in_use_by_the_record_on_either_child_and_in_doubt(kind, metadata, user):
    spec = {"cleanup": {"enabled": True, "minFreeSpace": "190Gi"}}
    report = {"id": "example/a", "state": "Ready", "done": 2**30, "cachedAt": "2026-01-01T00:00:00Z"}
    measured = {"volume": {"total": 2**37, "used": 2**37, "available": 0}}
    played = sync(
        {
            "cache": {"spec": {"size": "200Gi", "models": [{"id": "example/a"}], **spec}},
            "state": {"models": [report], **measured},
            "written": {"cachedModels": [{"id": "example/a", "revision": "main", "status": "Ready"}]},
        }
    )
    assert played.answer.said["status"]["cleanup"]["planned"]
    body = {**played.request, "related": {**played.request["related"], **recorded(kind, **metadata)}}
    said = call("cache", "/cache/sync", body).said["status"]
    assert said["cachedModels"][0]["usedBy"] == [user]
    assert "planned" not in said.get("cleanup", {})


def test_a_job_that_runs_stays_while_another_waits_for_the_reports():
    spec = {"size": "1Ti", "models": [{"id": "example/a"}, {"id": "example/b"}]}
    world = {"cache": {"spec": spec}, "earlier": {}, "observed": {"ConfigMap": "missing"}}
    played = sync(world)
    [name, other] = found(played, "Job")
    body = json.loads(json.dumps(played.request))
    del body["children"]["Job.batch/v1"][f"team-a/{other}"]
    jobs = [one for one in call("cache", "/cache/sync", body).said["children"] if one["kind"] == "Job"]
    assert [one["metadata"]["name"] for one in jobs] == [name]


SERVED = {"id": "Qwen/Qwen3-32B"}


def deployment_on(name, spec):
    """The Deployment of the endpoint chat, which serves the model from a ready cache."""
    ready = {**SERVED, "revision": "main", "status": "Ready", "commit": "9216db5", "size": "61Gi", "files": 25}
    world = {
        "endpoint": {"spec": {"modelId": SERVED["id"]}},
        "recipes": ["qwen3-32b-mi300x-bf16"],
        "inventory": "mi300x",
        "caches": {name: {"spec": spec, "status": {"cachedModels": [ready]}}},
    }
    children = play("endpoint", "/endpoint/sync", world).answer.said["children"]
    [running] = [one for one in children if one["kind"] == "Deployment"]
    return running


def users_of(cache, running):
    """Who uses the models of a cache, which has to relate the running Deployment to know."""
    rules = call("cache", "/cache/customize", {"parent": cache.request["parent"]}).said["relatedResources"]
    selected = [rule["labelSelector"] for rule in rules if rule["resource"] == "deployments"]
    assert any(compile_selector(one)(running["metadata"]["labels"]) for one in selected)
    related = {**cache.request["related"], "Deployment.apps/v1": {"team-a/chat": running}}
    said = call("cache", "/cache/sync", {**cache.request, "related": related}).said
    return [one["usedBy"] for one in said["status"]["cachedModels"]]


def test_endpoints_of_another_cache_on_the_same_claim_are_users():
    """A clean-up of the one cache would remove the models under the pods of the other."""
    existing = {"existingClaim": "models", "accessMode": "ReadWriteMany"}
    running = deployment_on("ours", {"storage": existing, "models": [SERVED]})
    cleaned = {"storage": existing, "models": [SERVED], "cleanup": {"enabled": True, "maxAge": "1s"}}
    theirs = sync({"cache": {"metadata": {"name": "theirs"}, "spec": cleaned}, "claims": {"models": {}}})
    assert users_of(theirs, running) == [["chat"]]


def test_endpoints_of_a_cache_that_borrows_the_claim_of_this_one_are_its_users():
    """Without them, a clean-up of the cache that made the claim would remove the models under their pods."""
    borrowed = {"existingClaim": "models-storage", "accessMode": "ReadWriteMany"}
    running = deployment_on("borrows", {"storage": borrowed, "models": [SERVED]})
    assert "cache.aim.engine.amd.com/models" not in running["metadata"]["labels"]
    lender = sync({"cache": {"metadata": {"name": "models"}, "spec": {"size": "1Ti", "models": [SERVED]}}})
    assert users_of(lender, running) == [["chat"]]
