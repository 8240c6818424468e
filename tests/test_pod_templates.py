"""Every version of the pod template that endpoints may be pinned at renders each golden case as it always did.

`make golden` adds the cases that a file does not have yet, and changes no line: an upgrade restarts no model server.
"""

import hashlib
import json
from functools import cache

import pytest

from aimlib import pod_template
from aimlib.memo import Memo
from hooks.endpoint import decision
from tests.cases import cases
from tests.cases import pod_template as template_of
from tests.files import TESTDATA, read, written
from tests.playing import play

FILES = TESTDATA / "pod_templates"
EARLIER = range(pod_template.FIRST, pod_template.NEWEST)
CASES = cases("endpoint", "sync")


@cache
def recorded(version):
    return read(FILES / f"{version}.yaml")


def digest(template):
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16]


def rendered(case):
    """The digest of the pod template of a case; None where it has no Deployment."""
    answer = play(case.kind, case.hook, case.world).answer
    children = answer.said["children"] if answer.code == 200 else ()
    return next((digest(template_of(child)) for child in children if child["kind"] == "Deployment"), None)


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_version_renders_each_case_as_it_did(version, monkeypatch, request):
    monkeypatch.setattr(pod_template, "NEWEST", version)
    monkeypatch.setattr(decision, "DECISIONS", Memo(512))
    found = {case.path.name: made for case in CASES if (made := rendered(case))}
    if request.config.getoption("--update-golden"):
        path, lines = FILES / f"{version}.yaml", found | recorded(version)
        title = path.read_text(encoding="utf-8").partition("\n")[0]
        path.write_text(f"{title}\n{written(lines, sort=True)}", encoding="utf-8")
        recorded.cache_clear()
    assert found == recorded(version), "no template that endpoints are pinned at changes; new cases: make golden"


def test_there_is_a_file_for_each_earlier_version():
    assert {path.name for path in FILES.iterdir()} == {f"{version}.yaml" for version in EARLIER}
    assert set(pod_template.BRINGS) == set(range(pod_template.FIRST + 1, pod_template.NEWEST + 1))
