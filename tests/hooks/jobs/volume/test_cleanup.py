"""A clean-up of a real folder: what goes and what stays, under which locks, and what is reported of it."""

import json
import os
import threading

import pytest

from aimlib.caching.eviction import CleanupPolicy
from hooks.jobs.volume import cleanup, clock, disk, index, locks, removal, volume_files
from hooks.jobs.volume.cleanup_plan import preview
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.policy import CacheRules, OptionRules
from hooks.kube_client import ApiServerError
from tests.hooks.jobs.volume.shelf import LARGE, Kubernetes, ago, blob, part, put, quiet

DAY = 86_400
OLD = OptionRules(CleanupPolicy("lru", 30 * DAY, None))


def there(root):
    """The models in the index."""
    return sorted(f"{one.id}@{one.revision}" for one in index.load_index(root, quiet).models.values())


def collected(root, rules, said=None):
    return cleanup.clean_up(root, rules, quiet if said is None else said.append)


def states(cluster):
    return {one.id: one.state for one in cluster.reports.models.values()}


@pytest.fixture
def space(monkeypatch):
    """Sets what is free on the volume, less what is there."""

    def of(root, total):
        def free(_):
            return total - sum(path.stat().st_size for path in MountedVolume(root).hub.glob("*/blobs/*"))

        monkeypatch.setattr(disk, "free_bytes", free)

    return of


def test_a_model_goes_with_all_its_files(tmp_path):
    put(tmp_path, "a/old", cached=45)
    put(tmp_path, "a/new", cached=3)
    said = []
    ended = collected(tmp_path, OLD, said)
    assert [(one.id, one.why) for one in ended.removed] == [("a/old", "not used for 45d, maxAge is 30d")]
    assert said == ["removed a/old@main, 64 KiB: not used for 45d, maxAge is 30d"]
    assert there(tmp_path) == ["a/new@main"]
    assert [path.name for path in MountedVolume(tmp_path).hub.glob("models--*")] == ["models--a--new"]
    assert ended.freed == 65_538
    assert collected(tmp_path, OLD).removed == []


def test_blobs_that_another_revision_needs_stay(tmp_path):
    put(tmp_path, "a/b", "v1", "1", cached=45, **{"config.json": b"{1}", LARGE: b"same"})
    new = put(tmp_path, "a/b", "v2", "2", cached=3, **{"config.json": b"{2}", LARGE: b"same"})
    ended = collected(tmp_path, OLD)
    assert [one.revision for one in ended.removed] == ["v1"]
    assert ended.freed == 3
    assert blob(tmp_path, new).read_bytes() == b"same"
    repo = MountedVolume(tmp_path).repo("a/b")
    assert [path.name for path in (repo.path / "refs").iterdir()] == ["v2"]
    assert [path.name for path in (repo.path / "snapshots").iterdir()] == ["2" * 40]
    assert collected(tmp_path, OLD).notes == []


def test_a_second_name_of_a_commit_goes_alone(tmp_path):
    put(tmp_path, "a/b", "v1", cached=45, **{LARGE: b"same"})
    other = put(tmp_path, "a/b", "main", cached=3, **{LARGE: b"same"})
    assert collected(tmp_path, OLD).freed == 0
    assert there(tmp_path) == ["a/b@main"]
    assert blob(tmp_path, other).read_bytes() == b"same"


def test_all_refs_of_a_removed_commit_are_removed_and_those_of_others_stay(tmp_path):
    put(tmp_path, "a/b", "v1", "1", cached=45)
    moved = put(tmp_path, "a/b", "main", "2", cached=45)
    put(tmp_path, "a/b", "v3", "3", cached=3)
    refs = MountedVolume(tmp_path).repo("a/b").path / "refs"
    (refs / "also").write_text("1" * 40)
    (refs / "main").write_text("3" * 40)
    index.update_index(tmp_path, lambda before: before.having(moved), quiet)
    done = cleanup.Cleanup(tmp_path, OLD, quiet)
    done.make_room()
    assert len(done.removed) == 2
    assert {path.name for path in refs.iterdir()} == {"main", "v3"}


def test_what_a_download_of_another_revision_has_brought_stays(tmp_path):
    put(tmp_path, "a/b", "v1", cached=45)
    half = part(tmp_path, "a/b")
    collected(tmp_path, OLD)
    assert there(tmp_path) == []
    assert half.exists()


def test_a_model_with_links_and_names_that_lead_nowhere_goes_too(tmp_path):
    model = put(tmp_path, "a/b", cached=45)
    repo = MountedVolume(tmp_path).repo("a/b")
    (repo.path / "refs" / "gone").write_text("d" * 40)
    (repo.snapshot(model.commit) / "more").symlink_to("../../blobs/nothing")
    collected(tmp_path, OLD)
    assert not repo.path.exists()


def test_models_go_until_enough_is_free_and_those_in_use_stay(tmp_path, space):
    models = [put(tmp_path, f"a/{name}", cached=days) for name, days in (("used", 9), ("first", 8), ("next", 7))]
    space(tmp_path, 4 * 65_538)
    cluster = Kubernetes(["a/used", "a/first", "a/next"], {"a/used": ["chat"]}, minFreeSpace="100k").knowing(*models)
    ended = collected(tmp_path, CacheRules(cluster))
    assert [one.id for one in ended.removed] == ["a/first"]
    assert there(tmp_path) == ["a/next@main", "a/used@main"]
    assert states(cluster) == {"a/used": "Ready", "a/first": "Removed", "a/next": "Ready"}
    assert cluster.reports.cleanup.removed == tuple(ended.removed)
    assert cluster.reports.cleanup.removed[0].why.startswith(
        "64 KiB are free, minFreeSpace is 97.7 KiB; least recently"
    )
    assert cluster.reports.volume.used == disk.measure(tmp_path).used


def test_what_is_in_use_is_noted_as_used_now(tmp_path):
    model = put(tmp_path, "a/b", cached=99)
    cluster = Kubernetes(["a/b"], {"a/b": ["chat"]}, maxAge="30d").knowing(model)
    before = clock.timestamp()
    ended = collected(tmp_path, CacheRules(cluster))
    [report] = cluster.reports.models.values()
    assert before <= report.last_used
    assert index.load_index(tmp_path, quiet).models[model.key].last_used == report.last_used
    assert ended.removed == []
    cluster.users = {}
    assert collected(tmp_path, CacheRules(cluster)).removed == []


def test_an_endpoint_that_begins_to_use_a_model_a_moment_ago_saves_it(tmp_path):
    first, second = (put(tmp_path, f"a/{name}", cached=days) for name, days in (("first", 60), ("second", 50)))
    cluster = Kubernetes(["a/first", "a/second"], maxAge="30d").knowing(first, second)

    class Late(CacheRules):
        def report(self, data):
            super().report(data)
            if states(cluster)["a/first"] == "Removed":
                cluster.users["a/second"] = ["chat"]

    assert [one.id for one in collected(tmp_path, Late(cluster)).removed] == ["a/first"]
    assert there(tmp_path) == ["a/second@main"]


def test_a_model_is_reported_as_removed_before_it_goes(tmp_path, monkeypatch):
    model = put(tmp_path, "a/b", cached=60)
    cluster = Kubernetes(["a/b"], maxAge="30d").knowing(model)
    seen = []
    monkeypatch.setattr(removal, "remove_model", lambda *_: seen.append(states(cluster)) or 0)
    collected(tmp_path, CacheRules(cluster))
    assert seen == [{"a/b": "Removed"}]


def test_a_model_that_a_download_works_on_is_left_alone(tmp_path):
    put(tmp_path, "a/b", cached=60)
    volume = MountedVolume(tmp_path)
    with locks.hold_lock(volume, "models--a--b", 0, quiet):
        ended = collected(tmp_path, OLD)
    assert ended.removed == []
    assert set(ended.notes) == {"a/b is skipped: it is being downloaded"}
    assert there(tmp_path) == ["a/b@main"]


def test_a_model_that_was_downloaded_again_meanwhile_stays(tmp_path):
    model = put(tmp_path, "a/b", cached=60)
    fresh = model.model_copy(update={"cached_at": ago(0)})

    class Meanwhile(OptionRules):
        def rate(self, models):
            rated = super().rate(models)
            index.update_index(tmp_path, lambda before: before.having(fresh), quiet)
            return rated

    ended = cleanup.Cleanup(tmp_path, Meanwhile(OLD.policy), quiet)
    ended.make_room()
    assert ended.removed == []
    assert there(tmp_path) == ["a/b@main"]


def test_without_the_cluster_nothing_is_removed(tmp_path):
    model = put(tmp_path, "a/b", cached=60)
    cluster = Kubernetes(["a/b"], maxAge="30d").knowing(model)
    cluster.broken = True
    ended = collected(tmp_path, CacheRules(cluster))
    assert (ended.removed, there(tmp_path)) == ([], ["a/b@main"])
    assert isinstance(ended.error, ApiServerError)
    assert ended.notes == ["clean-up stopped: the API server returned 503 Service Unavailable"]


def test_a_cluster_that_is_lost_on_the_way_ends_the_clean_up(tmp_path):
    models = [put(tmp_path, f"a/{name}", cached=60) for name in "xyz"]
    cluster = Kubernetes(["a/x", "a/y", "a/z"], maxAge="30d").knowing(*models)

    class Lost(CacheRules):
        def report(self, data):
            super().report(data)
            cluster.broken = states(cluster)["a/x"] == "Removed"

    ended = collected(tmp_path, Lost(cluster))
    assert [one.id for one in ended.removed] == ["a/x"]
    assert there(tmp_path) == ["a/y@main", "a/z@main"]
    assert ended.error


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"maxAge": "soon"}, "AIMCache models cannot be read: spec.cleanup.maxAge: "),
        ({"minFreeSpace": "1e9999"}, "AIMCache models cannot be read: spec.cleanup.minFreeSpace: "),
    ],
)
def test_an_aimcache_that_cannot_be_read_means_that_nothing_goes(tmp_path, changes, said):
    model = put(tmp_path, "a/b", cached=60)
    cluster = Kubernetes(["a/b"], **changes).knowing(model)
    ended = collected(tmp_path, CacheRules(cluster))
    assert str(ended.error).startswith(said)
    assert there(tmp_path) == ["a/b@main"]


@pytest.mark.parametrize("changes", [{"enabled": False}, {"strategy": "none"}])
def test_clean_up_that_is_off_removes_nothing(tmp_path, changes):
    model = put(tmp_path, "a/b", cached=60)
    half = part(tmp_path, "a/gone")
    cluster = Kubernetes([], **{"maxAge": "1d", **changes}).knowing(model)
    assert collected(tmp_path, CacheRules(cluster)).removed == []
    assert half.exists()


def test_a_model_that_no_report_knows_is_reported_first_and_goes_later(tmp_path):
    put(tmp_path, "a/b", cached=60)
    cluster = Kubernetes([], maxAge="30d")
    first = cleanup.Cleanup(tmp_path, CacheRules(cluster), quiet)
    first.make_room()
    assert first.removed == []
    first.check()
    assert states(cluster) == {"a/b": "Ready"}
    assert [one.id for one in collected(tmp_path, CacheRules(cluster)).removed] == ["a/b"]


def test_priority_and_retention_of_the_spec_count(tmp_path, space):
    models = [put(tmp_path, f"a/{name}", cached=9) for name in ("kept", "low", "other")]
    space(tmp_path, 3 * 65_538)
    wishes = [{"id": "a/kept", "retention": "10d"}, {"id": "a/low", "priority": "low"}, "a/other"]
    cluster = Kubernetes(wishes, minFreeSpace="1Gi").knowing(*models)
    ended = collected(tmp_path, CacheRules(cluster))
    assert [one.id for one in ended.removed] == ["a/low", "a/other"]
    assert ended.notes == [
        "1 GiB should be free, and 128 KiB are: the other models cannot be removed (1 within retention)"
    ]
    assert cluster.reports.cleanup.message == ended.notes[0]


def test_a_file_system_that_frees_space_late_does_not_cost_a_second_model(tmp_path, monkeypatch):
    for name, days in (("first", 9), ("second", 8)):
        put(tmp_path, f"a/{name}", cached=days)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    ended = collected(tmp_path, OptionRules(CleanupPolicy("lru", None, 60_000)))
    assert [one.id for one in ended.removed] == ["a/first"]


def test_a_model_that_is_not_whole_is_reported_so_that_its_job_starts_again(tmp_path):
    cut, gone, moved = (put(tmp_path, f"a/{name}", cached=3) for name in ("cut", "gone", "moved"))
    blob(tmp_path, cut).write_bytes(b"short")
    (MountedVolume(tmp_path).repo("a/gone").snapshot(gone.commit) / "config.json").unlink()
    MountedVolume(tmp_path).repo("a/moved").ref("main").unlink()
    cluster = Kubernetes(["a/cut", "a/gone", "a/moved"]).knowing(cut, gone, moved)
    collected(tmp_path, CacheRules(cluster))
    found = {one.id: (one.state, one.reason, one.message) for one in cluster.reports.models.values()}
    assert found == {
        "a/cut": ("Failed", "Corrupt", "a/cut@main is incomplete: model.safetensors has 5 bytes instead of 65536"),
        "a/gone": ("Failed", "Corrupt", "a/gone@main is incomplete: config.json is missing"),
        "a/moved": ("Failed", "Corrupt", f"a/moved@main is incomplete: main is no commit instead of {moved.commit}"),
    }
    assert there(tmp_path) == []


def test_many_missing_files_are_counted(tmp_path):
    model = put(tmp_path, "a/b", **{f"{number}.json": b"{}" for number in range(5)})
    MountedVolume(tmp_path).repo("a/b").snapshot(model.commit).rename(tmp_path / "elsewhere")
    [note] = collected(tmp_path, OLD).notes
    assert note == "a/b@main is incomplete: 0.json is missing; 1.json is missing; 2.json is missing, and 2 more"


def test_a_model_that_is_reported_ready_and_not_in_the_index_is_reported_lost(tmp_path):
    model = put(tmp_path, "a/b")
    cluster = Kubernetes(["a/b"]).knowing(model)
    index.remove_entry(tmp_path, model.key, quiet)
    collected(tmp_path, CacheRules(cluster))
    [report] = cluster.reports.models.values()
    assert (report.state, report.reason) == ("Failed", "Corrupt")
    assert report.message == "a/b@main is no longer on the volume"


def test_an_incomplete_model_that_is_not_needed_is_removed(tmp_path):
    model, asked = put(tmp_path, "a/b", cached=1), put(tmp_path, "a/c", cached=1)
    blob(tmp_path, model).unlink()
    cluster = Kubernetes(["a/c"]).knowing(model, asked)
    ended = collected(tmp_path, CacheRules(cluster))
    assert [(one.id, one.why) for one in ended.removed] == [
        ("a/b", "incomplete (model.safetensors is missing), and no longer needed")
    ]
    assert states(cluster) == {"a/b": "Removed", "a/c": "Ready"}
    assert not MountedVolume(tmp_path).repo("a/b").path.exists()


def test_a_removal_that_was_cut_short_is_ended(tmp_path):
    model = put(tmp_path, "a/b", cached=60)
    cluster = Kubernetes(["a/b"], maxAge="30d").knowing(model.model_copy())
    blob(tmp_path, model).unlink()
    cluster.report({model.key: cluster.data[model.key].replace("Ready", "Removed")})
    assert [one.id for one in collected(tmp_path, CacheRules(cluster)).removed] == ["a/b"]
    assert states(cluster) == {"a/b": "Removed"}


def test_leftovers_of_models_that_are_not_listed_are_removed(tmp_path):
    mine = put(tmp_path, "a/whole")
    left = [
        part(tmp_path, "a/gone"),
        part(tmp_path, "a/gone", "f" * 64 + ".0123abcd.incomplete"),
        part(tmp_path, "a/whole"),
    ]
    fresh, listed = part(tmp_path, "a/fresh", hours=0), part(tmp_path, "a/listed")
    cluster = Kubernetes(["a/listed"]).knowing(mine)
    ended = collected(tmp_path, CacheRules(cluster))
    assert {(one.id, one.revision, one.bytes) for one in ended.removed} == {
        ("a/gone", "-", 2000),
        ("a/whole", "-", 1000),
    }
    assert {one.why for one in ended.removed} == {"left by an interrupted download; the spec no longer lists the model"}
    assert [path.exists() for path in left] == [False, False, False]
    assert fresh.exists()
    assert listed.exists()
    assert blob(tmp_path, mine).exists()
    assert not MountedVolume(tmp_path).repo("a/gone").path.exists()


def test_what_a_download_works_on_is_no_leftover(tmp_path):
    half = part(tmp_path, "a/gone")
    with locks.hold_lock(MountedVolume(tmp_path), "models--a--gone", 0, quiet):
        ended = collected(tmp_path, CacheRules(Kubernetes([])))
    assert (ended.removed, half.exists()) == ([], True)


def test_leftovers_of_a_folder_alone_stay(tmp_path):
    half = part(tmp_path, "a/b")
    assert collected(tmp_path, OLD).removed == []
    assert half.exists()


def test_a_volume_that_refuses_is_named_and_the_model_stays_in_the_index(tmp_path, monkeypatch):
    put(tmp_path, "a/b", cached=60)

    def refuse(name, **_):
        raise PermissionError(1, "Operation not permitted", name)

    monkeypatch.setattr(volume_files.os, "rmdir", refuse)
    ended = collected(tmp_path, OLD)
    assert isinstance(ended.error, DownloadError)
    assert ended.error.reason == "VolumeRefused"
    assert ended.notes[0].startswith("a/b@main cannot be removed: the volume at ")
    assert there(tmp_path) == ["a/b@main"]


class Stored(Kubernetes):
    """One whose reports outlive the process."""

    def __init__(self, place, *given, **cleanup):
        super().__init__(*given, **cleanup)
        self.place = place

    def report(self, data):
        super().report(data)
        self.place.write_text(json.dumps(self.data))


def killed_at(step, root, rules):
    """Clean up in a process that dies at its n-th change of the file system; whether it did."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = [step]

    def dying(change):
        def changed(*given, **more):
            left[0] -= 1
            return change(*given, **more) if left[0] else os._exit(9)

        return changed

    try:
        for name in ("unlink", "remove", "rmdir", "replace"):
            setattr(os, name, dying(getattr(os, name)))
        collected(root, rules)
    finally:
        os._exit(0)


def test_a_clean_up_that_is_killed_at_any_step_is_ended_by_the_next(tmp_path):
    for step in range(1, 99):
        root = tmp_path / str(step)
        models = [put(root, "a/b", cached=60), put(root, "a/b", "v1", "1", cached=1), put(root, "a/c", cached=60)]
        cluster = Stored(root / "state", ["a/b", "a/c", {"id": "a/d"}], maxAge="30d").knowing(*models)
        cluster.report({})
        died = killed_at(step, root, CacheRules(cluster))
        cluster.data = json.loads(cluster.place.read_text())
        collected(root, CacheRules(cluster))
        assert there(root) == ["a/b@v1"]
        assert cluster.reports.models[models[0].key].state == cluster.reports.models[models[2].key].state == "Removed"
        assert cluster.reports.models[models[1].key].state == "Ready"
        blobs = {path.name for path in MountedVolume(root).hub.glob("*/blobs/*")}
        assert blobs == set(models[1].blobs)
        if not died:
            break
    assert 10 < step < 99


def test_a_file_of_somebody_else_stays_where_a_model_is_removed(tmp_path):
    put(tmp_path, "a/b", cached=60)
    place = MountedVolume(tmp_path).repo("a/b").snapshots / "file"
    place.write_text("mine")
    assert [one.id for one in collected(tmp_path, OLD).removed] == ["a/b"]
    assert [path for path in MountedVolume(tmp_path).hub.rglob("*") if path.is_file()] == [place]


def test_an_index_of_a_later_release_is_left_alone(tmp_path):
    put(tmp_path, "a/b", cached=60)
    MountedVolume(tmp_path).index_file.write_text('{"version": 99}')
    with pytest.raises(DownloadError, match="written by a later release"):
        collected(tmp_path, OLD)


def test_an_unreadable_index_is_rebuilt(tmp_path):
    put(tmp_path, "a/b")
    MountedVolume(tmp_path).index_file.write_text("{")
    collected(tmp_path, OLD)
    assert there(tmp_path) == ["a/b@main"]


def test_a_volume_without_locks_is_reported(tmp_path, monkeypatch):
    put(tmp_path, "a/b", cached=60)

    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locks.fcntl, "flock", none)
    with pytest.raises(DownloadError, match="does not support locks"):
        collected(tmp_path, OLD)


def test_room_is_made_for_a_download_that_holds_its_lock(tmp_path, space):
    models = [put(tmp_path, f"a/{name}", cached=days) for name, days in (("old", 9), ("new", 8), ("mine", 10))]
    space(tmp_path, 4 * 65_538)
    cluster = Kubernetes(["a/old", "a/new", "a/mine"]).knowing(*models)
    with locks.hold_lock(MountedVolume(tmp_path), "models--a--mine", 0, quiet):
        done = cleanup.make_room(tmp_path, cluster, "a/mine", 100_000, quiet)
    assert [(one.id, one.why) for one in done.removed] == [
        ("a/old", "64 KiB are free, a/mine needs 97.7 KiB; least recently used of medium priority")
    ]
    assert done.message == "a/mine is skipped: it is being downloaded"
    assert cluster.reports.cleanup.removed == done.removed


def test_no_room_is_made_where_clean_up_is_off_or_the_cluster_is_away(tmp_path):
    model = put(tmp_path, "a/b", cached=9)
    cluster = Kubernetes(["a/b"], enabled=False).knowing(model)
    done = cleanup.make_room(tmp_path, cluster, "a/c", 1 << 60, quiet)
    assert done.removed == ()
    assert "1024 PiB should be free" in done.message
    assert done.message.endswith(" are: clean-up is off")
    cluster.broken = True
    assert "clean-up stopped: " in cleanup.make_room(tmp_path, cluster, "a/c", 1 << 60, quiet).message


def test_a_preview_is_what_a_clean_up_does_and_changes_nothing(tmp_path, space):
    models = [
        put(tmp_path, f"a/{name}", cached=days) for name, days in (("old", 40), ("next", 9), ("torn", 3), ("lost", 3))
    ]
    part(tmp_path, "a/gone")
    blob(tmp_path, models[2]).unlink()
    blob(tmp_path, models[3]).unlink()
    space(tmp_path, 4 * 65_538)
    cluster = Kubernetes(["a/old", "a/next", "a/torn"], maxAge="30d", minFreeSpace="1Gi").knowing(*models)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = preview(MountedVolume(tmp_path), CacheRules(cluster))
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert {one.id for one in cluster.reports.models.values() if one.state == "Ready"} == {one.id for one in models}
    ended = collected(tmp_path, CacheRules(cluster))
    assert sorted(one[:3] for one in found.removals) == sorted(
        (one.id, one.revision, one.bytes) for one in ended.removed
    )
    assert found.notes[0] == ended.notes[0] == "a/torn@main is incomplete: model.safetensors is missing"
    assert [note.split(",")[0] for note in found.notes[1:]] == ["1 GiB should be free"]


def test_clean_ups_at_once_remove_each_model_once(tmp_path):
    for number in range(6):
        put(tmp_path, f"a/{number}", cached=60)
    done = [cleanup.Cleanup(tmp_path, OLD, quiet) for _ in range(3)]
    threads = [threading.Thread(target=one.make_room) for one in done]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    removed = sorted(one.id for ended in done for one in ended.removed)
    assert removed == sorted(set(removed))
    assert there(tmp_path) == sorted(f"a/{number}@main" for number in range(6) if f"a/{number}" not in removed)
