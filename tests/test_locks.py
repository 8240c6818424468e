"""The lock files: complete, agreeing with each other, and free of addresses."""

import json
import re
import tomllib

import pytest

from tests.kustomize import ROOT
from tests.tools.lock_installs import INSTALL, LOCKS, problems

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(name: str) -> dict[str, str]:
    """Version by distribution."""
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9, -]+\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def asked(names: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", name)[0].lower().replace("_", "-") for name in names}


def test_the_locks_hold_every_dependency():
    runtime = asked(PROJECT["project"]["dependencies"])
    download = asked(PROJECT["project"]["optional-dependencies"]["download"])
    assert runtime <= locked("requirements.lock").keys()
    assert runtime | download <= locked("requirements-download.lock").keys()
    assert download <= asked(PROJECT["dependency-groups"]["dev"])
    assert runtime | asked(PROJECT["dependency-groups"]["dev"]) <= locked("requirements-dev.lock").keys()


def test_what_is_tested_is_what_runs():
    runtime, download, dev = (locked(name).items() for name in LOCKS)
    assert runtime <= download <= dev


ENGINES = "tests/engines/requirements.lock"
SOURCES = "tests/sources/requirements.lock"
WEB = "tests/web/requirements.lock"
SITE = "tests/site/requirements.lock"


def test_every_release_has_hashes_and_no_lock_has_addresses():
    for name in (*LOCKS, ENGINES, SOURCES, WEB, SITE):
        text = (ROOT / name).read_text()
        entries = re.split(r"\n(?=[a-z0-9])", text)[1:]
        assert len(entries) == len(locked(name))
        assert all("--hash=sha256:" in entry for entry in entries)
        assert not re.search(r"://|--(extra-)?index-url|--find-links", text)


@pytest.mark.parametrize(
    "file",
    [
        "Makefile",
        "Dockerfile",
        "tests/cluster/toolchain.py",
        "tests/engines/installation.py",
        "tests/sources/__main__.py",
        "tests/web/installation.py",
    ],
)
def test_whatever_installs_from_a_lock_resolves_nothing(file):
    commands = [line for line in (ROOT / file).read_text().splitlines() if "--require-hashes" in line]
    assert commands
    assert [line for line in commands if "--no-deps" not in line] == []
    assert {"--no-deps", "--require-hashes"} <= set(INSTALL)


def test_every_package_of_the_browser_has_a_hash_and_no_address():
    packages = json.loads((ROOT / "tests/web/package-lock.json").read_text())["packages"]
    stated = json.loads((ROOT / "tests/web/package.json").read_text())["dependencies"]
    assert packages.pop("")["dependencies"] == stated
    assert all(re.fullmatch(r"[\d.]+", version) for version in stated.values())
    assert all(one["integrity"].startswith("sha512-") and "resolved" not in one for one in packages.values())


def test_extras_are_locked_by_name():
    assert "coverage[toml]==" in (ROOT / "requirements-dev.lock").read_text()


@pytest.mark.slow
def test_a_lock_that_leaves_a_version_open_is_refused(tmp_path):
    lock = tmp_path / "some.lock"
    lock.write_text("iniconfig>=2\n")
    [problem] = problems(lock, tmp_path / "work")
    assert problem.startswith("pip install failed")
    assert "iniconfig" in problem
