"""Where the former release comes from, in whole clones and in shallow ones."""

import subprocess
from pathlib import Path

import pytest

from tests.cluster.former import VARIABLE, MissingFormerError, checkout, reference


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def history(tmp_path) -> tuple[Path, list[str]]:
    """A repository with three commits; the second one brings a file."""
    folder = tmp_path / "whole"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commits = []
    for number in range(3):
        if number == 1:
            (folder / "later.yaml").touch()
            git(folder, "add", "later.yaml")
        git(folder, "commit", "--quiet", "--allow-empty", f"--message={number}")
        commits.append(git(folder, "rev-parse", "HEAD"))
    return folder, commits


def shallow(whole: Path) -> Path:
    """A clone of the last commit alone."""
    git(whole.parent, "clone", "--quiet", "--depth=1", f"file://{whole}", "shallow")
    return whole.parent / "shallow"


def test_the_newest_release_before_this_one_comes_first(history):
    folder, commits = history
    for tag, commit in (("v0.9.0", commits[0]), ("v0.10.0", commits[1]), ("v1.0.0", commits[2])):
        git(folder, "tag", tag, commit)
    assert reference(folder, "later.yaml") == "v0.10.0"


def test_without_a_tag_it_is_the_commit_before_a_file_came(history):
    folder, commits = history
    assert reference(folder, "later.yaml") == commits[0]


def test_a_shallow_clone_fetches_it(history):
    folder, commits = history
    assert reference(shallow(folder), "later.yaml") == commits[0]


def test_one_that_cannot_says_what_to_do(history):
    folder, _ = history
    clone = shallow(folder)
    git(clone, "remote", "remove", "origin")
    with pytest.raises(MissingFormerError, match=f"has not the commit before later.yaml.*--unshallow.*{VARIABLE}"):
        reference(clone, "later.yaml")


def test_a_folder_that_is_named_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert checkout(tmp_path / "unused") == tmp_path


def test_a_file_that_never_came_is_told_of(history):
    folder, _ = history
    with pytest.raises(MissingFormerError, match=r"has not the commit before never\.yaml"):
        reference(folder, "never.yaml")
