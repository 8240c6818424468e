"""The audit record: its lines as expected, without secrets, and never at the cost of an answer."""

import io
import json
import logging

import jsonpatch
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aimlib.diagnosis.secret_patterns import HIDDEN
from aimlib.protocol.metacontroller import Request, parse_request
from hooks.observability import metrics, record
from hooks.observability.audit_entry import audit_line, last_writer
from hooks.observability.changes import RecentChanges, detect_change
from hooks.observability.logs import RaisingStreamHandler, audit_logger
from hooks.observability.redaction import redacted
from tests.cases import TESTDATA, cases, merged, read
from tests.playing import again, play
from tests.world import NOON

GOLDEN = TESTDATA / "audit"
CHANGING = (
    "endpoint/sync/a-model-alone-is-enough",
    "endpoint/sync/a-fallback-is-taken-and-says-so",
    "endpoint/sync/a-better-recipe-is-taken-when-updates-are-automatic",
    "endpoint/sync/a-model-that-fits-on-no-present-gpu-says-both-numbers",
    "endpoint/sync/a-cache-that-lists-the-model-is-found",
    "cache/sync/all-models-are-cached",
)
SYNCS = [case for case in cases() if case.kind in {"endpoint", "cache"} and case.hook.endswith("/sync")]
HIDDEN_WORD = "open-sesame-4711"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(record, "RECORDED", RecentChanges(100))


def writing():
    """The handler that writes; pytest adds others."""
    [handler] = [one for one in audit_logger().handlers if isinstance(one, RaisingStreamHandler)]
    return handler


@pytest.fixture
def audited(client):  # noqa: ARG001 - with the server, the logger is made
    """`audited()`: the record so far, as text."""
    handler = writing()
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream.getvalue
    handler.setStream(before)


def built(played):
    """The line of a case that was played; None where nothing has changed."""
    asked = parse_request(json.loads(json.dumps(played.request)), played.now)
    found = detect_change(asked, played.answer.said["status"])
    return found and (found, audit_line(asked, found, "1.2.3"))


@pytest.mark.parametrize("name", CHANGING)
def test_a_line_is_as_expected(name, request):
    [case] = [one for one in SYNCS if str(one) == name]
    _, said = built(play(case.kind, case.hook, case.world | {"syncs": 1}))
    path = GOLDEN / f"{case.path.name}.yaml"
    if request.config.getoption("--update-golden"):
        path.write_text(yaml.safe_dump(said, sort_keys=False, width=120, allow_unicode=True))
    assert said == read(path)


def test_every_expected_line_has_its_case():
    assert {path.stem for path in GOLDEN.glob("*")} == {name.rpartition("/")[2] for name in CHANGING}


@pytest.mark.parametrize("case", SYNCS, ids=str)
def test_a_line_has_the_patch_from_before_to_after_and_is_written_once(case):
    first = play(case.kind, case.hook, case.world | {"syncs": 1})
    if first.answer.code != 200:
        return
    if one := built(first):
        found, said = one
        sides = [
            {**side, **({"resolved": redacted(side["resolved"])} if "resolved" in side else {})}
            for side in (found.before, found.after)
        ]
        assert jsonpatch.apply_patch(sides[0], said["patch"]) == sides[1]
        assert said["log"] == "audit"
        assert said["why"]
        assert json.loads(json.dumps(said)) == said
    second = again(case.kind, case.hook, first, case.world)
    third = built(again(case.kind, case.hook, second, case.world))
    assert third is None


def secret_world(*, env=HIDDEN_WORD, args=HIDDEN_WORD):
    """An endpoint whose recipe has a token by value: in a variable, in a flag, and in an argument that is an object."""
    recipe = read(TESTDATA / "shared" / "recipes" / "qwen3-32b-mi300x-bf16.yaml")
    one = recipe["spec"]["configurations"][0]
    one["env"] = [{"name": "HF_TOKEN", "value": env}, {"name": "VLLM_USE_V1", "value": "1"}]
    one["args"] = [*one.get("args", ()), "--api-key", args, "--hf-overrides", json.dumps({"auth_token": args})]
    return {"endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}}, "recipes": [recipe], "inventory": "mi300x"}


def test_a_token_by_value_is_in_no_line_of_any_log(client, audited, lines):
    world = secret_world()
    first = play("endpoint", "/endpoint/sync", world)
    assert HIDDEN_WORD in json.dumps(first.answer.said["status"]["resolved"])
    changed = merged(
        again("endpoint", "/endpoint/sync", first, world).request,
        {
            "related": play("endpoint", "/endpoint/sync", secret_world(env=f"{HIDDEN_WORD}-new", args="other")).request[
                "related"
            ]
        },
    )
    auto = merged(changed, {"parent": {"spec": {"recipe": {"updatePolicy": "Auto"}}}})
    for body in (first.request, changed, auto):
        assert client.post("/endpoint/sync", json=body).status_code == 200
    events = [json.loads(text) for text in audited().splitlines()]
    assert [one["event"] for one in events] == ["Selected", "Reselected"]
    assert events[1]["hidden"] == ["HF_TOKEN"]
    shown = json.dumps(events) + json.dumps(lines())
    assert HIDDEN in shown
    assert '"VLLM_USE_V1"' in shown
    assert HIDDEN_WORD not in shown


@pytest.mark.parametrize(
    ("env", "word"), [(4711_0815_4711, "471108"), (["sesame"], "sesame"), ("x" * 5000, "xxx"), (True, "True")]
)
def test_a_token_that_the_recipe_may_not_have_is_in_no_line_either(client, audited, lines, env, word):
    played = play("endpoint", "/endpoint/sync", secret_world(env=env))
    assert client.post("/endpoint/sync", json=played.request).status_code == 200
    shown = audited() + json.dumps(lines())
    assert "cannot be read" in shown
    assert word not in shown


def test_a_sync_that_changes_nothing_writes_no_line(client, audited):
    case = next(one for one in SYNCS if str(one) == CHANGING[0])
    first = play(case.kind, case.hook, case.world | {"syncs": 1})
    client.post("/endpoint/sync", json=again(case.kind, case.hook, first, case.world).request)
    client.post("/endpoint/customize", json=first.request)
    assert audited() == ""


def test_a_line_is_one_json_object_on_one_line(client, audited):
    case = next(one for one in SYNCS if str(one) == CHANGING[0])
    body = merged(
        play(case.kind, case.hook, case.world | {"syncs": 1}).request, {"parent": {"metadata": {"uid": "a\nb\u2028"}}}
    )
    client.post("/endpoint/sync", json=body)
    [text] = audited().splitlines()
    assert json.loads(text)["uid"].startswith("a\nb")


class Full(io.StringIO):
    def write(self, _text):
        raise OSError(28, "No space left on device")


def test_a_line_that_cannot_be_written_fails_no_sync_and_is_counted(client, lines):
    case = next(one for one in SYNCS if str(one) == CHANGING[0])
    handler = writing()
    stream, counter = handler.setStream(Full()), metrics.AUDIT_RECORDS.labels("failed")
    before = counter._value.get()
    try:
        response = client.post("/endpoint/sync", json=play(case.kind, case.hook, case.world | {"syncs": 1}).request)
    finally:
        handler.stream = stream
    assert response.status_code == 200
    assert response.json["children"]
    assert counter._value.get() == before + 1
    [failure, call] = lines()
    assert failure["message"] == "a line of the audit record could not be written"
    assert "No space left on device" in failure["exception"]
    assert call["code"] == 200


def test_the_record_goes_to_standard_output_and_has_no_other_reader(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("aim.audit"), "handlers", [])
    audit_logger().info("", extra={"line": {"log": "audit"}})
    written = capsys.readouterr()
    assert (written.out, written.err) == ('{"log": "audit"}\n', "")
    assert not audit_logger().propagate


@pytest.mark.parametrize(
    ("writes", "who"),
    [
        ([], None),
        (None, None),
        ("text", None),
        ([{"manager": "metacontroller", "subresource": "status", "time": "2026-11-23T12:00:00Z"}], None),
        (
            [
                {"manager": "kubectl", "operation": "Apply", "time": "2026-11-23T11:00:00Z"},
                {"manager": "argocd", "operation": "Apply", "time": "2026-11-23T11:30:00Z"},
                {"manager": "metacontroller", "subresource": "status", "time": "2026-11-23T12:00:00Z"},
            ],
            {"fieldManager": "argocd", "operation": "Apply", "time": "2026-11-23T11:30:00Z"},
        ),
        ([{"manager": "hpa", "subresource": "scale"}], {"fieldManager": "hpa"}),
        ([{"manager": 4, "time": ["x"]}, 7], None),
    ],
)
def test_the_last_writer(writes, who):
    assert last_writer({"managedFields": writes}) == who


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("resolved", "cache", "selection", "conditions", "cachedModels", "cleanup", "candidates", "rule", "env", "args")
KEYS += (
    "name",
    "value",
    "type",
    "status",
    "reason",
    "message",
    "id",
    "revision",
    "fallback",
    "managedFields",
    "removed",
)
SHAPED = st.recursive(
    JSON | st.sampled_from(["Ready", "Failed", "RecipeSelected", "UpToDate", "NothingFits", "False", "HF_TOKEN"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=30,
)
STATUS = st.dictionaries(st.sampled_from(KEYS), SHAPED, max_size=8) | SHAPED


@given(st.sampled_from(["AIMEndpoint", "AIMCache", "AIMRecipe", None, 3]), SHAPED, STATUS, STATUS)
def test_nothing_that_is_sent_makes_a_line_raise(kind, metadata, before, after):
    known = metadata if isinstance(metadata, dict) else {}
    asked = Request({"kind": kind, "metadata": {**known, "name": "x"}, "status": before}, {}, {}, NOON)
    found = detect_change(asked, after)
    if found:
        json.dumps(audit_line(asked, found, "1"))
        assert RecentChanges(1).is_new(asked, found)
        metrics.count_change(found)


@given(SHAPED, STATUS)
def test_whatever_was_in_the_status_a_sync_writes_its_line_or_none(metadata, before):
    case = next(one for one in SYNCS if str(one) == CHANGING[0])
    body = merged(
        play(case.kind, case.hook, case.world | {"syncs": 1}).request,
        {"parent": {"metadata": {"managedFields": metadata}}},
    )
    body["parent"]["status"] = before
    counter = metrics.AUDIT_RECORDS.labels("failed")
    failures = counter._value.get()
    record.record(parse_request(body, NOON), {"status": {"resolved": {"recipe": "r"}}}, "1")
    assert counter._value.get() == failures


def test_no_more_changes_are_remembered_than_there_is_room_for():
    told = RecentChanges(2)
    case = next(one for one in SYNCS if str(one) == CHANGING[0])
    body = play(case.kind, case.hook, case.world | {"syncs": 1})
    for uid in "abc":
        asked = parse_request(merged(body.request, {"parent": {"metadata": {"uid": uid}}}), NOON)
        assert told.is_new(asked, detect_change(asked, body.answer.said["status"]))
    assert len(told.latest) == 2


def test_a_response_without_a_status_changes_none(monkeypatch):
    case = next(one for one in SYNCS if str(one) == CHANGING[0])
    done = play(case.kind, case.hook, case.world)
    asked = parse_request(merged(done.request, {"parent": {"status": done.answer.said["status"]}}), NOON)
    told = []
    monkeypatch.setattr(metrics, "count_change", told.append)
    monkeypatch.setattr(record, "RECORDED", RecentChanges(1))
    record.record(asked, {"relatedResources": []}, "1")
    assert told == []
