"""Which AIMCache an endpoint uses."""

import pytest

from aimlib.api.cache_status import CachedModelStatus, CacheStatus
from aimlib.api.endpoint_status import UsedCache
from aimlib.caching.choice import CacheCandidate, CacheHistory, CacheRequest, SpecModel, choose_cache
from aimlib.caching.usage import Use

MODEL = "Qwen/Qwen3-32B"
WISH = CacheRequest(MODEL, MODEL, "qwen")
USED = UsedCache(name="models", claim_name="models-storage", mount_path="/m", access_mode="ReadWriteMany")
RUNNING = CacheHistory(USED, (Use("models", MODEL),), ("models-storage",))


def found(name="models", revision=None, commit=None, model=MODEL, **fields):
    status = CachedModelStatus(id=model, revision=revision or "main", status="Ready", commit=commit)
    listed = SpecModel(model, revision)
    usual = {"claim": f"{name}-storage", "mount_path": "/m", "access_mode": "ReadWriteMany"}
    return CacheCandidate(name, (listed,), CacheStatus(cached_models=(status,)), **usual | fields)


@pytest.mark.parametrize(
    ("asked", "listed", "commit", "will_do"),
    [
        (None, None, None, True),
        (None, "v1", None, True),
        ("main", None, None, True),
        ("v1", "v1", None, True),
        ("v1", None, None, False),
        ("v1", "v2", None, False),
        ("abc", None, "abc", True),
        ("abc", "v1", "abc", True),
        ("abc", "v1", "def", False),
    ],
)
def test_a_revision_will_do_that_is_not_stated_or_the_same_by_name_or_by_commit(asked, listed, commit, will_do):
    wish = WISH._replace(revision=asked)
    choice = choose_cache(None, [found(revision=listed, commit=commit)], wish, CacheHistory())
    assert (choice is not None) == will_do
    named = choose_cache("models", [found(revision=listed, commit=commit)], wish, CacheHistory())
    assert named.used == (USED.model_copy(update={"revision": listed}) if will_do else None)


def test_of_several_caches_the_first_that_lists_the_model_is_used():
    caches = [found("a", model="other/model"), found("b", deleting=True), found("c"), found("d")]
    assert choose_cache(None, caches, WISH, CacheHistory()).name == "c"


def test_a_choice_that_no_pod_runs_on_yet_stays_as_long_as_it_lists_the_model():
    before = CacheHistory(USED)
    assert choose_cache(None, [found("a"), found()], WISH, before).name == "models"
    assert choose_cache(None, [found("a"), found(model="other/model")], WISH, before).name == "a"


def test_a_cache_that_pods_use_is_preferred_where_nothing_is_remembered():
    before = CacheHistory(running=(Use("other", "a/b"), Use("models", MODEL)))
    assert choose_cache(None, [found("a"), found()], WISH, before).name == "models"


@pytest.mark.parametrize("named", [None, "models"])
@pytest.mark.parametrize(
    "caches",
    [
        [],
        [found(revision="v2")],
        [found(model="other/model")],
        [found(mount_path="/n")],
        [CacheCandidate("models", error="no")],
    ],
    ids=["gone", "revision", "unlisted", "moved", "unreadable"],
)
def test_a_choice_that_pods_run_on_stays_as_it_is(named, caches):
    choice = choose_cache(named, caches, WISH, RUNNING)
    assert choice.used == USED
    assert choice.in_use


def test_a_choice_whose_cache_has_another_volume_now_is_made_anew():
    choice = choose_cache("models", [found(claim="weights")], WISH, RUNNING)
    assert (choice.used.claim_name, choice.in_use) == ("weights", False)


def test_another_cache_that_is_named_is_the_one():
    choice = choose_cache("other", [found("other"), found()], WISH, RUNNING)
    assert (choice.name, choice.in_use) == ("other", False)
    assert choose_cache("third", [found()], WISH, RUNNING).used is None


def test_a_server_that_began_without_a_cache_is_moved_to_one_by_name_alone():
    before = CacheHistory(serves_without=True)
    assert choose_cache(None, [found()], WISH, before) is None
    assert choose_cache("models", [found()], WISH, before).used == USED
