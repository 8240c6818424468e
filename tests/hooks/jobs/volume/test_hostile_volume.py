"""A volume that somebody else writes to: links that lead out of it, and pipes and sockets in the place of files."""

import ast
import json
import os
import re
import shutil
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from aimlib.caching.eviction import CleanupPolicy
from aimlib.caching.job_reports import model_key
from hooks.jobs.volume import cleanup, cleanup_plan, index, listing, locks, volume_files
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.folder_handles import WrongKindError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.listing import InvalidVolumeError
from hooks.jobs.volume.policy import OptionRules
from hooks.jobs.volume.volume_files import VolumeFiles
from tests.hooks.jobs.volume.here import Here
from tests.kustomize import ROOT

SECONDS = 20
"""More than any of it takes."""
FOLDER = "models--acme--some-model"
PLACES = {
    "hub": "hub",
    "aim": ".aim",
    "locks": ".aim/locks",
    "lock of the model": f".aim/locks/{FOLDER}.lock",
    "lock of the index": ".aim/locks/index.lock",
    "index": ".aim/index.json",
    "model": f"hub/{FOLDER}",
    "blobs": f"hub/{FOLDER}/blobs",
    "snapshots": f"hub/{FOLDER}/snapshots",
    "snapshot": f"hub/{FOLDER}/snapshots/{{commit}}",
    "folder": f"hub/{FOLDER}/snapshots/{{commit}}/deep",
    "file": f"hub/{FOLDER}/snapshots/{{commit}}/config.json",
    "refs": f"hub/{FOLDER}/refs",
    "revision": f"hub/{FOLDER}/refs/main",
    "trees": f"hub/{FOLDER}/trees",
    "tree": f"hub/{FOLDER}/trees/{{commit}}.json",
    "blob": f"hub/{FOLDER}/blobs/{{blob}}",
    "incomplete": f"hub/{FOLDER}/blobs/{{blob}}.incomplete",
}
KINDS = ("link", "link to nothing", "pipe", "socket", "other kind")
EVERYTHING = OptionRules(CleanupPolicy("lru", 0, 1 << 60))


def contents(folder):
    """All that is in a folder, with the time of each change."""
    return {
        path.relative_to(folder): (path.lstat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in folder.rglob("*")
    }


def replaced(path: Path, outside: Path, kind: str) -> None:
    """Puts something else into a place, whose former content is outside of the volume then."""
    was_folder = path.is_dir()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        (outside / "thing").write_bytes(path.read_bytes())
        path.unlink()
    elif path.exists():
        path.rename(outside / "thing")
    else:
        (outside / "thing").write_bytes(b"of somebody else")
    if kind == "link":
        path.symlink_to(outside / "thing")
    elif kind == "link to nothing":
        path.symlink_to(outside / "nothing")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        before = Path.cwd()
        os.chdir(path.parent)  # the path of a socket is short
        try:
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(path.name)
        finally:
            os.chdir(before)
    elif was_folder:
        path.write_text("a file")
    else:
        path.mkdir()
        (path / "more").write_text("more")


ACTIONS = {
    "download": lambda here: here.download(),
    "another revision": lambda here: here.download(revision="v1"),
    "verify": lambda here: [
        listing.find_damage(here.volume, one)
        for one in listing.read_index(listing.open_volume(here.root)).models.values()
    ],
    "list": lambda here: listing.list_volume(listing.open_volume(here.root)),
    "offline": lambda here: here.download(offline=True),
    "preview": lambda here: cleanup_plan.preview(here.volume, EVERYTHING),
    "clean up": lambda here: cleanup.clean_up(here.root, EVERYTHING, here.said.append),
    "rebuild": lambda here: (
        here.volume.files.write_atomically(here.volume.index_file, b"{"),
        index.load_index(here.root, here.said.append),
    ),
    "download again": lambda here: (
        here.volume.files.write_atomically(here.volume.index_file, b'{"version": 1, "models": {}}'),
        here.download(),
    ),
}


def ended(act):
    """What an action raises; it ends in time."""
    raised = []

    def run():
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - looked at below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive()
    return raised


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A volume with the model, once for all; a second one with an incomplete file."""
    return tmp_path_factory.mktemp("filled") / "volume"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_nothing_outside_changes_and_everything_ends(hub, filled, tmp_path, place, kind):
    first = Here(filled, hub)
    if not filled.exists():
        first.download()
        names = {"commit": first.model.commit, "blob": first.model.files["config.json"].etag}
        tree = filled / PLACES["tree"].format(**names)
        tree.parent.mkdir()
        tree.write_text('{"format_version": 1, "files": {"config.json": {}}}')
    for action, act in ACTIONS.items():
        folder = tmp_path / action.replace(" ", "-")
        shutil.copytree(filled, folder / "volume", symlinks=True)
        outside = folder / "outside"
        outside.mkdir()
        here = Here(folder / "volume", hub)
        names = {"commit": here.model.commit, "blob": here.model.files["config.json"].etag}
        path = here.root / PLACES[place].format(**names)
        if place == "incomplete" and action.startswith("download"):
            path.with_suffix("").unlink()
        replaced(path, outside, kind)
        before = contents(outside)
        for error in ended(lambda act=act, here=here: act(here)):
            assert isinstance(error, DownloadError | InvalidVolumeError | OSError), (action, error)
            assert str(error).isprintable()
        assert contents(outside) == before, action
        with suppress(OSError, DownloadError):
            for name in (FOLDER, locks.INDEX):
                taken = ended(lambda here=here, name=name: _take(here, name))
                assert not [one for one in taken if getattr(one, "reason", "") == "Busy"], action


def _take(here, name):
    with locks.hold_lock(here.volume, name, 0, print):
        pass


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["blob", "incomplete", "revision", "file", "tree"])
def test_what_stands_in_the_place_of_a_file_is_replaced_by_a_download(hub, tmp_path, place, kind):
    here = Here(tmp_path / "volume", hub)
    here.download()
    names = {"commit": here.model.commit, "blob": here.model.files["config.json"].etag}
    path = here.root / PLACES[place].format(**names)
    if place == "incomplete":
        path.with_suffix("").unlink()
    outside = tmp_path / "outside"
    outside.mkdir()
    replaced(path, outside, kind)
    if kind == "other kind" and place != "tree":
        with pytest.raises(DownloadError, match=r"a folder (in place of|where) a file"):
            here.download()
        return
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.repo.ref("main").read_text() == here.model.commit
    assert not path.is_symlink() or place in {"file", "tree"}


@pytest.mark.parametrize(("kind", "name"), [("link", "a symbolic link"), ("pipe", "a pipe"), ("socket", "a socket")])
def test_what_stands_in_the_place_of_a_folder_is_named(hub, tmp_path, kind, name):
    here = Here(tmp_path / "volume", hub)
    here.download()
    outside = tmp_path / "outside"
    outside.mkdir()
    replaced(here.repo.path / "refs", outside, kind)
    with pytest.raises(DownloadError) as error:
        here.download(revision="v1")
    assert error.value.reason == "VolumeRefused"
    assert error.value.message == (
        f"the volume at {here.root} has {name} in place of a folder: {here.repo.path / 'refs'}: remove it"
    )


def test_a_folder_that_is_swapped_meanwhile_leads_nowhere(tmp_path, monkeypatch):
    root, outside = tmp_path / "volume", tmp_path / "outside"
    for folder in (root, outside):
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "file").write_text(folder.name)
    files, opened = VolumeFiles(root), os.open

    def swapping(name, flags, *given, **more):
        handle = opened(name, flags, *given, **more)
        if name == "a":
            (root / "a").rename(root / "b")
            (root / "a").symlink_to(outside / "a")
        return handle

    monkeypatch.setattr(volume_files.os, "open", swapping)
    for act in (files.remove_file, lambda path: files.write_atomically(path, b"new")):
        act(root / "a" / "file")
        (root / "a").unlink()
        (root / "b").rename(root / "a")
    monkeypatch.undo()
    assert (outside / "a" / "file").read_text() == "outside"
    assert (root / "a" / "file").read_text() == "new"


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "..", "a/..", "/etc/passwd", "a\0b"])
def test_no_path_leads_out_of_the_volume(tmp_path, path):
    files = VolumeFiles(tmp_path / "volume")
    files.make_folder(files.root / "a")
    for act in (files.open_file, files.remove_file, files.remove_tree, files.entries, files.find, files.make_folder):
        with pytest.raises(WrongKindError, match="a path out of the volume"):
            act(files.root / path)


def test_folders_below_each_other_without_end_are_not_followed(tmp_path):
    files, before = VolumeFiles(tmp_path), Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(3000):
            Path("a").mkdir()
            os.chdir("a")
    finally:
        os.chdir(before)
    for act in (lambda: list(files.tree(tmp_path / "a")), lambda: files.remove_tree(tmp_path / "a")):
        with pytest.raises(WrongKindError, match="more than 64 folders below each other"):
            act()
    while True:  # pytest's own removal is recursive
        inner = tmp_path / "a" / "a"
        if not inner.exists():
            break
        inner.rename(tmp_path / "b")
        (tmp_path / "a").rmdir()
        (tmp_path / "b").rename(tmp_path / "a")


@pytest.mark.parametrize(
    "model", ["\u00fc/b", "_a/b", "a/b/c", "", "a/../b", "..", "a--b", "a/b\n", "a\0", "a\\b", "a" * 300]
)
def test_what_is_no_id_has_no_folder(tmp_path, model):
    with pytest.raises(DownloadError, match="is not a model id") as error:
        MountedVolume(tmp_path).repo(model)
    assert error.value.reason == "NotFound"
    assert error.value.message.isprintable()


def test_folders_that_are_no_models_are_left_alone(tmp_path):
    volume = MountedVolume(tmp_path)
    volume.prepare()
    for name in ("models--a--b--c", "models--\x1b[31m", "models--", "datasets--a--b", os.fsdecode(b"models--\xff")):
        (volume.hub / name / "blobs").mkdir(parents=True)
        (volume.hub / name / "blobs" / "file").write_text("mine")
    (volume.hub / "models--a--c" / "blobs").mkdir(parents=True)
    (volume.hub / "models--a--c" / "blobs" / "file.incomplete").write_text("x")
    assert [one.id for one in listing.list_volume(volume)] == ["a/c"]
    assert cleanup.clean_up(tmp_path, EVERYTHING, print).removed == []
    assert len(list(volume.hub.glob("*/blobs/file"))) == 5


INDEX = {"version": 1, "models": {}}
ENTRY = {"id": "a/b", "revision": "main", "commit": "0" * 40, "files": []}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../b"},
        {"id": "a/b/c"},
        {"revision": "../../main"},
        {"revision": "/etc/passwd"},
        {"commit": "../../../outside"},
        {"files": [{"path": "../../file", "size": 1, "hash": "0" * 40}]},
        {"files": [{"path": "file", "size": -1, "hash": "0" * 40}]},
        {"files": [{"path": "file", "size": 1, "hash": "../../file"}]},
        {"cachedAt": "yesterday"},
        {"lastUsed": "2026-02-31T00:00:00Z"},
    ],
    ids=str,
)
def test_an_index_of_somebody_else_is_rebuilt(tmp_path, changes):
    volume, entry = MountedVolume(tmp_path), ENTRY | changes
    volume.prepare()
    key = model_key(entry["id"], entry["revision"])
    volume.index_file.write_text(json.dumps(INDEX | {"models": {key: entry}}))
    with pytest.raises(InvalidVolumeError):
        listing.list_volume(volume)
    assert cleanup.clean_up(tmp_path, EVERYTHING, print).removed == []
    assert json.loads(volume.index_file.read_text()) == INDEX


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"models":' * 50_000, "1" * 5000, json.dumps(INDEX | {"models": {"x": ENTRY}})]
)
def test_an_index_that_is_none_is_rebuilt(tmp_path, text):
    volume = MountedVolume(tmp_path)
    volume.prepare()
    volume.index_file.write_text(text)
    assert index.load_index(tmp_path, print).models == {}


def test_an_index_without_end_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "MAX_INDEX", 1000)
    volume = MountedVolume(tmp_path)
    volume.prepare()
    volume.index_file.write_text(" " * 1001)
    assert index.load_index(tmp_path, print).models == {}
    assert json.loads(volume.index_file.read_text()) == INDEX


@pytest.mark.parametrize("when", [1e15, -1e15, 253_402_300_800])
def test_a_time_that_no_calendar_has_does_no_harm(when):
    assert index._timestamp(when) is None


def test_a_file_is_read_up_to_a_bound(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert VolumeFiles(tmp_path).read_file(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="a file of more than 4 bytes"):
        VolumeFiles(tmp_path).read_file(tmp_path / "file", 4)


MODULES = [*(ROOT / "hooks/jobs/volume").glob("*.py"), ROOT / "hooks/cli/cache_commands.py"]
OWN = {"volume_files.py", "folder_handles.py", "termination.py"}
"""The modules that open files and folders, and the one that writes to the kubelet's log."""
HARMLESS = re.compile(
    r"os\.(environ|environ\.get|getuid|getpid|uname|urandom|path\.(normpath|relpath))|os\.(urandom|pread)\(.*\)\.\w+"
)
ON_HANDLES = {"os.close", "os.fstat", "os.fsync", "os.ftruncate", "os.pread", "os.pwrite"}
PATHS = (
    *(
        "open",
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "stat",
        "lstat",
        "exists",
        "is_dir",
        "is_symlink",
    ),
    *(
        "readlink",
        "symlink_to",
        "hardlink_to",
        "mkdir",
        "unlink",
        "rename",
        "rmdir",
        "rglob",
        "glob",
        "iterdir",
        "walk",
    ),
    *("touch", "resolve", "chmod", "samefile", "is_fifo", "is_mount", "owner"),
)


@pytest.mark.parametrize("path", [one for one in MODULES if one.name not in OWN], ids=lambda path: path.name)
def test_only_these_modules_open_what_is_on_a_volume(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {ast.unparse(node.func) for node in calls}
    assert {one for one in names if one.startswith("os.") and not HARMLESS.fullmatch(one)} <= ON_HANDLES
    assert {"open", "io.open", "FileIO"} & names == set()
    methods = {node.func.attr for node in calls if isinstance(node.func, ast.Attribute)}
    assert methods & set(PATHS) == set()
    assert not [node for node in calls if getattr(node.func, "attr", "") == "replace" and len(node.args) == 1]
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }
    assert imported & {"shutil", "tempfile", "glob", "snapshot_download", "scan_cache_dir", "hf_hub_download"} == set()
