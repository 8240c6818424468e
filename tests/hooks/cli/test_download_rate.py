"""The rate of a download and the time left, from what statuses say."""

from aimlib.caching.byte_sizes import format_progress
from hooks.cli import clock
from hooks.cli.download_rate import DownloadRate
from hooks.cli.endpoint_commands import wait_until_ready
from tests.hooks.cli.standin_cluster import READY, StandInCluster, condition, stored

GIB = 1024**3


def waiting(done):
    return f"waiting for a/b in cache models: {format_progress(done, 60 * GIB)}; the replicas that run stay as they are"


def test_two_looks_tell_how_fast_it_is():
    rate = DownloadRate()
    assert rate.text(waiting(GIB // 2), 0) == ""
    assert rate.text(waiting(GIB // 2), 10) == ""
    assert rate.text(waiting(6 * GIB + GIB // 2), 60) == ", 102.3 MiB/s, about 8m 55s left"
    assert rate.text(waiting(60 * GIB), 600).endswith(" left")


def test_another_download_begins_anew():
    rate = DownloadRate()
    rate.text(waiting(30 * GIB), 0)
    assert rate.text(waiting(GIB), 10) == ""
    assert rate.text(waiting(2 * GIB), 20).startswith(", 102.3 MiB/s")
    assert rate.text("loading", 30) == ""
    assert rate.text(waiting(3 * GIB), 30) == ""
    assert rate.text(waiting(4 * GIB), 30) == ""


def test_whoever_waits_sees_it(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(clock, "seconds", lambda: now[0])
    monkeypatch.setattr(clock, "pause", lambda _: now.__setitem__(0, now[0] + 10))
    looks = [
        {"phase": "Pending", "message": waiting(done * GIB), "conditions": [condition("Ready", "False", "Downloading")]}
        for done in (1, 2)
    ]
    standin = StandInCluster(stored(status=looks[0]), becomes=[*looks, READY])
    standin.patches.append({})
    assert wait_until_ready(standin, "it", None) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("stay as they are")
    assert lines[1].endswith("stay as they are, 102.3 MiB/s, about 9m 40s left")
