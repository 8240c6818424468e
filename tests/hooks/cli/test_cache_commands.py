"""`aim cache ls`, `verify` and `gc` as people use them: what they print, where, and how they end."""

import json
import os
import signal

import pytest
import yaml

from hooks.cli import cache_commands
from hooks.jobs.volume import cleanup, disk, index, missing_files
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from tests.hooks.cli.commandline import aim
from tests.hooks.jobs.volume.shelf import Kubernetes, ago, blob, part, put, quiet


@pytest.fixture
def cluster(monkeypatch):
    """The AIMCache that --cache names."""

    def made(made_of):
        monkeypatch.setattr(cache_commands, "CacheClient", lambda name: made_of if name == "models" else None)
        return made_of

    return made


def lines(done):
    return [line.split() for line in done.stdout.splitlines()]


def test_the_models_are_listed_in_the_order_of_their_names(tmp_path):
    torn, whole = put(tmp_path, "b/torn", "v1", "d", cached=2), put(tmp_path, "a/whole", cached=1)
    part(tmp_path, "c/part")
    blob(tmp_path, torn).write_bytes(b"short")
    done = aim("cache", "ls", tmp_path)
    assert done.exit_code == 0
    head, *rows, empty, last = lines(done)
    assert " ".join(head) == "MODEL REVISION COMMIT SIZE FILES STATE CACHED LAST USED"
    assert rows == [
        ["a/whole", "main", "cccccccc", "64", "KiB", "2", "Ready", whole.cached_at, "-"],
        ["b/torn", "v1", "dddddddd", "64", "KiB", "2", "Damaged", torn.cached_at, "-"],
        ["c/part", "-", "-", "1000", "bytes", "1", "Partial", "-", "-"],
    ]
    assert empty == []
    assert last[:3] == ["The", "cache", "has"]
    assert last[-2:] == ["are", "free."]


def test_the_wide_list_has_folders_and_damage(tmp_path):
    torn = put(tmp_path, "b/torn")
    blob(tmp_path, torn).unlink()
    done = aim("cache", "ls", tmp_path, "-o", "wide")
    folder = MountedVolume(tmp_path).repo("b/torn").snapshot(torn.commit)
    assert f"{torn.commit}  64 KiB" in done.stdout
    assert done.stdout.splitlines()[1].endswith(f"{folder}  model.safetensors is missing")


def test_the_list_as_data(tmp_path):
    model = put(tmp_path, "a/b", cached=1)
    index.update_index(tmp_path, lambda now: now.having(model.model_copy(update={"last_used": ago(0)})), quiet)
    part(tmp_path, "c/part")
    found = json.loads(aim("cache", "ls", tmp_path, "-o", "json").stdout)
    assert found["models"] == yaml.safe_load(aim("cache", "ls", tmp_path, "-o", "yaml").stdout)["models"]
    assert set(found["volume"]) == {"total", "used", "available"}
    first, second = found["models"]
    assert set(first) == {
        *("id", "revision", "commit", "state", "bytes", "files", "folder", "cachedAt", "lastUsed"),
    }
    assert (first["bytes"], first["files"]) == (65_538, 2)
    assert (second["id"], second["state"], second["bytes"]) == ("c/part", "Partial", 1000)
    assert "commit" not in second


def test_a_cache_of_another_program_has_no_models_of_ours(tmp_path):
    (tmp_path / "hub").mkdir()
    assert len(lines(aim("cache", "ls", tmp_path))) == 3
    assert aim("cache", "verify", tmp_path).stdout == f"There is no model in {tmp_path}.\n"


COMMANDS = (("ls",), ("verify",), ("gc", "--dry-run"), ("gc",))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_is_no_cache(tmp_path, command):
    for place, said in ((tmp_path / "no", "there is no folder"), (tmp_path, "is not a cache: it has no folder hub")):
        done = aim("cache", *command, place)
        assert done.exit_code == 2
        assert said in done.stderr
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("command", COMMANDS[:3], ids=" ".join)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "cannot be read: it is not JSON: "),
        (b"\xff\xfe", "cannot be read: it is not UTF-8 text"),
        (b"[]", "cannot be read: it has no version; the next clean-up or download rebuilds it"),
        (b'{"version": 0}', "cannot be read: it has version 0, and this release writes 1"),
        (b'{"version": 2}', "was written by a later release: it has version 2, and this release reads 1"),
    ],
)
def test_an_index_that_cannot_be_read(tmp_path, command, content, said):
    put(tmp_path, "a/b")
    MountedVolume(tmp_path).index_file.write_bytes(content)
    done = aim("cache", *command, tmp_path)
    assert done.exit_code == 2
    assert f"Error: the index {MountedVolume(tmp_path).index_file} " in done.stderr
    assert said in done.stderr
    assert MountedVolume(tmp_path).index_file.read_bytes() == content


def test_an_index_of_a_later_release_stops_a_clean_up(tmp_path):
    put(tmp_path, "a/b")
    MountedVolume(tmp_path).index_file.write_text('{"version": 2}')
    done = aim("cache", "gc", tmp_path)
    assert done.exit_code == 49
    assert "was written by a later release and is not changed" in done.stderr


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    put(tmp_path, "a/b")

    def refuse(*_):
        raise PermissionError(13, "Permission denied", "/secret")

    monkeypatch.setattr(missing_files, "find_missing", refuse)
    for command in (("ls",), ("gc", "--dry-run")):
        done = aim("cache", *command, tmp_path)
        assert (done.exit_code, done.stderr) == (2, "Error: /secret cannot be read: Permission denied\n")
    done = aim("cache", "verify", tmp_path)
    assert done.exit_code == 3
    assert done.stdout.startswith("a/b@main: damaged\n  /secret cannot be read: Permission denied\n")


def test_what_is_as_the_hub_named_it_is_verified(tmp_path):
    model = put(tmp_path, "a/b")
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    done = aim("cache", "verify", tmp_path)
    assert (done.exit_code, done.stdout) == (0, f"a/b@main: verified, commit {model.commit}\n")
    assert done.stderr == "a/b@main: reading 2 files, 64 KiB\n"
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_one_changed_bit_is_found_and_named(tmp_path):
    torn, _ = put(tmp_path, "a/torn"), put(tmp_path, "a/whole")
    place = blob(tmp_path, torn)
    content = bytearray(place.read_bytes())
    content[4711] ^= 1
    place.write_bytes(content)
    blob(tmp_path, torn, "config.json").unlink()
    done = aim("cache", "verify", tmp_path)
    assert done.exit_code == 3
    assert done.stdout.splitlines()[:3] == [
        "a/torn@main: damaged",
        "  config.json is missing",
        f"  model.safetensors is damaged: its blob does not have the hash {place.name}",
    ]
    assert done.stdout.splitlines()[3].startswith(f"  To repair it, delete the damaged files from {place.parent}")
    assert done.stdout.splitlines()[4].startswith("a/whole@main: verified")
    assert aim("cache", "verify", tmp_path, "--model", "a/whole").exit_code == 0
    assert aim("cache", "verify", tmp_path, "--model", "a/torn").exit_code == 3


def test_what_is_verified_and_removed_as_data(tmp_path):
    put(tmp_path, "a/b", cached=2)
    blob(tmp_path, put(tmp_path, "c/torn", cached=1)).write_bytes(b"short")
    done = aim("cache", "verify", tmp_path, "-o", "json")
    found = {one["id"]: one for one in json.loads(done.stdout)["items"]}
    assert done.exit_code == 3
    assert {name: one["state"] for name, one in found.items()} == {"a/b": "Ready", "c/torn": "Damaged"}
    assert (found["a/b"]["wrong"], len(found["c/torn"]["wrong"])) == ([], 1)
    removed = aim("cache", "gc", tmp_path, "--max-age", "1h", "--dry-run", "-o", "yaml")
    assert [one["id"] for one in yaml.safe_load(removed.stdout)["items"]] == ["a/b"]


def test_a_model_that_is_not_there_is_not_verified(tmp_path):
    put(tmp_path, "a/b")
    put(tmp_path, "a/b", "v1", "d")
    done = aim("cache", "verify", tmp_path, "--model", "a/c")
    assert (done.exit_code, done.stderr) == (2, f"Error: {tmp_path} has no model a/c; it has a/b\n")
    index.remove_entry(tmp_path, "a_b-x", quiet)
    (tmp_path / "other" / "hub").mkdir(parents=True)
    assert "has no model a/c; it has no models" in aim("cache", "verify", tmp_path / "other", "--model", "a/c").stderr


@pytest.mark.parametrize("strategy", [(), ("--strategy", "age")])
def test_a_dry_run_prints_removals_and_removes_nothing(tmp_path, strategy):
    put(tmp_path, "a/old", cached=45)
    put(tmp_path, "a/new", cached=1)
    done = aim("cache", "gc", tmp_path, "--dry-run", "--max-age", "30d", *strategy)
    assert done.exit_code == 0
    words = "downloaded 45d ago" if strategy else "not used for 45d"
    assert done.stdout == (f"MODEL  REVISION  SIZE    WHY\na/old  main      64 KiB  {words}, maxAge is 30d\n")
    assert len(index.load_index(tmp_path, quiet).models) == 2
    done = aim("cache", "gc", tmp_path, "--max-age", "30d", *strategy)
    assert (done.exit_code, done.stdout.splitlines()[1].split()[0]) == (0, "a/old")
    assert done.stderr == f"removed a/old@main, 64 KiB: {words}, maxAge is 30d\n"
    assert [one.id for one in index.load_index(tmp_path, quiet).models.values()] == ["a/new"]


def test_space_that_cannot_be_freed_is_reported(tmp_path):
    put(tmp_path, "a/b")
    done = aim("cache", "gc", tmp_path, "--dry-run", "--strategy", "none", "--min-free-space", "1Ei")
    assert done.stdout == "Nothing would be removed.\n"
    assert done.stderr.startswith("1024 PiB should be free, and ")
    assert done.stderr.endswith(" are: clean-up is off\n")


def test_without_rules_nothing_goes(tmp_path):
    put(tmp_path, "a/b", cached=999)
    assert aim("cache", "gc", tmp_path, "--dry-run").stdout == "Nothing would be removed.\n"
    assert aim("cache", "gc", tmp_path).stdout == "Nothing was removed.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-age", "30"), "'30' is not a duration such as 30d, 12h or 45m"),
        (("--max-age=-1d",), "'-1d' is not a duration such as 30d, 12h or 45m"),
        (("--min-free-space", "much"), "'much' is not a quantity such as 500m, 16 or 64Gi"),
        (("--strategy", "big"), "'big' is not one of 'lru', 'age', 'none'"),
        (
            ("--cache", "models", "--max-age", "0s"),
            "the rules are those of the AIMCache: leave out --strategy, --max-age",
        ),
        (("--cache", "models", "--min-free-space", "0"), "the rules are those of the AIMCache"),
        (("--cache", "models", "--strategy", "lru"), "the rules are those of the AIMCache"),
    ],
)
def test_options_that_cannot_be_meant(tmp_path, words, said):
    put(tmp_path, "a/b", cached=999)
    done = aim("cache", "gc", tmp_path, *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(index.load_index(tmp_path, quiet).models) == 1


def test_a_clean_up_for_a_cache_goes_by_its_rules_and_reports(tmp_path, cluster):
    models = [put(tmp_path, f"a/{name}", cached=45) for name in ("idle", "used")]
    asked = cluster(Kubernetes(["a/idle", "a/used"], {"a/used": ["chat"]}, maxAge="30d").knowing(*models))
    dry = aim("cache", "gc", tmp_path, "--cache", "models", "--dry-run")
    assert asked.reports.cleanup is None
    done = aim("cache", "gc", tmp_path, "--cache", "models")
    assert done.stdout == dry.stdout
    assert [one.id for one in asked.reports.cleanup.removed] == ["a/idle"]
    assert asked.reports.volume.total == disk.measure(tmp_path).total


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_cache_that_cannot_be_read(tmp_path, cluster, words, monkeypatch):
    put(tmp_path, "a/b", cached=999)
    cluster(Kubernetes(["a/b"], maxAge="30d")).broken = True
    monkeypatch.setenv("AIM_TERMINATION_LOG", str(tmp_path / "log"))
    done = aim("cache", "gc", tmp_path, "--cache", "models", *words)
    assert done.exit_code == 1
    assert done.stderr.endswith("Error: the API server returned 503 Service Unavailable\n")
    assert len(index.load_index(tmp_path, quiet).models) == 1
    assert words or (tmp_path / "log").read_text() == "the API server returned 503 Service Unavailable"


def test_a_model_that_cannot_be_removed_ends_with_the_code_of_the_volume(tmp_path, monkeypatch):
    put(tmp_path, "a/b", cached=999)

    def refuse(*_):
        raise OSError(30, "Read-only file system", "/blob")

    monkeypatch.setattr(cleanup.removal, "remove_model", refuse)
    done = aim("cache", "gc", tmp_path, "--max-age", "1d")
    assert done.exit_code == 49
    assert done.stdout == "Nothing was removed.\n"
    assert done.stderr.endswith(f"Error: the volume at {tmp_path} is read-only: /blob\n")


def test_a_clean_up_that_is_stopped_reports_it(tmp_path, monkeypatch):
    put(tmp_path, "a/b", cached=999)
    monkeypatch.setattr(cleanup.removal, "remove_model", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    done = aim("cache", "gc", tmp_path, "--max-age", "1d")
    assert (done.exit_code, done.stderr) == (76, "Error: the clean-up was stopped; the next one continues\n")
    assert len(index.load_index(tmp_path, quiet).models) == 1


def test_errors_of_the_volume_have_their_own_code(tmp_path, monkeypatch):
    put(tmp_path, "a/b")

    def refuse(*_):
        raise DownloadError("Busy", "somebody has held the lock index")

    monkeypatch.setattr(index, "load_index", refuse)
    done = aim("cache", "gc", tmp_path)
    assert (done.exit_code, done.stderr) == (77, "Error: somebody has held the lock index\n")
