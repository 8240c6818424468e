"""The lock files: complete, agreeing with each other, and free of addresses."""

import re
import tomllib

from tests.kustomize import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(name: str) -> dict[str, str]:
    """Version by distribution."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


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
    names = ("requirements.lock", "requirements-download.lock", "requirements-dev.lock")
    runtime, download, dev = (locked(name).items() for name in names)
    assert runtime <= download <= dev


def test_every_release_has_hashes_and_no_lock_has_addresses():
    for name in ("requirements.lock", "requirements-download.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        entries = re.split(r"\n(?=[a-z0-9])", text)[1:]
        assert len(entries) == len(locked(name))
        assert all("--hash=sha256:" in entry for entry in entries)
        assert not re.search(r"://|--(extra-)?index-url|--find-links", text)
