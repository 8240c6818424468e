"""The golden cases: for each world of testdata/<kind>/<hook>/<case> the whole answer, and what holds for any answer."""

import json
from functools import cache

import pytest
import yaml

from aimlib.protocol.observed import is_applied, kind_key
from tests.cases import PARENTS, TESTDATA, Case, cases, read
from tests.child_types import type_errors
from tests.controllers import declared, groups
from tests.playing import again, play
from tests.schema import crd, objections, settled

ALL = cases()
PLURALS = {"endpoint": "aimendpoints", "recipe": "aimrecipes", "inventory": "aiminventories", "cache": "aimcaches"}


@cache
def played(case):
    return play(case.kind, case.hook, case.world)


SYNCED = [case for case in ALL if case.hook.endswith("/sync") and played(case).answer.code == 200]
REFUSED = [case for case in ALL if case.hook.endswith("/sync") and case not in SYNCED]


def children(said):
    return said.get("children", said.get("attachments"))


class Dumper(yaml.SafeDumper):
    """YAML for reading: texts of several lines as blocks, and no anchors."""

    def ignore_aliases(self, _data):
        return True


def text(dumper, value):
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Dumper.add_representer(str, text)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_the_hook_answers_as_expected(case, request):
    answer = played(case).answer
    found = {"code": answer.code, "answer": json.loads(json.dumps(answer.said))}
    if request.config.getoption("--update-golden"):
        case.expected.write_text(yaml.dump(found, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True))
    assert case.expected.exists(), "there is no response.yaml yet: run make golden and review it"
    assert found == read(case.expected)


def test_every_folder_is_a_case():
    folders = {one for kind in PARENTS for one in (TESTDATA / kind).glob("*/*")}
    assert folders == {case.path for case in ALL}


def test_a_key_that_no_case_has_is_refused(tmp_path):
    case = Case(tmp_path / "endpoint" / "sync" / "a-case")
    case.path.mkdir(parents=True)
    (case.path / "request.yaml").write_text("endpoint: {}\nrecipe: [qwen3-32b-mi300x-bf16]\n")
    with pytest.raises(ValueError, match=r"endpoint/sync/a-case/request\.yaml: unknown key recipe; known are body, "):
        _ = case.world


def test_there_are_cases_of_every_hook():
    assert {case.hook for case in ALL} == {
        "/cache/customize",
        "/cache/sync",
        "/endpoint/customize",
        "/endpoint/sync",
        "/recipe/sync",
        "/node/sync",
        "/inventory/customize",
        "/inventory/sync",
    }


def test_every_shared_fixture_is_used_by_a_case():
    asked = " ".join(path.read_text() for path in TESTDATA.glob("*/*/*/request.yaml"))
    names = {path.stem for path in (TESTDATA / "shared").glob("*/*.yaml")}
    assert {name for name in names if name not in asked} == set()


@pytest.mark.parametrize("case", SYNCED, ids=str)
def test_a_second_sync_of_the_same_world_answers_the_same(case):
    first = played(case)
    second = again(case.kind, case.hook, first, case.world)
    third = again(case.kind, case.hook, second, case.world)
    if makes_room(first, second):
        first, second, third = second, third, again(case.kind, case.hook, third, case.world)
    assert second.answer == third.answer
    assert children(first.answer.said) == children(second.answer.said)
    if not changes_a_child(first):  # which is waited for until it is changed
        assert without_uid(first) == without_uid(second)


def without_uid(play):
    """The status, but for the uid of a claim, which is learnt once it is there."""
    status = dict(play.answer.said.get("status") or {})
    storage = status.pop("storage", {})
    return status | {key: value for key, value in storage.items() if key != "pvcUid"}


def makes_room(first, second) -> bool:
    """Whether a child is left out for once, so that it is deleted, and made anew by the next answer."""
    found = {name for group in first.request.get("children", {}).values() for name in group}
    wanted = [
        {f"{one['metadata'].get('namespace')}/{one['metadata']['name']}" for one in children(play.answer.said)}
        for play in (first, second)
    ]
    return bool(found & (wanted[1] - wanted[0]))


def changes_a_child(play) -> bool:
    """Whether an answer wants a child otherwise than it is found, of those that are ever changed."""
    wanted = {(one["kind"], one["metadata"]["name"]): one for one in children(play.answer.said)}
    found = [one for group in play.request.get("children", {}).values() for one in group.values()]
    known = [(one, wanted.get((one["kind"], one["metadata"]["name"]))) for one in found]
    return any(
        other and one["kind"] not in {"PersistentVolumeClaim", "ConfigMap", "Job"} and not is_applied(one, other)
        for one, other in known
    )


@pytest.mark.parametrize("case", SYNCED, ids=str)
def test_nothing_in_an_answer_would_be_stored_differently(case):
    said = played(case).answer.said
    for child in children(said):
        assert list(settled(child, child["kind"])) == []
    if "status" in said:
        assert list(settled(said["status"], "status")) == []
        assert list(objections(said["status"], crd(PLURALS[case.kind])["properties"]["status"], "status")) == []


@pytest.mark.parametrize("case", SYNCED, ids=str)
def test_an_answer_has_no_field_that_metacontroller_refuses(case):
    known = {
        "endpoint": {"status", "children", "resyncAfterSeconds"},
        "cache": {"status", "children", "resyncAfterSeconds"},
        "inventory": {"status", "children"},
        "recipe": {"labels", "annotations", "status", "attachments"},
        "node": {"attachments"},
    }
    assert set(played(case).answer.said) <= known[case.kind]


@pytest.mark.parametrize("case", SYNCED, ids=str)
def test_every_child_is_of_a_kind_that_its_controller_knows_and_has_no_unknown_field(case):
    known = groups(case.kind, case.world.get("offers", ()))
    for child in children(played(case).answer.said):
        assert kind_key(child) in known
        assert list(type_errors(child)) == []


def test_the_cases_have_children_of_every_kind():
    found = {kind_key(child) for case in SYNCED for child in children(played(case).answer.said)}
    offered = {kind for case in SYNCED for kind in case.world.get("offers", ())}
    assert found == offered.union(*(declared(kind) for kind in PARENTS))


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_refusal_is_a_sentence_and_nothing_else(case):
    answer = played(case).answer
    assert answer.code in {400, 422}
    assert set(answer.said) == {"error"}
    assert "Traceback" not in answer.said["error"]
    assert len(answer.said["error"]) < 600
