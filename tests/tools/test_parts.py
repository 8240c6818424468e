"""The run of all tests: what fails once is tried again alone and named, and what fails twice fails the run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import conftest, parts

SETTINGS = """
[pytest]
markers = e2e: on the control plane
"""
ONCE = """
from pathlib import Path
import pytest

@pytest.mark.{mark}
def test_once():
    tried = Path("tried-{mark}")
    found = tried.exists()
    tried.touch()
    assert found

@pytest.mark.{mark}
def test_counted():
    with Path("counted").open("a") as file:
        file.write("x")
"""
NEVER = """
import pytest

@pytest.mark.e2e
@pytest.mark.parametrize("number", range({count}))
def test_never(number):
    assert False
"""
PASSES = "def test_passes(): pass\n"
PLAYS = "import pytest\n\n@pytest.mark.e2e\ndef test_plays(): pass\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The tests of a project, which is the present folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COVERAGE_FILE", raising=False)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    tests = tmp_path / "tests"
    for folder in parts.ON_PLANE:
        (tmp_path / folder).mkdir(parents=True)
    (tests / "test_passes.py").write_text(PASSES)
    (tests / "standin" / "test_plays.py").write_text(PLAYS)
    return tests


def run(capfd):
    code = parts.main(["--quiet", "-p", "no:randomly"])
    return code, capfd.readouterr().out


def test_what_fails_once_is_named_and_the_rest_is_not_run_again(project, capfd):
    (project / "e2e" / "test_shown.py").write_text(ONCE.format(mark="e2e"))
    (project / "test_kept.py").write_text(ONCE.format(mark="slow").replace("@pytest.mark.slow\n", ""))
    code, output = run(capfd)
    assert code == 0, output
    named = [line for line in output.splitlines() if line.startswith("UNSTEADY")]
    expected = ("tests/e2e/test_shown.py::test_once", "tests/test_kept.py::test_once")
    assert named == [f"UNSTEADY, passed at the second try: {name}" for name in expected]
    assert Path("counted").read_text() == "xx"


def test_what_fails_twice_fails_the_run(project, capfd):
    (project / "e2e" / "test_never.py").write_text(NEVER.format(count=1))
    code, output = run(capfd)
    assert (code, "UNSTEADY" in output) == (1, False)
    assert output.count("1 failed") >= 2


def test_many_failures_are_not_tried_again(project, capfd):
    (project / "e2e" / "test_never.py").write_text(NEVER.format(count=parts.MOST + 1))
    code, output = run(capfd)
    assert code == 1
    assert "once more" not in output


def test_a_file_that_cannot_be_read_fails_the_run(project, capfd):
    (project / "test_broken.py").write_text("import nothing_of_this_name\n")
    (project / "e2e" / "test_plays.py").write_text(PLAYS)
    code, output = run(capfd)
    assert code == 1
    assert "once more" not in output


def test_a_failure_of_a_former_run_is_forgotten(project, capfd):
    (project / "e2e" / "test_shown.py").write_text(ONCE.format(mark="e2e"))
    run(capfd)
    (project / "e2e" / "test_shown.py").write_text("import pytest\n\n@pytest.mark.e2e\ndef test_now(): pass\n")
    code, output = run(capfd)
    assert (code, "once more" in output) == (0, False)


def test_others_are_tried_twice_in_the_same_way(project, capfd):
    (project / "e2e" / "test_shown.py").write_text(ONCE.format(mark="e2e"))
    code = parts.tried_twice("apart", lambda options: parts.pytest("tests/e2e", *options))
    output = capfd.readouterr().out
    assert (code, Path("counted").read_text()) == (0, "x")
    assert "UNSTEADY, passed at the second try: tests/e2e/test_shown.py::test_once" in output


@pytest.mark.parametrize("folder", [*parts.ON_PLANE, "tests/hooks"])
def test_a_test_on_the_control_plane_stands_where_a_part_looks_for_it(folder):
    item = SimpleNamespace(nodeid=f"{folder}/test_x.py::test_y", get_closest_marker=lambda mark: mark == "e2e")
    assert conftest.astray([item]) == ([] if folder in parts.ON_PLANE else [item.nodeid])


def test_a_value_of_a_test_that_is_called_as_a_fixture_marks_it_as_nothing():
    drawn = SimpleNamespace(fixturenames=["names", "tmp_path"], callspec=SimpleNamespace(params={"names": []}))
    assert conftest.fixtures_of(drawn) == {"tmp_path"}
    assert conftest.fixtures_of(SimpleNamespace(fixturenames=["names"])) == {"names"}
