"""Locks: one holder at a time, waiting that is said, and what happens without."""

import errno
import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hooks.jobs.volume import locks
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume


@pytest.fixture
def volume(here):
    here.volume.prepare()
    return here.volume


def test_one_holds_it_at_a_time(here, volume):
    with locks.hold_lock(volume, "it", 0, here.said.append), locks.hold_lock(volume, "other", 0, here.said.append):
        with pytest.raises(DownloadError) as error, locks.hold_lock(volume, "it", 0, here.said.append):
            pass
        assert error.value.reason == "Busy"
        assert error.value.message == (
            f"process {os.getpid()} on {os.uname().nodename} has held the lock it of {volume.root} for 0 seconds "
            "and more"
        )
    with locks.hold_lock(volume, "it", 0, here.said.append):
        pass
    assert here.said == []


def test_it_is_free_once_its_holder_fails(here, volume):
    with pytest.raises(ZeroDivisionError), locks.hold_lock(volume, "it", 0, here.said.append):
        raise ZeroDivisionError
    with locks.hold_lock(volume, "it", 0, here.said.append):
        pass


def test_waiting_is_logged_once_and_ends(here, volume, monkeypatch):
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.01)
    with locks.hold_lock(volume, "it", 0, print):
        (volume.locks / "it.lock").write_text("")
        waiting = threading.Thread(target=_take, args=(volume, here.said))
        waiting.start()
        while not here.said:
            waiting.join(0.05)
        waiting.join(0.05)
    waiting.join()
    said = f"another process holds the lock it of {volume.root}; waiting for at most 60 seconds"
    assert here.said == [said, "taken"]


def _take(volume, said):
    with locks.hold_lock(volume, "it", 60, said.append):
        said.append("taken")


def test_a_file_system_without_locks_is_refused(here, volume, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", _failing(errno.ENOSYS))
    with pytest.raises(DownloadError) as error, locks.hold_lock(volume, "it", 0, here.said.append):
        pass
    assert error.value.reason == "VolumeRefused"
    assert "does not support locks" in error.value.message


def test_other_trouble_is_that_of_the_volume(here, volume, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", _failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"), locks.hold_lock(volume, "it", 0, here.said.append):
        pass


def _failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


def test_jobs_that_begin_at_once_do_not_meet_in_their_probes(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 1)  # as in a container
    together = threading.Barrier(8)

    def prepare(_: int) -> None:
        together.wait()
        for _ in range(50):
            MountedVolume(tmp_path).prepare()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(prepare, range(8)))
    assert list(MountedVolume(tmp_path).locks.iterdir()) == []
