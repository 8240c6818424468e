"""The versions that a status keeps, and which of them can be returned to."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.history import HistoryEntry, Rollback
from aimlib.api.resolved import Resolved
from hooks.endpoint.history import (
    KEPT,
    STATED_LENGTH,
    Now,
    configuration_changed,
    last_good,
    present,
    restored,
    stated,
    template_id,
    with_failed,
    with_present,
)
from tests.playing import call, first
from tests.world import NOON

AT = "2026-11-23T12:00:00Z"
RECIPES = ["qwen3-32b-mi300x-bf16"]
RESOLVED = Resolved(
    decided_for="x",
    recipe="r",
    model_id="a/b",
    checkpoint="a/b",
    backend="vllm",
    precision="bf16",
    gpu_count=1,
    image="i",
    product="MI300X",
    vendor="amd",
)
SPEC = EndpointSpec.model_validate({"modelId": "a/b", "replicas": 2})


def entry(number, **what):
    usual = {"id": f"v{number}", "since": AT, "why": "x", "stated": stated(SPEC)}
    return HistoryEntry.model_validate({"number": number, **usual, **what})


def now(name, **what):
    return Now(name, **({"stated": stated(SPEC), "resolved": RESOLVED} | what))


def test_the_latest_versions_are_kept_with_the_one_that_was_returned_to():
    history, before = (), {"resolved": RESOLVED.wire()}
    for number in range(1, 3 * KEPT):
        history = with_present(history, before, now(f"v{number}"), lambda: AT, ran=True)
    assert [one.number for one in history] == list(range(2 * KEPT, 3 * KEPT))
    assert [one.number for one in history if one.until is None] == [3 * KEPT - 1]
    back = Rollback(number=2 * KEPT, by="Annotation", requested="x", message="m")
    for name in "abcdefghijklmnop":
        history = with_present(history, before, now(name, rollback=back), lambda: AT, ran=True)
    assert (history[0].number, len(history)) == (2 * KEPT, KEPT)


def test_versions_that_failed_do_not_push_out_the_one_that_serves():
    history = with_present((), {}, now("v1"), lambda: AT, ran=True)
    for number in range(3 * KEPT):
        tried = {"id": f"t{number}", "since": AT, "until": AT, "why": "x", "outcome": "Failed"}
        history = with_failed(history, tried)
    assert len(history) == KEPT
    assert present(history).id == "v1"


def test_a_version_that_never_ran_makes_place_for_what_is_requested_instead():
    history = with_present((), {}, now("v1"), lambda: AT, ran=False)
    history = with_present(history, {}, now("v2"), lambda: AT, ran=False)
    assert [(one.number, one.id) for one in history] == [(1, "v2")]
    assert len(with_present(history, {}, now("v3"), lambda: AT, ran=True)) == 2


def test_what_brought_a_version_is_told():
    first = with_present((), {}, now("v1"), lambda: AT, ran=True)
    before = {"resolved": RESOLVED.wire()}
    other = RESOLVED.model_copy(update={"recipe": "other"})
    whys = (
        now("v2", stated="{}"),
        now("v2", resolved=other),
        now("v2", resolved=RESOLVED.model_copy(update={"image": "j"})),
        now("v2"),
        now("v2", rollback=Rollback(number=1, by="Failure", requested="x", message="broken")),
    )
    found = [with_present(first, before, one, lambda: AT, ran=True) for one in whys]
    assert [one[-1].why for one in found] == [
        "the spec was changed",
        "recipe other was taken",
        "the recipe or the hardware has changed",
        "a setting of the operator, the cache or another part of the spec has changed",
        "returned to version 1",
    ]
    assert [one[0].outcome for one in found] == ["Replaced"] * 4 + ["Failed"]
    assert found[-1][0].message == "broken"


def test_a_configuration_that_cannot_be_read_is_another_one():
    assert configuration_changed({"recipe": 5}, RESOLVED)
    assert not configuration_changed(RESOLVED.wire(), RESOLVED)


def test_what_is_stated_at_too_great_length_cannot_be_returned_to():
    history = with_present((), {}, now("v1", stated="x" * (STATED_LENGTH + 1)), lambda: AT, ran=True)
    assert history[0].stated == ""
    assert restored(SPEC, history[0]) is None


def test_a_version_that_does_not_go_with_the_rest_of_the_spec_cannot_be_returned_to():
    cached = EndpointSpec.model_validate({"modelId": "a/b", "cache": {"name": "models"}})
    folder = EndpointSpec.model_validate({"model": {"id": "a/b", "source": "pvc://claim/folder"}})
    assert restored(cached, entry(1, stated=stated(folder))) is None
    for text in ("[]", "{", "5", '{"model": 5}'):
        assert restored(SPEC, entry(1, stated=text)) is None


def test_the_last_good_version_was_ready_and_can_be_read():
    ended = {"until": AT, "outcome": "Replaced"}
    history = [entry(1, ready=True, **ended), entry(2, ready=True, stated="{", **ended), entry(3, **ended), entry(4)]
    assert last_good(history, SPEC).number == 1
    assert last_good(history[2:], SPEC) is None


@given(
    st.fixed_dictionaries(
        {"modelId": st.sampled_from(["a/b", "c/d"])},
        optional={
            "replicas": st.integers(0, 3),
            "image": st.just({"tag": "v1"}),
            "labels": st.just({"a": "b"}),
            "gpuCount": st.integers(1, 2),
            "engine": st.just({"args": ["--max-num-seqs=4"]}),
            "service": st.just({"port": 9000}),
        },
    ),
    st.fixed_dictionaries({"modelId": st.just("e/f")}, optional={"replicas": st.integers(0, 9)}),
)
def test_a_version_comes_back_as_it_was_stated_with_the_present_replicas(earlier, later):
    old, new = EndpointSpec.model_validate(earlier), EndpointSpec.model_validate(later)
    back = restored(new, entry(1, stated=stated(old)))
    pinned = {**old.model_dump(), "recipe": {**old.recipe.model_dump(), "update_policy": "Pinned"}}
    kept = {"replicas": new.replicas, "service": new.service.model_dump()}
    assert back.model_dump() == {**pinned, **kept}


def test_both_tracks_of_a_version_have_one_id():
    label = "aim.engine.amd.com/endpoint"
    first, second = ({"metadata": {"labels": {label: one}}, "spec": {}} for one in ("chat", "chat_b"))
    assert template_id(first, "chat") == template_id(second, "chat")
    assert template_id({**first, "spec": {"a": 1}}, "chat") != template_id(first, "chat")


def test_seconds_later_the_answer_to_the_same_request_is_the_same():
    """A request may have a status from before our own last write, which is then written once more if it differs."""
    world = {"endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}}, "recipes": RECIPES, "inventory": "mi300x"}
    played = first("endpoint", "/endpoint/sync", world)
    body = played.request
    assert body["parent"].get("status") is None
    answers = [call("endpoint", "/endpoint/sync", body, NOON + timedelta(seconds=after)).said for after in (0, 1, 4)]
    assert answers[0]["status"]["history"][0]["why"] == "the first that is recorded"
    assert answers[0] == answers[1] == answers[2]
