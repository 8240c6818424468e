"""The release before this one, as files of a folder: from the newest tag, or from a commit while there is none."""

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.cluster.plane import ROOT

LANDED = "82d87fe2ff0eab0557383b7e8c1e848cfc3badf5"
"""What was landed before there was a tag: without gateways, canaries and the conditions of GitOps tools."""
PARTS = ("aimlib", "hooks", "recipes", "crds", "metacontroller", "manifests", "tests/cluster")
"""What an installation is made of, and Metacontroller's place here."""
VARIABLE = "AIM_FORMER"
"""Names a folder with a checkout instead."""


class MissingFormerError(Exception):
    """The former release cannot be had; the message says what to do."""


def checkout(folder: Path, repository: Path = ROOT) -> Path:
    """The former release's files, in the folder unless AIM_FORMER names another. MissingFormerError."""
    if given := os.environ.get(VARIABLE):
        return Path(given).resolve()
    archive = _git(repository, "archive", "--format=tar", reference(repository), *PARTS)
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def reference(repository: Path, landed: str = LANDED) -> str:
    """The newest tag of an earlier release, else the landed commit, which is fetched where the clone has not got it."""
    tags = _git(repository, "tag", "--list", "v*", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-v:refname")
    if newest := tags.decode().split()[:1]:
        return newest[0]
    try:
        return _commit(repository, landed)
    except MissingFormerError:
        pass
    try:
        _git(repository, "fetch", "--quiet", "--depth=1", "origin", landed)
        return _commit(repository, landed)
    except MissingFormerError as error:
        raise MissingFormerError(
            f"the upgrade cannot be tested: this clone has not the commit {landed[:12]}, and its origin does not give "
            f"it ({error}). Fetch the whole history (git fetch --unshallow), or name the folder of a checkout of an "
            f"earlier release by {VARIABLE}"
        ) from error


def _commit(repository: Path, name: str) -> str:
    return _git(repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, check=False, timeout=300)
    except FileNotFoundError as error:
        raise MissingFormerError("there is no git") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise MissingFormerError(f"git {arguments[0]}: {said or 'nothing found'}")
    return done.stdout
