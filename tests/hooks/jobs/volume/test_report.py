"""Who is told how it goes: lines for a person, patches of one ConfigMap for an AIMCache; trouble harms no download."""

import io
import json

import pytest
from kubernetes.config import incluster_config

from aimlib.caching import job_reports
from aimlib.caching.job_reports import ModelReport
from hooks import kube_client
from hooks.jobs.volume import clock, command, disk, report, termination, volume_files
from hooks.jobs.volume.cluster import CacheClient
from hooks.jobs.volume.console import Console
from hooks.jobs.volume.report import CacheReporter, ConsoleReporter
from hooks.kube_client import ApiServerError
from tests.apiserver import standing_in
from tests.hooks.jobs.volume.here import KEPT, MODEL
from tests.loopback import Answering, Loopback

KEY = job_reports.model_key(MODEL, "main")
STATE = "/api/v1/namespaces/models/configmaps/warm-state"


class Api(Answering):
    """An API server that keeps what is merged into one ConfigMap."""

    def do_PATCH(self):
        body = json.loads(self.body())
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        self.server.patches.append((self.path, body))
        self._answer({"kind": "ConfigMap", "apiVersion": "v1", **body})

    def do_GET(self):
        self.server.patches.append((self.path, None))
        self._answer({"kind": "AIMCache", "metadata": {"name": "warm"}})

    def _answer(self, found):
        status = self.server.status
        self.reply_json(status, found if status == 200 else {"kind": "Status", "message": "no"})


@pytest.fixture
def api(tmp_path, monkeypatch):
    server = Loopback(Api)
    server.status, server.patches = 200, []
    monkeypatch.setenv("POD_NAMESPACE", "models")
    with standing_in(server, tmp_path, monkeypatch):
        yield server


@pytest.fixture
def time(monkeypatch):
    """The seconds that the clock shows; a list of one number."""
    shown = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: shown[0])
    return shown


@pytest.fixture
def asked():
    """The cluster, asked anew by each test."""
    made = CacheClient("warm")
    yield made
    if made._client:
        made._client.rest_client.pool_manager.clear()


def going(done, state="Downloading", total=1000, **more):
    return ModelReport(id=MODEL, state=state, done=done, total=total, **more)


@pytest.mark.usefixtures("time")
def test_a_person_sees_a_line_when_the_percentage_changes():
    said = []
    people = ConsoleReporter(said.append)
    people.update(ModelReport(id=MODEL, state="Downloading", message="waiting"))
    for done in (0, 3, 12, 12, 1000):
        people.update(going(done))
    people.update(going(1000, "Verifying"))
    people.update(going(0, "Verifying", total=0))
    assert [line.split(": ")[1] for line in said] == [
        "0 %, 0 bytes of 1000 bytes",
        "1 %, 12 bytes of 1000 bytes",
        "100 %, 1000 bytes of 1000 bytes",
        "100 %, 1000 bytes of 1000 bytes",
    ]
    assert said[0].startswith(f"Downloading {MODEL}@main")


def test_a_line_has_the_rate_since_the_state_began_and_how_long_the_rest_takes(time):
    said, gib = [], 2**30
    people = ConsoleReporter(said.append)
    for second, done in ((0, 10), (1, 11), (10, 20), (20, 20), (100, 50), (180, 100)):
        time[0] = 100.0 + second
        people.update(going(done * gib, total=100 * gib))
    people.update(going(0, "Verifying", total=100 * gib))
    time[0] += 4000
    people.update(going(50 * gib, "Verifying", total=100 * gib))
    assert [line.split(" of 100 GiB")[1] for line in said] == [
        "",
        "",
        ", 1 GiB/s, 2 min left",
        ", 409.5 MiB/s, 3 min left",
        "",
        "",
        ", 12.7 MiB/s, 1 h 7 min left",
    ]


def test_the_time_that_is_left_is_in_seconds_at_the_end(time):
    said = []
    people = ConsoleReporter(said.append)
    people.update(going(0))
    time[0] += 90
    people.update(going(900))
    assert said[-1].endswith(": 90 %, 900 bytes of 1000 bytes, 10 bytes/s, 11 s left")


@pytest.mark.usefixtures("time")
def test_on_a_terminal_it_is_one_line_and_sentences_stand_below_it(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    console = Console(stream)
    people = ConsoleReporter(console.print_sentence, console.rewrite)
    for done in (1, 1, 2):
        people.update(going(done, total=10**6))
    console.print_sentence("a sentence\x1b[2J")
    console.print_sentence("another")
    line, _, sentences = stream.getvalue().partition("\n")
    _, *written = line.split("\r\x1b[K")
    assert written == [f"Downloading {MODEL}@main: 0 %, {done} bytes"[:39] for done in (1, 2)]
    assert sentences == "a sentence[2J\nanother\n"


def test_the_console_reporter_prints_the_end(tmp_path):
    said = []
    people = ConsoleReporter(said.append)
    people.end(tmp_path, going(0, "Failed"))
    assert said == []
    ready = going(1000, "Ready", commit="c0ffee", files=3, cached_at="2026-11-20T11:30:00Z")
    people.end(tmp_path, ready)
    people.update(going(1000))
    people.end(tmp_path, ready)
    rest = "commit c0ffee, 3 files, 1000 bytes"
    assert said[::2] == [
        f"{MODEL}@main is on {tmp_path} as it was verified at 2026-11-20T11:30:00Z, and was not read again: {rest}",
        f"{MODEL}@main is on {tmp_path} and verified: {rest}",
    ]


def test_an_aimcache_is_patched_every_five_seconds_and_on_changes(api, asked, time):
    said = []
    teller = CacheReporter(asked, KEY, said.append)
    for second, one in enumerate((going(0), going(1), going(2), going(2), going(3, message="waits"))):
        time[0] = 100.0 + second
        teller.update(one)
    time[0] = 109.0
    teller.update(going(4, message="waits"))
    teller.update(going(4, message="waits"))
    assert [path for path, _ in api.patches] == [STATE] * 3
    merged = [job_reports.read_reports(body["data"]).models[KEY] for _, body in api.patches]
    assert [one.done for one in merged] == [0, 3, 4]
    assert said == []


def test_an_aimcache_is_patched_at_the_end_with_the_volume(api, asked, here):
    found = here.download()
    CacheReporter(asked, KEY, print).end(here.root, found.report())
    [(path, body)] = api.patches
    assert path == STATE
    merged = job_reports.read_reports(body["data"])
    assert merged.models[KEY] == found.report()
    assert merged.models[KEY].state == "Ready"
    assert merged.volume.used >= KEPT
    assert merged.volume.total >= merged.volume.available > 0


def test_a_volume_that_cannot_be_measured_is_no_reason_not_to_report(api, asked, tmp_path):
    said = []
    CacheReporter(asked, KEY, said.append).end(tmp_path / "gone", going(5, "Failed"))
    assert set(api.patches[0][1]["data"]) == {KEY}
    assert said == [f"the volume at {tmp_path / 'gone'} cannot be measured: No such file or directory"]


def test_a_refused_patch_is_retried_later(api, asked, time, tmp_path):
    said = []
    teller = CacheReporter(asked, KEY, said.append)
    api.status = 403
    for second in (0, 6, 31, 40):
        time[0] = 100.0 + second
        teller.update(going(second))
    assert len(api.patches) == 2
    assert said == ["the state cannot be reported to warm-state: the API server returned 403 Forbidden"]
    teller.end(tmp_path, going(50, "Failed"))
    assert len(api.patches) == 2 + report.FINAL_ATTEMPTS
    api.status = 200
    teller.end(tmp_path, going(50, "Failed"))
    assert len(api.patches) == 3 + report.FINAL_ATTEMPTS
    assert len(said) == 1


def test_a_cluster_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ApiServerError, match="no cluster is configured"):
        CacheClient("warm").report({})


def test_a_cluster_that_cannot_be_reached(api, asked):
    asked.report({})
    api.shutdown()
    api.server_close()
    asked._client.rest_client.pool_manager.clear()
    with pytest.raises(ApiServerError, match="cannot be reached"):
        asked.report({})


def test_the_aimcache_itself_is_read(api, asked):
    assert asked.read_cache()["metadata"] == {"name": "warm"}
    assert api.patches[0][0].endswith("/namespaces/models/aimcaches/warm")


def test_a_pod_reaches_its_own_cluster_without_the_proxy_of_the_hub(monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(ApiServerError, match="no cluster is configured"):
        CacheClient("warm").report({})
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    for name, text in (("SERVICE_TOKEN_FILENAME", "secret"), ("SERVICE_CERT_FILENAME", "cert")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(incluster_config, name, str(tmp_path / name))
    used = []
    monkeypatch.setattr(kube_client.client, "ApiClient", used.append)
    kube_client.api_client()
    assert (used[0].host, used[0].proxy, used[0].retries) == ("https://10.96.0.1:443", None, False)


def test_the_files_of_others_on_the_volume_are_not_the_caches(tmp_path):
    for name, size in (("hub/a", 3), (".aim/b", 4), ("theirs/c", 50)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(bytes(size))
    assert disk.measure(tmp_path).used == 7


def test_files_that_vanish_while_the_volume_is_measured(tmp_path, monkeypatch):
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "there").write_bytes(b"12345")
    (folder / "again").hardlink_to(folder / "there")
    monkeypatch.setattr(volume_files.os, "listdir", lambda _: ["there", "again", "gone"])
    assert disk.measure(tmp_path).used == 5


@pytest.fixture
def log(tmp_path, monkeypatch):
    place = tmp_path / "termination-log"
    monkeypatch.setenv("AIM_TERMINATION_LOG", str(place))
    return place


def test_a_termination_message_fits_into_what_the_kubelet_keeps(log):
    termination.write_termination_message("ä" * 3000, print)
    assert log.read_bytes() == ("ä" * 2048).encode()
    termination.write_termination_message("a" + "ä" * 3000, print)
    assert log.read_bytes() == ("a" + "ä" * 2047).encode()


def test_a_termination_message_without_a_file(monkeypatch):
    monkeypatch.delenv("AIM_TERMINATION_LOG", raising=False)
    termination.write_termination_message("gone", pytest.fail)


def test_a_termination_message_that_cannot_be_written(log, monkeypatch):
    said = []
    monkeypatch.setenv("AIM_TERMINATION_LOG", str(log / "nowhere"))
    termination.write_termination_message("gone", said.append)
    assert said == [f"{log / 'nowhere'} cannot be written: No such file or directory"]


def test_a_job_reports_from_its_begin_to_its_end(api, here, log, capsys):
    assert command.run_download(here.request(), "warm") == 0
    states = [job_reports.read_reports(body["data"]).models[KEY].state for _, body in api.patches]
    assert states[0] == "Downloading"
    assert states[-1] == "Ready"
    assert "volume" in api.patches[-1][1]["data"]
    assert not log.exists()
    assert capsys.readouterr().out == f"{here.repo.snapshot(here.model.commit)}\n"


def test_a_failed_job_reports_the_reason_in_three_places(api, here, log, capsys):
    assert command.run_download(here.request(max_size=5), "warm") == 46
    [(_, body)] = api.patches
    found = job_reports.read_reports(body["data"]).models[KEY]
    assert (found.state, found.reason, found.message) == ("Failed", "TooLarge", log.read_text())
    assert capsys.readouterr().err == f"Error: {log.read_text()}\n"


def test_a_job_without_a_cluster_downloads_all_the_same(here, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert command.run_download(here.request(), "warm") == 0
    assert here.files(here.model.commit) == here.expected()
    assert capsys.readouterr().err.count("cannot be reported") == 1
