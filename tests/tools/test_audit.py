"""What is made of the answers of pip-audit; no service is asked here."""

import json
from datetime import date

import audit
import pytest
import yaml
from audit import Unanswered, verdict

TODAY = date(2026, 11, 23)
VULN = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}
CLEAN = [{"name": "flask", "version": "1.0", "vulns": []}]
BAD = [*CLEAN, {"name": "jinja2", "version": "1.9", "vulns": [VULN]}]


def excepted(name, until=TODAY):
    return {"id": name, "reason": "it is never called", "until": until}


def test_packages_without_known_vulnerabilities_pass():
    assert verdict(CLEAN, [], TODAY) == (("1 packages audited, 0 known vulnerabilities, 0 exceptions",), 0)


def test_a_vulnerability_is_named_with_its_fix():
    lines, code = verdict(BAD, [], TODAY)
    assert (lines[0], code) == ("jinja2 1.9: PYSEC-1, CVE-1; fixed in 2.0", 1)
    unfixed = [{**BAD[1], "vulns": [{**VULN, "fix_versions": []}]}]
    assert verdict(unfixed, [], TODAY).lines[0].endswith("; not fixed yet")


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1"])
def test_an_exception_holds_by_any_of_the_names_until_its_day_is_over(name):
    assert verdict(BAD, [excepted(name)], TODAY).code == 0
    lines, code = verdict(BAD, [excepted(name, date(2026, 11, 22))], TODAY)
    assert (lines[0], code) == (f"the exception for {name} has expired on 2026-11-22: it is never called", 1)


def test_an_exception_that_nothing_needs_fails():
    lines, code = verdict(CLEAN, [excepted("CVE-9")], TODAY)
    assert (lines[0], code) == ("the exception for CVE-9 is not needed any more", 1)


def test_what_could_not_be_asked_is_said_and_is_no_pass():
    lines, code = verdict(Unanswered("osv: gone"), [], TODAY)
    assert lines == ("NOT AUDITED for known vulnerabilities, since nobody could be asked: osv: gone",)
    assert code == 3


def test_another_service_is_asked_when_one_does_not_answer_and_twice_where_it_may_help():
    calls = []

    def ask(service):
        calls.append(service)
        return Unanswered("no route") if service == "osv" else Unanswered("it does not know 1 of 1", again=False)

    assert audit.asked(ask) == Unanswered("osv: no route; pypi: it does not know 1 of 1")
    assert calls == ["osv", "osv", "pypi"]
    assert audit.asked(lambda service: CLEAN if service == "pypi" else Unanswered("no")) == CLEAN


def test_packages_that_the_service_does_not_know_are_no_answer():
    skipped = json.dumps({"dependencies": [*CLEAN, {"name": "x", "skip_reason": "not found"}]})
    assert audit.read(skipped, "") == Unanswered("it does not know 1 of 2 packages, such as x", again=False)
    assert audit.read(json.dumps({"dependencies": CLEAN}), "") == CLEAN
    assert audit.read("", "Traceback\nConnectionError: nobody there\n") == Unanswered("ConnectionError: nobody there")
    assert audit.read("", "") == Unanswered("no answer")


def test_an_answer_is_good_for_the_day_and_no_answer_is_not(tmp_path):
    memory, answers = tmp_path / "below" / "audit.json", iter([Unanswered("no"), CLEAN, BAD])
    ask = audit.remembered(lambda _: next(answers), memory, TODAY)
    assert [ask("osv"), ask("osv"), ask("osv")] == [Unanswered("no"), CLEAN, CLEAN]
    assert audit.remembered(lambda _: next(answers), memory, date(2026, 11, 24))("osv") == BAD


def test_the_program_fails_without_an_answer_unless_that_is_fine(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert audit.main([], lambda _: Unanswered("no")) == 3
    assert audit.main(["--offline-is-fine"], lambda _: Unanswered("no")) == 0
    assert capsys.readouterr().err.count("NOT AUDITED") == 2


def test_pip_audit_is_asked_about_all_locks_with_hashes_and_without_resolving(monkeypatch):
    seen = []

    def run(command, **_):
        seen.extend(command)
        return type("Done", (), {"stdout": json.dumps({"dependencies": CLEAN}), "stderr": ""})

    monkeypatch.setattr(audit.subprocess, "run", run)
    assert audit.pip_audit("osv") == CLEAN
    assert {"--require-hashes", "--disable-pip", "--vulnerability-service=osv"} <= set(seen)
    assert [one.rpartition("/")[2] for one in seen if one.startswith("--requirement=")] == [*audit.LOCKS]


def test_every_exception_has_a_reason_and_a_day():
    exceptions = yaml.safe_load((audit.HERE / "audit.yaml").read_text())["exceptions"]
    assert all(one.keys() == {"id", "reason", "until"} and isinstance(one["until"], date) for one in exceptions)
