"""Kustomizations by the address of a repository and a release, as they are installed without a clone."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kustomize import OVERLAYS, ROOT, build

pytestmark = pytest.mark.slow

RELEASE = "v9.9.9"


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A repository with what is installed, and a tag."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("manifests", "metacontroller", "crds", "recipes"):
        shutil.copytree(ROOT / name, folder / name)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init",), ("add", "--all"), (*identity, "commit", "--message=release"), ("tag", RELEASE)):
        quiet = () if words[0] in {"add", "tag"} else ("--quiet",)
        subprocess.run(["git", "-C", folder, *words, *quiet], check=True)
    return folder


@pytest.mark.parametrize("step", [ROOT / "manifests" / "crds", OVERLAYS / "default", OVERLAYS / "monitoring"])
def test_a_release_of_a_repository_is_what_a_checkout_is(repository, step):
    address = f"file://{repository}//{step.relative_to(ROOT)}?ref={RELEASE}"
    assert build(address) == build(step)
