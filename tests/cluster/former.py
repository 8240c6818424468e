"""The release before this one, as files of a folder: from the newest tag, or from a commit while there is none.

That one is found by a file that came next: the names of commits change where a history is written anew.
"""

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.cluster.plane import ROOT

NEXT = "aimlib/data/schemas/AIMGateway.json"
"""Came after what was landed before there was a tag, which has no gateways, canaries and conditions of GitOps tools."""
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


def reference(repository: Path, came_next: str = NEXT) -> str:
    """The newest tag of an earlier release, else the commit before a file came, fetched for a shallow clone."""
    tags = _git(repository, "tag", "--list", "v*", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-v:refname")
    if newest := tags.decode().split()[:1]:
        return newest[0]
    try:
        if _git(repository, "rev-parse", "--is-shallow-repository").strip() == b"true":
            _git(repository, "fetch", "--quiet", "--unshallow", "origin")
        added = _git(repository, "log", "--format=%H", "--diff-filter=A", "--", came_next).decode().split()
        return _git(repository, "rev-parse", "--verify", "--quiet", f"{''.join(added[-1:])}^").decode().strip()
    except MissingFormerError as error:
        raise MissingFormerError(
            f"the upgrade cannot be tested: this clone has not the commit before {came_next}, and its origin does not "
            f"give it ({error}). Fetch the whole history (git fetch --unshallow), or name the folder of a checkout of "
            f"an earlier release by {VARIABLE}"
        ) from error


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, check=False, timeout=300)
    except FileNotFoundError as error:
        raise MissingFormerError("there is no git") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise MissingFormerError(f"git {arguments[0]}: {said or 'nothing found'}")
    return done.stdout
