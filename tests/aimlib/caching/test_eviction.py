"""What a clean-up removes: by age, by space, in which order, never what is in use, and for which reason."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.cache import CacheCleanup, CacheSpec
from aimlib.api.cache_status import CachedModelStatus
from aimlib.caching.eviction import (
    CleanupPolicy,
    StoredModel,
    cleanup_policy,
    plan_removals,
    shortage,
    stored_models,
)
from aimlib.caching.job_reports import ModelReport
from aimlib.kube.quantity import GIB
from aimlib.kube.timestamp import parse_time

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
DAY = 86_400
LRU, AGE = CleanupPolicy("lru", None, None), CleanupPolicy("age", None, None)


def model(name, gib=10, days=None, cached=None, **more):
    """A model that was last used and downloaded so many days ago."""
    used, stored = (None if ago is None else NOW - timedelta(days=ago) for ago in (days, cached))
    return StoredModel(name, "main", gib * GIB, stored, used, **more)


def gone(*given):
    return [one.id for one in plan_removals(*given, NOW)]


def whys(*given):
    return [one.why for one in plan_removals(*given, NOW)]


def test_what_is_older_than_max_age_goes_whatever_the_space():
    models = [model("old", days=45), model("new", days=29), model("just", days=30)]
    removed = plan_removals(models, LRU._replace(max_age=30 * DAY), None, NOW)
    assert [tuple(one) for one in removed] == [("old", "main", 10 * GIB, "not used for 45d, maxAge is 30d")]


def test_what_is_hardly_older_than_max_age_is_said_to_be_older():
    hardly = LRU._replace(max_age=30 * DAY - 1)
    assert whys([model("old", days=30)], hardly, None) == ["not used for 30d, maxAge is 29d 23h"]
    just = [StoredModel("old", "main", 5, NOW - timedelta(days=30, seconds=1), None)]
    assert whys(just, LRU._replace(max_age=30 * DAY), None) == ["not used for more than 30d, maxAge is 30d"]


def test_by_age_the_download_counts_and_not_the_use():
    models = [model("early", days=0, cached=40), model("late", days=3, cached=20)]
    assert whys(models, AGE._replace(max_age=30 * DAY), None) == ["downloaded 40d ago, maxAge is 30d"]
    assert gone(models, LRU._replace(max_age=2 * DAY), None) == ["late"]


def test_a_download_counts_as_a_use():
    assert gone([model("again", days=45, cached=1)], LRU._replace(max_age=30 * DAY), None) == []


def test_the_oldest_go_until_enough_is_free():
    models = [model("third", days=1), model("first", days=9), model("second", days=5)]
    removed = whys(models, LRU._replace(min_free=100 * GIB), 85 * GIB + GIB // 3)
    assert removed == [
        "85.3 GiB are free, minFreeSpace is 100 GiB; least recently used of medium priority",
        "95.3 GiB would be free, minFreeSpace is 100 GiB; least recently used of medium priority",
    ]


def test_what_goes_by_age_counts_as_free():
    models = [model("old", gib=50, days=45), model("next", days=20)]
    both = LRU._replace(max_age=30 * DAY, min_free=100 * GIB)
    assert gone(models, both, 50 * GIB) == ["old"]
    assert gone(models, both, 49 * GIB) == ["old", "next"]


def test_first_goes_what_is_not_listed_then_by_priority_then_the_oldest():
    models = [
        model("high", days=9, priority="high"),
        model("medium", days=8),
        model("low-new", days=6, priority="low"),
        model("low-old", days=7, priority="low"),
        model("unlisted", days=1, listed=False),
    ]
    order = ["unlisted", "low-old", "low-new", "medium", "high"]
    assert gone(models, LRU._replace(min_free=99 * GIB), 0) == order
    reasons = whys(models, AGE._replace(min_free=99 * GIB), 0)
    assert reasons[0].endswith("; first downloaded of the models that are no longer listed")
    assert reasons[1].endswith("; first downloaded of low priority")


def test_equals_go_in_the_order_of_their_names_and_a_model_without_any_time_last():
    models = [model("c"), model("b", days=1), model("a", days=1)]
    assert gone(models, LRU._replace(min_free=99 * GIB), 0) == ["a", "b", "c"]
    assert gone(models, LRU._replace(max_age=0), None) == ["a", "b"]


@pytest.mark.parametrize("strategy", ["lru", "age"])
def test_what_is_in_use_or_within_its_retention_stays(strategy):
    models = [
        model("used", days=99, cached=99, used_by=("chat",)),
        model("retained", days=6, cached=99, retention=7 * DAY),
        model("fresh", cached=6, retention=7 * DAY),
        model("over", days=7, cached=99, retention=7 * DAY),
    ]
    assert gone(models, CleanupPolicy(strategy, DAY, 999 * GIB), 0) == ["over"]


def test_none_removes_nothing():
    assert gone([model("old", days=999)], CleanupPolicy("none", DAY, 999 * GIB), 0) == []


def test_unknown_space_removes_nothing():
    assert gone([model("old", days=999)], LRU._replace(min_free=999 * GIB), None) == []


def test_what_falls_short_never_reads_as_enough():
    assert whys([model("one")], LRU._replace(min_free=100 * GIB), 100 * GIB - 1) == [
        "99.9 GiB are free, minFreeSpace is 100 GiB; least recently used of medium priority"
    ]


def test_the_reason_names_who_asks_for_the_space():
    room = LRU._replace(min_free=GIB + 1, min_free_cause="the download of a/b needs")
    assert whys([model("one")], room, 0) == [
        "0 bytes are free, the download of a/b needs 1.1 GiB; least recently used of medium priority"
    ]


@pytest.mark.parametrize(
    ("models", "strategy", "said"),
    [
        ([model("a", gib=99)], "lru", None),
        ([], "lru", "100 GiB should be free, and 12 GiB are: there is no other model to remove"),
        (
            [model("a")],
            "age",
            "100 GiB should be free, and 22 GiB would be after the clean-up: there is no other model to remove",
        ),
        ([model("a")], "none", "100 GiB should be free, and 12 GiB are: clean-up is off"),
        (
            [model("a", used_by=("x",)), model("b", used_by=("x", "y")), model("c", retention=9)],
            "lru",
            "100 GiB should be free, and 12 GiB are: the other models cannot be removed (2 in use, 1 within retention)",
        ),
        (
            [model("a", used_by=("x",)), model("b")],
            "lru",
            (
                "100 GiB should be free, and 22 GiB would be after the clean-up: "
                "the other models cannot be removed (1 in use)"
            ),
        ),
        (
            [model("a", retention=9)],
            "lru",
            "100 GiB should be free, and 12 GiB are: the other models cannot be removed (1 within retention)",
        ),
    ],
)
def test_a_shortage_that_no_removal_mends_is_explained(models, strategy, said):
    assert shortage(models, CleanupPolicy(strategy, None, 100 * GIB), 12 * GIB, NOW) == said


def test_there_is_no_shortage_where_nothing_is_asked_or_known():
    assert shortage([], LRU, 0, NOW) is None
    assert shortage([], LRU._replace(min_free=1), None, NOW) is None


def test_the_policy_of_a_cache():
    said = {"enabled": True, "strategy": "age", "maxAge": "4w", "minFreeSpace": "100.5Gi"}
    assert cleanup_policy(CacheCleanup.model_validate(said)) == CleanupPolicy("age", 28 * DAY, 201 * GIB // 2)
    assert cleanup_policy(CacheCleanup.model_validate({"enabled": True, "minFreeSpace": "1500m"})) == CleanupPolicy(
        "lru", None, 2
    )


def test_clean_up_that_is_off_removes_nothing():
    assert cleanup_policy(CacheCleanup.model_validate({"maxAge": "1d"})).strategy == "none"


def report(name, **more):
    return ModelReport.model_validate({"id": name, "state": "Ready", "done": 5, **more})


def row(name, revision="main", **more):
    return CachedModelStatus.model_validate({"id": name, "revision": revision, "status": "Ready", **more})


SPEC = CacheSpec.model_validate(
    {"models": [{"id": "a/x", "priority": "high", "retention": "7d"}, {"id": "a/y", "revision": "v2"}]}
)


def test_what_is_kept_has_the_wishes_of_the_spec_and_its_use():
    [found] = stored_models(
        SPEC,
        [report("a/x", cachedAt="2026-11-01T00:00:00Z", lastUsed="2026-11-02T00:00:00Z")],
        [row("a/x", usedBy=["chat"], lastAccessed="2026-11-03T01:00:00+01:00")],
    )
    times = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)
    assert found == StoredModel("a/x", "main", 5, *times, ("chat",), "high", 7 * DAY, True)


def test_another_revision_of_a_listed_model_is_not_listed():
    found = stored_models(
        SPEC, [report("a/y", revision="v1"), report("a/y", revision="v2")], [row("a/y", "v1"), row("a/y", "v2")]
    )
    assert [(one.revision, one.listed) for one in found] == [("v1", False), ("v2", True)]


def test_only_what_is_whole_is_kept():
    states = ("Downloading", "Verifying", "Failed", "Removed")
    assert stored_models(SPEC, [report("a/x", state=state) for state in states], [row("a/x")]) == ()


def test_a_model_of_which_nobody_knows_who_uses_it_is_left_alone():
    assert stored_models(SPEC, [report("a/x"), report("b/z")], [row("a/x", "v9"), row("b/z")]) == (
        StoredModel("b/z", "main", 5, None, None, listed=False),
    )


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-23T02:00:00Z", NOW),
        ("2026-11-23T02:00:00.000001", NOW + timedelta(microseconds=1)),
        ("2026-11-23T03:00:00+01:00", NOW),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_of_reports(text, time):
    assert parse_time(text) == time


moments = st.none() | st.integers(0, 60).map(lambda days: NOW - timedelta(days=days, hours=-days))
names = st.sampled_from([f"org/m{number}" for number in range(9)])
models = st.lists(
    st.builds(
        StoredModel,
        names,
        st.sampled_from(["main", "v1"]),
        st.integers(0, 40).map(lambda gib: gib * GIB),
        moments,
        moments,
        st.sampled_from([(), (), ("chat",)]),
        st.sampled_from(["low", "medium", "high"]),
        st.none() | st.integers(0, 60 * DAY),
        st.booleans(),
    ),
    unique_by=lambda one: (one.id, one.revision),
    max_size=12,
)
spaces = st.none() | st.integers(0, 200 * GIB)
policies = st.builds(
    CleanupPolicy, st.sampled_from(["lru", "age", "none"]), st.none() | st.integers(0, 60 * DAY), spaces
)


def keys(found):
    return {(one.id, one.revision) for one in found}


def after(found, removals, free):
    """The models and the free space once the plan has been carried out."""
    rest = [one for one in found if (one.id, one.revision) not in keys(removals)]
    return rest, None if free is None else free + sum(one.bytes for one in removals)


@given(models, policies, spaces)
def test_never_what_is_in_use_or_within_retention(found, rules, free):
    removed = keys(plan_removals(found, rules, free, NOW))
    for one in found:
        last = max(filter(None, (one.last_used, one.cached_at)), default=NOW)
        if one.used_by or (one.retention is not None and (NOW - last).total_seconds() < one.retention):
            assert (one.id, one.revision) not in removed


@given(models, policies, spaces, st.integers(0, 200 * GIB), st.integers(0, 200 * GIB))
def test_who_asks_for_more_space_loses_no_less(found, rules, free, one, other):
    less, more = (plan_removals(found, rules._replace(min_free=asked), free, NOW) for asked in sorted((one, other)))
    assert [gone.id for gone in more[: len(less)]] == [gone.id for gone in less]


@given(models, policies, spaces)
def test_it_stops_as_soon_as_enough_is_free(found, rules, free):
    removals = plan_removals(found, rules, free, NOW)
    by_space = [one for one in removals if "minFreeSpace" in one.why]
    assert not by_space or after(found, removals[:-1], free)[1] < rules.min_free
    assert by_space == [*removals[len(removals) - len(by_space) :]]


@given(models, policies, spaces)
def test_it_goes_on_until_enough_is_free_or_says_why_not(found, rules, free):
    rest, then = after(found, plan_removals(found, rules, free, NOW), free)
    said = shortage(found, rules, free, NOW)
    assert (said is None) == (then is None or rules.min_free is None or then >= rules.min_free)
    if said and rules.strategy != "none":
        assert not any(one.removable(NOW) for one in rest)


@given(models, policies, spaces, st.randoms())
def test_the_order_of_the_models_makes_no_difference(found, rules, free, random):
    shuffled = [*found]
    random.shuffle(shuffled)
    assert plan_removals(shuffled, rules, free, NOW) == plan_removals(found, rules, free, NOW)
    assert shortage(shuffled, rules, free, NOW) == shortage(found, rules, free, NOW)


@given(models, policies, spaces)
def test_after_a_clean_up_there_is_nothing_to_clean_up(found, rules, free):
    rest, then = after(found, plan_removals(found, rules, free, NOW), free)
    assert plan_removals(rest, rules, then, NOW) == ()


@given(models, policies, spaces)
def test_what_is_older_than_max_age_is_never_left_where_it_may_go(found, rules, free):
    rest, _ = after(found, plan_removals(found, rules, free, NOW), free)
    if rules.max_age is None or rules.strategy == "none":
        return
    for one in rest:
        time = one.cached_at if rules.strategy == "age" and one.cached_at else None
        time = time or max(filter(None, (one.last_used, one.cached_at)), default=NOW)
        assert not one.removable(NOW) or (NOW - time).total_seconds() <= rules.max_age
