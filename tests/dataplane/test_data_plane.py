"""What is told where there can be no network of the tests' own."""

import pytest

from tests.cluster.processes import StartError
from tests.dataplane import network
from tests.dataplane.__main__ import main


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    """A PATH with nothing on it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_the_programs_the_sentence_names_them(nothing):
    with pytest.raises(StartError, match="takes unshare, ip, mount"):
        network.run_inside(["true"], nothing)


def test_without_the_right_the_sentence_tells_what_it_takes(nothing):
    for name in ("unshare", "ip", "mount"):
        program = nothing / name
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    assert network.refusal() == (
        "this machine lets nobody make a network of his own: it takes root, or namespaces of users"
    )


@pytest.mark.usefixtures("nothing")
def test_the_tests_fail_with_that_sentence(monkeypatch, capsys):
    monkeypatch.setattr("tests.cluster.binaries.ensure", lambda _: None)
    assert main("network", []) == 1
    assert "which PATH does not have" in capsys.readouterr().err
