"""The golden cases: for each world of testdata/<kind>/<hook>/<case> the whole answer, and what holds for any answer."""

import json
import re
from functools import cache
from itertools import combinations

import pytest

from aimlib.canary.step import ENDED
from aimlib.gateway.routed import with_endpoint
from aimlib.protocol.last_applied import is_applied
from aimlib.protocol.observed import kind_key
from tests import golden
from tests.cases import PARENTS, TESTDATA, Case, cases
from tests.child_types import type_errors
from tests.controllers import declared, groups
from tests.expansion import expand
from tests.files import written
from tests.merge_patch import same
from tests.playing import again, complete, play
from tests.schema import crd, objections, settled

ALL = cases()
BY_NAME = {str(case): case for case in ALL}
PLURALS = {
    "endpoint": "aimendpoints",
    "recipe": "aimrecipes",
    "model": "aimmodels",
    "inventory": "aiminventories",
    "cache": "aimcaches",
    "gateway": "aimgateways",
}


@cache
def played(case):
    return play(case.kind, case.hook, case.world)


def refused(case):
    """Whether it is expected; a new case is played, and no other before its tests: all runs of pytest come by here."""
    path = case.path / golden.RESPONSE
    return not path.read_text().startswith(("code: 200", "base:")) if path.exists() else played(case).answer.code != 200


SYNCS = [case for case in ALL if case.hook.endswith("/sync")]
SYNCED = [case for case in SYNCS if not refused(case)]
REFUSED = [case for case in SYNCS if refused(case)]


def children(said):
    return said.get("children", said.get("attachments"))


def unphased(play):
    """The children, but for the phase that they are told, which is that of the status."""
    return with_endpoint(children(play.answer.said) or [], "any", {})


@cache
def envelope(case):
    """The answer of a case in the form of its file; to be read only."""
    answer = played(case).answer
    return golden.keyed({"code": answer.code, "answer": json.loads(json.dumps(answer.said))})


def answer_of(name):
    return envelope(BY_NAME[name])


@pytest.mark.parametrize("case", ALL, ids=str)
def test_the_hook_answers_as_expected(case, request, tmp_path):
    if request.config.getoption("--update-golden"):
        golden.update(str(case), answer_of)
    golden.check(str(case), envelope(case), tmp_path)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_the_form_of_the_files_loses_nothing(case):
    assert same(golden.plain(envelope(case))["answer"], played(case).answer.said)


@pytest.mark.no_cover  # it calls no hook, and takes twice as long where lines are counted
@pytest.mark.parametrize("case", ALL, ids=str)
def test_each_file_is_the_shortest_and_what_make_golden_writes(case):
    content = golden.nearest(str(case), envelope(case), answer_of)
    assert (case.path / golden.RESPONSE).read_text(encoding="utf-8") == written(content), "run make golden"


def test_children_and_conditions_come_in_one_order_in_all_answers():
    """Their order is in no file: here it is held to be the same wherever two of them come together."""
    found = set()
    for case in SYNCED:
        said = played(case).answer.said
        if said.get("status", {}).get("conditions", [{}])[0].get("reason") == "SpecInvalid":
            continue  # children and conditions are returned as the request has them
        kinds = [*dict.fromkeys(child["kind"] for child in children(said))]
        types = [condition["type"] for condition in said.get("status", {}).get("conditions", ())]
        found |= {(case.kind, *pair) for one in (kinds, types) for pair in combinations(one, 2)}
    assert {(kind, second, first) for kind, first, second in found} & found == set()


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
        "/gateway/customize",
        "/gateway/sync",
        "/recipe/sync",
        "/model/customize",
        "/model/sync",
        "/node/sync",
        "/slice/customize",
        "/slice/sync",
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
    if "syncs" in case.world:
        first = complete(case.kind, case.hook, first, case.world)
    second = again(case.kind, case.hook, first, case.world)
    if hands_over(first):
        first = again(case.kind, case.hook, second, case.world)
        second = again(case.kind, case.hook, first, case.world)
    elif makes_room(first, second) or ends_canary(first) or makes_claims(first):
        first = complete(case.kind, case.hook, second, case.world)
        second = again(case.kind, case.hook, first, case.world)
    third = again(case.kind, case.hook, second, case.world)
    assert second.answer == third.answer
    assert unphased(first) == unphased(second)
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


AUTOSCALERS = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})


def hands_over(play) -> bool:
    """Whether one autoscaler is left out for once, before one of another kind is made."""
    found = {kind.partition(".")[0] for kind, group in play.request.get("children", {}).items() if group}
    wanted = {one["kind"] for one in children(play.answer.said)}
    return bool(found & AUTOSCALERS) and not wanted & AUTOSCALERS


def ends_canary(play) -> bool:
    """Whether a canary takes over or is rolled back: one Deployment is left out once that is in the status."""
    before = (play.request.get("parent", {}).get("status") or {}).get("canary") or {}
    after = (play.answer.said.get("status") or {}).get("canary") or {}
    return before.get("phase") != after.get("phase") in ENDED


def makes_claims(play) -> bool:
    """Whether a template of claims is made, by which the Deployment that runs has its pods once it is there."""
    observed = play.request.get("children") or {}
    found = {name.partition("/")[2] for name in observed.get("ResourceClaimTemplate.resource.k8s.io/v1", {})}
    wanted = {one["metadata"]["name"] for one in children(play.answer.said) if one["kind"] == "ResourceClaimTemplate"}
    return bool(observed.get("Deployment.apps/v1") and wanted - found)


VARIABLE = re.compile(r"\$\((\w+)\)")
OURS = {"KUBERNETES_SERVICE_HOST", "LWS_WORKER_INDEX", "LWS_LEADER_ADDRESS"}
"""What the cache hook has the kubelet expand, and how the pods of a replica on several nodes find each other."""


def expanded(value):
    """The variables that the kubelet would expand in the containers within a response."""
    if isinstance(value, list):
        return {name for one in value for name in expanded(one)}
    if not isinstance(value, dict):
        return set()
    texts = [*value.get("command", ()), *value.get("args", ())] if "image" in value else []
    texts += [one.get("value", "") for one in value.get("env", ())] if "image" in value else []
    found = set()
    for text in texts:
        names = set(VARIABLE.findall(text))
        found |= {name for name in names if f"!{name}!" in expand(text, {name: f"!{name}!" for name in names})}
    return found.union(*map(expanded, value.values()))


@pytest.mark.parametrize("case", SYNCED, ids=str)
def test_the_kubelet_expands_nothing_but_what_recipes_and_this_operator_wrote(case):
    stated = VARIABLE.findall(json.dumps([case.world.get("recipes"), played(case).request.get("related")]))
    if kept := expanded(children(played(case).answer.said) or []) - OURS:
        assert kept <= set(stated)


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
        "gateway": {"status", "children", "resyncAfterSeconds"},
        "inventory": {"status", "children"},
        "recipe": {"labels", "annotations", "status", "attachments"},
        "model": {"labels", "annotations", "status", "attachments"},
        "node": {"attachments"},
        "slice": {"attachments"},
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
