"""A clean-up between real downloads: what is needed again comes again, no more than that, and room is made in time."""

import pytest

from aimlib.caching.eviction import CleanupPolicy
from hooks.jobs.volume import cleanup, disk, index
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.policy import CacheRules, OptionRules
from tests.hooks.cli.commandline import aim
from tests.hooks.jobs.volume.here import MODEL, V1
from tests.hooks.jobs.volume.shelf import Kubernetes, ago, quiet

OLD = OptionRules(CleanupPolicy("lru", 86_400, None))


def aged(here, *models):
    """As if they had been downloaded 30 days ago."""
    for one in models:
        index.update_index(
            here.root, lambda now, one=one: now.having(one.model_copy(update={"cached_at": ago(30)})), quiet
        )


def test_a_removed_model_is_downloaded_again_in_full(here):
    aged(here, here.download())
    assert [one.id for one in cleanup.clean_up(here.root, OLD, quiet).removed] == [MODEL]
    assert not here.repo.path.exists()
    again = here.download()
    assert here.files(again.commit) == here.expected()
    assert aim("cache", "verify", here.root).exit_code == 0


def test_a_file_that_was_lost_comes_again_and_no_other(here, hub):
    model = here.download()
    lost = next(one for one in model.files if one.path == "deep/er/tokenizer.json")
    (here.repo.blobs / lost.hash).unlink()
    assert cleanup.clean_up(here.root, OLD, quiet).notes == [f"{MODEL}@main is incomplete: {lost.path} is missing"]
    before = dict(hub.ledger.counts)
    here.download()
    fresh = {key: count - before.get(key, 0) for key, count in hub.ledger.counts.items() if count != before.get(key, 0)}
    assert fresh == {(MODEL, lost.path): lost.size}
    assert here.files(model.commit) == here.expected()


def test_a_revision_goes_and_the_other_stays_whole(here):
    aged(here, here.download())
    other = here.download(revision="v1")
    cleanup.clean_up(here.root, OLD, quiet)
    assert here.files(other.commit) == V1
    assert aim("cache", "verify", here.root).stdout == f"{MODEL}@v1: verified, commit {other.commit}\n"


@pytest.mark.parametrize(("users", "fits"), [({}, True), ({"acme/idle": ["chat"]}, False)])
def test_room_is_made_by_what_is_not_in_use(here, hub, monkeypatch, users, fits):
    hub.add("acme/idle", {"config.json": b"{}", "model.safetensors": 6_000_000})
    idle = here.download(model="acme/idle")
    cluster = Kubernetes(["acme/idle", MODEL], users).knowing(idle)
    used = disk.measure(here.root).used
    monkeypatch.setattr(disk, "free_bytes", lambda root: used + 1_000_000 - disk.measure(root).used)

    def make_room(needed):
        return cleanup.make_room(here.root, cluster, f"{MODEL}@main", needed, quiet).message

    if fits:
        model = here.download(make_room=make_room)
        assert here.files(model.commit) == here.expected()
        assert cluster.reports.models[idle.key].state == "Removed"
    else:
        with pytest.raises(DownloadError, match=r"make it larger.*the other models cannot be removed \(1 in use\)"):
            here.download(make_room=make_room)
        assert cluster.reports.models[idle.key].state == "Ready"
    assert bool(cleanup.clean_up(here.root, CacheRules(cluster), quiet).removed) is False
