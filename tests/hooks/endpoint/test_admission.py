"""What admission says: the golden cases, and what holds for any endpoint, any catalogue and any body."""

import json
from functools import partial

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.endpoint import EndpointSpec
from aimlib.config import Config
from aimlib.derive.candidates import derived_entries
from aimlib.diagnosis.quotas import quota_warning
from aimlib.memo import Memo
from aimlib.naming import MODEL_LABEL, model_label
from aimlib.protocol.admission_review import (
    WARNING_LENGTH,
    WARNINGS_LENGTH,
    AdmissionResponse,
    fit_warnings,
    parse_review,
    review_response,
)
from aimlib.selection.entries import read_entry
from aimlib.selection.select import select
from aimlib.selection.steps import decided_for
from hooks.endpoint import decision as decisions
from hooks.endpoint.admission import WILL_INSPECT, label, validate
from hooks.endpoint.inspection import may_inspect
from hooks.endpoint.world import INVENTORY, RECIPES
from hooks.server.webhooks import call_webhook, webhooks
from tests import golden
from tests.aimlib.make import MODEL, inventory, raw_recipe
from tests.aimlib.strategies import fleets, mostly, several_ways, steps, wish
from tests.cases import TESTDATA
from tests.playing import call, play
from tests.reviews import Case, asked, body, cases, known, patch, quota_of, reviewed
from tests.test_golden import SYNCED, played
from tests.world import parent

ALL = cases()
ANSWERED = [case for case in ALL if asked(case).code == 200]


def envelope(case):
    """The answer in the form of its file: with the patch, which is encoded, as it reads."""
    found = asked(case)
    shown = {"code": found.code, "answer": json.loads(json.dumps(found.said))}
    if "response" in found.said:
        shown["patch"] = patch(found.said)
        shown["answer"]["response"].pop("patch", None)
    return shown


@pytest.mark.parametrize("case", ALL, ids=str)
def test_admission_answers_as_expected(case, request, tmp_path):
    if request.config.getoption("--update-golden"):
        golden.update(str(case), lambda _: envelope(case))
    golden.check(str(case), envelope(case), tmp_path)


def test_every_folder_is_a_case():
    assert set((TESTDATA / "admission").glob("*/*")) == {case.path for case in ALL}


def test_a_key_that_no_case_has_is_refused(tmp_path):
    (tmp_path / "request.yaml").write_text("endpoint: {}\nrecipe: []\n")
    with pytest.raises(ValueError, match=r"unknown recipe; known are body, "):
        _ = Case(tmp_path).world


@pytest.mark.parametrize("case", ANSWERED, ids=str)
def test_an_answer_is_about_the_question_and_has_no_field_that_the_api_server_does_not_know(case):
    said = asked(case).said
    assert set(said) == {"apiVersion", "kind", "response"}
    assert said["response"]["uid"] == body(case.world)["request"]["uid"]
    assert set(said["response"]) <= {"uid", "allowed", "status", "warnings", "patch", "patchType"}


JUDGED = [case for case in ANSWERED if not {"earlier", "known"} & case.world.keys() and "validate" in str(case)]


def lacking_quota(world):
    """What admission alone tells: a status has what Kueue tells of the pods."""
    queue, replicas = world["endpoint"].get("spec", {}).get("queueName"), world["endpoint"]["spec"].get("replicas", 1)
    quota = quota_of(world.get("queues"), "team-a", queue) if queue else None
    return [text] if quota and (text := quota_warning(queue, quota, "amd.com/gpu", replicas)) else []


@pytest.mark.parametrize("case", [case for case in JUDGED if "cannot-read" not in str(case)], ids=str)
def test_the_words_are_those_that_the_status_will_have(case):
    world = {key: value for key, value in case.world.items() if key != "enforce"}
    status = play("endpoint", "/endpoint/sync", world).answer.said["status"]
    status["warnings"] = [*status.get("warnings", ()), *lacking_quota(world)]
    [selected] = [one for one in status["conditions"] if one["type"] == "RecipeSelected"]
    objection = [selected["message"]] if selected["status"] == "False" else []
    if selected["reason"] == "ModelInspecting":  # whose Job and progress are not known yet
        objection = [status["selection"]["message"] + WILL_INSPECT]
    said = asked(case).said["response"]
    refusal = [said["status"]["message"]] if not said["allowed"] else []
    found = [one.removeprefix("not checked whether a recipe fits: ") for one in said.get("warnings", ())]
    assert [*refusal, *found] == [*objection, *status.get("warnings", ())]


def test_an_update_back_to_what_runs_is_let_in_in_silence():
    """The stored spec asks for what is not there, and what was chosen before it keeps running."""
    world = {"recipes": ["qwen3-32b-mi300x-bf16"], "inventory": "mi300x"}
    runs, much = ({"spec": {"modelId": MODEL, "gpuCount": count}} for count in (1, 3))
    status = play("endpoint", "/endpoint/sync", {"endpoint": runs, **world}).answer.said["status"]
    old = {**parent("endpoint", {"endpoint": much}), "status": status}
    found = parse_review(reviewed(parent("endpoint", {"endpoint": runs}), old))
    for nodes in ("mi300x", "cpu"):
        assert validate(found, known({**world, "inventory": nodes}), Config(), enforce=True) == AdmissionResponse(
            "Silent"
        )


wished = st.builds(
    lambda asks, goal, fallback: {"modelId": MODEL, **asks, "recipe": {"goal": goal, "fallback": fallback}},
    wish,
    mostly("latency", "throughput", "cost"),
    st.lists(steps, max_size=2),
)
recipes = st.builds(
    lambda name, ways, fields: {"metadata": {"name": name}, "spec": raw_recipe(*ways, **fields)},
    st.sampled_from("abcdef"),
    several_ways,
    st.fixed_dictionaries({"hardware": mostly("MI300X", "MI325X", "H100"), "modelId": mostly(MODEL, "a/b")}),
)
catalogues = st.lists(recipes, max_size=5, unique_by=lambda one: one["metadata"]["name"])


@given(wished, st.none() | wished, catalogues, fleets, st.booleans())
def test_the_verdict_is_that_of_the_selector(spec, earlier, catalogue, fleet, enforce):
    cluster = inventory(*fleet)
    found = {RECIPES: catalogue, INVENTORY: [{"metadata": {"name": "cluster"}, "status": cluster.wire()}]}
    old = parent("endpoint", {"endpoint": {"spec": earlier}}) if earlier else None
    now = EndpointSpec.model_validate(spec)
    asks_anew = not earlier or decided_for(now) != decided_for(EndpointSpec.model_validate(earlier))
    said = validate(
        parse_review(reviewed(parent("endpoint", {"endpoint": {"spec": spec}}), old)), found, Config(), enforce=enforce
    )
    entries = [read_entry(one["metadata"]["name"], one["spec"]) for one in catalogue if one["spec"]["modelId"] == MODEL]
    derive = partial(derived_entries, entries, (), cluster.classes, Config())
    decision = select(now, entries, cluster, Config(), derive=derive)
    objections = [decision.selection.message] if decision.resolved is None and asks_anew else []
    inspected = not decision.selection.considered and may_inspect(now, Config())
    assert bool(said.refusal) == (enforce and bool(objections) and not inspected)
    message = decision.selection.message + WILL_INSPECT * inspected
    assert [one for one in (said.refusal, *said.warnings) if one == message] == [message for _ in objections]


@given(wished, st.none() | st.dictionaries(st.sampled_from(["team", MODEL_LABEL]), st.sampled_from(["a", "b"])))
def test_a_second_mutation_changes_nothing_and_labels_of_others_stay(spec, labels):
    given = {"metadata": {"name": "chat", **({} if labels is None else {"labels": labels})}, "spec": spec}
    first = reviewed(parent("endpoint", {"endpoint": given}))
    made = jsonpatch.apply_patch(first["request"]["object"], label(parse_review(first)).patch)
    assert made["metadata"].pop("labels") == {MODEL_LABEL: model_label(MODEL)} | (labels or {})
    assert made == {**first["request"]["object"], "metadata": {"name": "chat", **usual(made)}}


def usual(made):
    return {key: made["metadata"][key] for key in ("namespace", "generation")}


@pytest.mark.parametrize("case", [case for case in SYNCED if case.kind == "endpoint"], ids=str)
def test_neither_a_choice_nor_a_child_depends_on_the_label(case):
    first = played(case)
    metadata = first.request["parent"]["metadata"]
    labelled = {**metadata, "labels": {**metadata.get("labels", {}), MODEL_LABEL: "x"}}
    body = {**first.request, "parent": {**first.request["parent"], "metadata": labelled}}
    assert call(case.kind, case.hook, body, first.now, case.world) == first.answer


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
anything = st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
QUESTION = reviewed(parent("endpoint", {"endpoint": {"spec": {"modelId": MODEL}}}))
bodies = st.one_of(
    anything,
    st.builds(lambda asked: {**QUESTION, "request": asked}, anything),
    st.builds(
        lambda key, value: {**QUESTION, "request": {**QUESTION["request"], key: value}},
        st.sampled_from([*QUESTION["request"]]),
        anything,
    ),
    st.builds(
        lambda key, value: reviewed({**QUESTION["request"]["object"], key: value}),
        st.sampled_from(["spec", "status", "kind"]),
        anything,
    ),
)


@given(bodies)
def test_any_json_gets_an_answer_or_a_sentence(sent):
    for path, webhook in webhooks(Config(), lambda: {RECIPES: [], INVENTORY: []}).items():
        _, _, said, code = call_webhook(webhook, json.dumps(sent).encode())
        assert code in {200, 400}, path
        assert ("error" in said) == (code == 400)
        if code == 400:
            assert said["error"].startswith("the body ")


def test_warnings_are_cut_as_the_api_server_would_cut_them_and_have_no_control_characters():
    assert fit_warnings(["a\nb\u0000c", "ü"]) == ["a b c", "ü"]
    [long] = fit_warnings(["x" * 5000])
    assert (len(long), long[-1]) == (WARNING_LENGTH, "…")
    many = fit_warnings(f"{number}{'x' * 200}" for number in range(100))
    assert sum(map(len, many)) < WARNINGS_LENGTH + 100
    assert many[-1] == f"and {101 - len(many)} more, in status.warnings"
    refused = review_response(parse_review(QUESTION), AdmissionResponse("Refused", refusal="y" * 5000))["response"]
    assert (len(refused["status"]["message"]), refused["allowed"]) == (4096, False)


def test_a_decision_is_remembered_between_the_hook_and_admission(monkeypatch):
    made = []
    monkeypatch.setattr(decisions, "DECISIONS", Memo(8))
    decide = decisions.select_with_coming
    monkeypatch.setattr(
        decisions, "select_with_coming", lambda *given, **named: made.append(given) or decide(*given, **named)
    )
    spec = {"modelId": MODEL, "cache": {"enabled": False}}
    world = {"recipes": ["qwen3-32b-mi300x-bf16"], "inventory": "mi300x", "endpoint": {"spec": spec}}
    play("endpoint", "/endpoint/sync", world)
    validate(parse_review(body(world)), known(world), Config(), enforce=False)
    assert len(made) == 1
