"""`aim cache download` as it is typed: its options, its exit codes, and its end by a signal."""

import os
import signal
import sys

import pytest

from aimlib.caching.job_reports import patterns_key
from hooks.jobs import volume
from hooks.jobs.volume import index
from tests.hooks.cli.commandline import aim
from tests.hooks.jobs.volume.here import FILES, KEPT, MODEL
from tests.hub import Fault


def download(here, *words):
    return aim("cache", "download", here.root, "--model", MODEL, *words)


def entry(here):
    [found] = index.load_index(here.root, print).models.values()
    return found


def test_it_prints_the_folder_and_the_progress(here):
    done = download(here)
    assert done.exit_code == 0
    assert done.stdout == f"{here.repo.snapshot(here.model.commit)}\n"
    assert f"Downloading {MODEL}@main: 100 %, 4.3 MiB of 4.3 MiB" in done.stderr
    assert done.stderr.endswith(f"on {here.root} and verified: commit {here.model.commit}, 6 files, 4.3 MiB\n")
    assert here.files(here.model.commit) == here.expected()


@pytest.mark.parametrize(
    ("words", "paths", "patterns"),
    [
        ((), FILES.keys() - {"original/consolidated.00.bin"}, ((), None)),
        (("--exclude", ""), FILES.keys(), ((), ())),
        (
            ("--exclude", "*.bin", "--exclude", "deep/*"),
            {path for path in FILES if path[0] in "cm"},
            ((), ("*.bin", "deep/*")),
        ),
        (
            ("--include", "*.json", "--include", "e*"),
            {path for path in FILES if path.endswith(("json", "empty.bin"))},
            (("*.json", "e*"), None),
        ),
    ],
)
def test_patterns(here, words, paths, patterns):
    assert download(here, *words).exit_code == 0
    found = entry(here)
    assert {one.path for one in found.files} == paths
    assert found.patterns == patterns_key(*patterns)


def test_a_revision_and_workers(here):
    assert download(here, "--revision", "v1", "--max-workers", "1").exit_code == 0
    assert entry(here).commit == here.model.revisions["v1"]


def test_a_limit(here):
    assert download(here, "--max-size", "4Mi").exit_code == 46
    assert download(here, "--max-size", "4.5Mi").exit_code == 0


def test_offline(here):
    assert download(here, "--offline").exit_code == 48
    download(here)
    here.hub.stop()
    assert download(here, "--offline").exit_code == 0
    here.hub.start()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-size", "many"), "'many' is not a quantity"),
        (("--max-workers", "0"), "0 is not in the range 1<=x<=64"),
        (("--revision", "../../escape"), "'../../escape' is not a branch, tag or commit"),
        (("--revision", "/etc"), "'/etc' is not a branch, tag or commit"),
    ],
)
def test_bad_input(here, words, said):
    done = download(here, *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not here.root.exists()


def test_what_goes_wrong_is_a_sentence_and_an_exit_code(here):
    here.hub.fault = Fault(status=401, on="api")
    done = download(here)
    assert done.exit_code == 43
    assert done.stderr.startswith(f"Error: {here.hub.url} requires a token for {MODEL}, and there is none: ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_stopped_by_a_signal_and_continues_later(here, number, monkeypatch, tmp_path):
    monkeypatch.setenv("AIM_TERMINATION_LOG", str(tmp_path / "log"))
    before = signal.getsignal(number)
    here.hub.fault = Fault(rate=2_000_000)
    here.hub.when_sent(1_000_000, lambda: os.kill(os.getpid(), number))
    done = download(here)
    assert done.exit_code == 76
    said = (
        f"the download of {MODEL}@main was stopped; received bytes are kept, and the next attempt continues from them"
    )
    assert done.stderr.endswith(f"Error: {said}\n")
    assert (tmp_path / "log").read_text() == said
    assert signal.getsignal(number) == before
    here.hub.fault = None
    assert download(here).exit_code == 0
    assert here.hub.sent() < KEPT + 1_500_000
    assert here.files(here.model.commit) == here.expected()


def test_without_the_extra_the_error_names_it(here, monkeypatch):
    monkeypatch.delattr(volume, "command", raising=False)
    monkeypatch.setitem(sys.modules, "hooks.jobs.volume.command", None)
    done = download(here)
    assert done.exit_code == 2
    assert "needs the extra download: pip install 'aim-engine-operator[download]'" in done.stderr


def test_a_folder_is_imported_and_its_command_goes_on_with_what_is_there(here, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "model.safetensors").write_bytes(b"weights")
    for how, copying in (("and verified: commit", True), ("as it was verified at 2", False)):
        done = aim("cache", "import", here.root, mine, "--as", "acme/own")
        assert done.exit_code == 0
        assert f"acme/own@main is on {here.root} {how}" in done.stderr
        assert ("Copying acme/own@main: 100 %" in done.stderr, "Downloading" in done.stderr) == (copying, False)
    assert (entry(here).source, entry(here).verified) == (None, "FirstRead")
    assert aim("cache", "import", here.root, mine, "--as", "../own").exit_code == 40
    assert aim("cache", "import", here.root, tmp_path / "nothing", "--as", "acme/own").exit_code == 2


def test_a_source_is_stated_and_what_is_none_is_refused(here):
    assert download(here, "--source", f"hf://{MODEL}@v1").exit_code == 0
    assert entry(here).source == f"hf://{MODEL}@v1"
    done = download(here, "--source", "ftp://models/chat")
    assert done.exit_code == 2
    assert "'ftp://models/chat' must be a source such as hf://Qwen/Qwen3-32B@main" in done.stderr
