"""The files of the expected answers: what they stand on, what a failing test shows, and how one is written."""

import pytest

from tests import golden
from tests.cases import cases
from tests.files import TESTDATA, read

CASE = "endpoint/sync/all-replicas-ready"


def test_every_base_is_a_case_that_others_stand_on():
    names = [str(case) for case in cases()]
    used = [read(TESTDATA / name / golden.RESPONSE).get("base") for name in names]
    assert set(used) - {None} == set(golden.bases()) <= set(names)
    assert [base for base in golden.bases() if used.count(base) < 3] == []
    assert len(set(golden.bases())) == len(golden.bases())


def test_a_base_stands_on_none_below_it():
    for name in golden.bases():
        assert read(TESTDATA / name / golden.RESPONSE).get("base") in {None, *golden.bases_of(name)}
        assert name not in golden.bases_of(name)


@pytest.mark.parametrize("part", ["children", "conditions"])
def test_two_of_a_name_are_an_error(part):
    two = [{"kind": "Service", "metadata": {"name": "chat"}, "type": "Ready"}] * 2
    answer = {"children": two} if part == "children" else {"status": {"conditions": two}}
    with pytest.raises(ValueError, match=r"two of a name among (Service/chat, Service/chat|Ready, Ready)"):
        golden.keyed({"code": 200, "answer": answer})


def test_a_failing_case_shows_the_lines_that_differ_and_where_the_whole_answers_are(tmp_path):
    found = golden.expected(CASE)
    found["answer"]["children"]["Deployment/chat"]["spec"]["replicas"] = 3
    with pytest.raises(AssertionError) as error:
        golden.check(CASE, found, tmp_path)
    text = str(error.value)
    assert text.startswith(f"{CASE} answers otherwise:\n--- {tmp_path}/expected.yaml\n+++ {tmp_path}/found.yaml\n")
    assert [line for line in text.splitlines()[3:] if line[0] in "+-"] == [
        "-        replicas: 2",
        "+        replicas: 3",
    ]
    assert read(tmp_path / "found.yaml") == found
    assert read(tmp_path / "expected.yaml") == golden.expected(CASE)


def test_what_is_expected_cannot_be_changed_by_whoever_reads_it():
    golden.expected(CASE)["answer"].clear()
    assert golden.expected(CASE)["answer"]


def test_a_case_without_an_answer_is_told_how_to_get_one(tmp_path):
    with pytest.raises(AssertionError, match="run make golden and review it"):
        golden.check("endpoint/sync/a-new-one", {}, tmp_path)


def test_writing_a_case_writes_what_it_stands_on(tmp_path, monkeypatch):
    """So that one case alone can be written, although the answers of its bases have changed too."""
    monkeypatch.setattr(golden, "TESTDATA", tmp_path)
    monkeypatch.setattr(golden, "bases", lambda: ("endpoint/sync/base",))
    texts = {f"line-{number}": "text" for number in range(9)}
    answers = {
        "endpoint/sync/base": {"code": 200, "answer": texts},
        "endpoint/sync/other": {"code": 200, "answer": {**texts, "line-3": "other"}},
    }
    for name in answers:
        (tmp_path / name).mkdir(parents=True)
    golden.update("endpoint/sync/other", answers.__getitem__)
    assert read(tmp_path / "endpoint/sync/other/response.yaml") == {
        "base": "endpoint/sync/base",
        "answer": {"line-3": "other"},
    }
    for name, answer in answers.items():
        golden.check(name, answer, tmp_path)
