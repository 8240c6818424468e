"""A model on the hub: its revisions, and what the hub says of each file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any, NamedTuple

from tests.hub.contents import Contents, Given, Noise, git_sha1, sha256

GIT_MOST = 10_000
"""The largest file that is kept in git itself; the hub's own limit is 10 MB, which tests would wait for."""
LFS_NAMES = ("*.safetensors", "*.bin")


class File(NamedTuple):
    """One file of one commit."""

    path: str
    contents: Contents
    oid: str
    """The git blob's: of the pointer, where the contents are in LFS."""
    sha256: str | None
    """Of the contents, where they are in LFS."""

    @property
    def size(self) -> int:
        return self.contents.size

    @property
    def etag(self) -> str:
        """What names the contents; the name of the blob in the cache of huggingface_hub."""
        return self.sha256 or self.oid

    @property
    def pointer(self) -> bytes:
        return _pointer(self.etag, self.size)

    def data(self) -> bytes:
        """All of its bytes."""
        return b"".join(self.contents.read(0, self.size))

    def in_tree(self) -> dict[str, Any]:
        """As in the answer to `tree`."""
        found: dict[str, Any] = {"type": "file", "oid": self.oid, "size": self.size, "path": self.path}
        if self.sha256:
            found["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(self.pointer)}
        return found

    def as_sibling(self, *, blobs: bool) -> dict[str, Any]:
        """As in the answer to `models`."""
        found: dict[str, Any] = {"rfilename": self.path}
        if blobs:
            found |= {"blobId": self.oid, "size": self.size}
            if self.sha256:
                found["lfs"] = {"sha256": self.sha256, "size": self.size, "pointerSize": len(self.pointer)}
        return found


Files = dict[str, File]


def _pointer(digest: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()


def file_of(model: str, path: str, given: bytes | int) -> File:
    """A file with these bytes, or with so many."""
    contents = Given(given) if isinstance(given, bytes) else Noise(f"{model}/{path}", given)
    if contents.size <= GIT_MOST and not any(fnmatch(path, name) for name in LFS_NAMES):
        return File(path, contents, git_sha1(contents), None)
    digest = sha256(contents)
    return File(path, contents, git_sha1(Given(_pointer(digest, contents.size))), digest)


@dataclass
class Repository:
    """A model. Taking a name out of `revisions` makes that revision unknown."""

    id: str
    gated: bool = False
    private: bool = False
    commits: dict[str, Files] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    """Names of branches and tags, and the commit of each."""

    def commit_to(self, revision: str, given: Mapping[str, bytes | int]) -> str:
        """The new commit of a branch or tag: of exactly these files."""
        files = {path: file_of(self.id, path, one) for path, one in sorted(given.items())}
        names = "\n".join([self.id, *(f"{path} {one.etag}" for path, one in files.items())])
        commit = hashlib.sha1(names.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = files
        self.revisions[revision] = commit
        return commit

    def find(self, revision: str) -> str | None:
        """The commit of a branch, of a tag or of itself."""
        return self.revisions.get(revision, revision if revision in self.commits else None)

    @property
    def commit(self) -> str:
        """The commit of `main`."""
        return self.revisions["main"]

    @property
    def files(self) -> Files:
        """The files of `main`, by path."""
        return self.commits[self.commit]

    @property
    def total(self) -> int:
        """The bytes of all files of `main`."""
        return sum(one.size for one in self.files.values())

    def info(self, commit: str, *, blobs: bool) -> dict[str, Any]:
        """The answer to `models`."""
        return {
            "_id": commit[:24],
            "id": self.id,
            "modelId": self.id,
            "sha": commit,
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "createdAt": "2026-01-02T03:04:05.000Z",
            "lastModified": "2026-01-02T03:04:05.000Z",
            "siblings": [one.as_sibling(blobs=blobs) for one in self.commits[commit].values()],
        }

    def tree(self, commit: str) -> list[dict[str, Any]]:
        """The answer to `tree`, folders included."""
        files = self.commits[commit].values()
        folders = {parent for one in files for parent in _parents(one.path)}
        rows = [one.in_tree() for one in files]
        rows += [
            {"type": "directory", "oid": f"{one.encode().hex():0<40}"[:40], "size": 0, "path": one} for one in folders
        ]
        return sorted(rows, key=lambda row: row["path"])


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
