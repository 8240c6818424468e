"""The Job that reads the facts of a model: what it reports to its ConfigMap, and its exit codes."""

import json

import pytest

from aimlib.derive.inspection_reports import inspection_key, read_inspection
from hooks.jobs.volume import clock, hub_files, inspection_command, termination
from hooks.jobs.volume.inspection_command import InspectionRequest, run_inspection
from hooks.jobs.volume.retry import RetryPolicy
from tests.apiserver import standing_in
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.test_model_commands import files
from tests.hooks.jobs.volume.bucket import KEYS, Bucket
from tests.hub import Fault
from tests.loopback import Answering, Loopback

REPORTS = "/api/v1/namespaces/team-a/configmaps/chat-inspection"
KEY = inspection_key("acme/it", "main")
QUICK = RetryPolicy(attempts=3, first_pause=0.01, max_pause=0.01, max_retry_after=0.01)


class Api(Answering):
    """An API server that keeps what is merged into one ConfigMap."""

    def do_PATCH(self):
        body = json.loads(self.body())
        self.server.patches.append((self.path, body["data"]))
        status = self.server.status
        self.reply_json(status, {"kind": "ConfigMap", **body} if status == 200 else {"kind": "Status", "message": "no"})


@pytest.fixture
def api(tmp_path, monkeypatch):
    server = Loopback(Api)
    server.status, server.patches = 200, []
    monkeypatch.setenv("POD_NAMESPACE", "team-a")
    monkeypatch.setenv(termination.LOG_VARIABLE, str(tmp_path / "termination"))
    with standing_in(server, tmp_path, monkeypatch):
        yield server


@pytest.fixture
def hub(hub):
    hub.add("acme/it", files())
    return hub


def run(repository="acme/it"):
    return run_inspection(InspectionRequest(repository, "main", "chat-inspection"), QUICK)


def reported(api, repository="acme/it"):
    """All reports, in order."""
    assert {path for path, _ in api.patches} <= {REPORTS}
    return [read_inspection(data, repository, "main") for _, data in api.patches]


def test_what_is_found_is_reported_and_nothing_is_printed(api, hub):
    done = aim("model", "inspect", "acme/it", "--report", "chat-inspection")
    assert (done.exit_code, done.stdout) == (0, "")
    first, *_, last = reported(api)
    assert (first.state, first.done, first.total) == ("Reading", 0, 1)
    assert (last.state, last.commit, last.remote_code) == ("Found", hub.models["acme/it"].commit, False)
    assert last.facts.architecture == "Qwen3ForCausalLM"
    assert last.found_at


@pytest.fixture
def bucket(monkeypatch):
    for name, text in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True):
        monkeypatch.setenv(name, text)
    made = Bucket()
    for path, content in files().items():
        made.put(f"it/{path}", content)
    yield made
    made.stop()


def inspect_bucket(bucket, *words, place="s3://models/it"):
    """What the command reports of a bucket, in order, and its exit code."""
    options = ("--endpoint", bucket.url, "--report", "chat-inspection")
    return aim("model", "inspect", place, *words, *options)


def test_what_is_found_in_a_bucket_is_reported_with_where_it_was_found(api, bucket):
    done = inspect_bucket(bucket, "--as", "acme/it")
    assert (done.exit_code, done.stdout) == (0, "")
    [*_, (_, data)] = api.patches
    assert read_inspection(data, "acme/it", "main") is None
    last = read_inspection(data, "acme/it", "main", "s3://models/it")
    assert (last.state, last.facts.architecture, len(last.commit)) == ("Found", "Qwen3ForCausalLM", 40)
    assert last.facts.source == "s3://models/it"


def test_what_is_not_in_a_bucket_is_reported_with_what_to_do(api, bucket):
    done = inspect_bucket(bucket, "--as", "acme/it", place="s3://models/other")
    [*_, (_, data)] = api.patches
    last = read_inspection(data, "acme/it", "main", "s3://models/other")
    assert (done.exit_code, last.state, last.reason) == (40, "Failed", "NotFound")
    assert "s3://models/other" in last.message


@pytest.fixture
def claim(tmp_path):
    folder = tmp_path / "claim" / "it"
    folder.mkdir(parents=True)
    for path, content in files().items():
        (folder / path).write_bytes(content)
    return folder.parent


def inspect_claim(claim, source="pvc://models/it"):
    """The last report about a folder on a claim, and the exit code."""
    words = ("--as", "acme/it", "--source-folder", str(claim), "--report", "chat-inspection")
    return aim("model", "inspect", source, *words).exit_code


def last_of(api, source="pvc://models/it"):
    return read_inspection(api.patches[-1][1], "acme/it", "main", source)


def test_what_is_found_on_a_claim_is_reported_and_the_same_until_a_file_changes(api, claim):
    assert inspect_claim(claim) == 0
    found = last_of(api)
    assert (found.state, found.facts.architecture, len(found.commit)) == ("Found", "Qwen3ForCausalLM", 40)
    assert inspect_claim(claim) == 0
    assert last_of(api).commit == found.commit
    (claim / "it" / "more.txt").write_bytes(b"")
    assert inspect_claim(claim) == 0
    assert last_of(api).commit != found.commit


FAULTS = {
    "a folder that is not there": ("pvc://models/no", None, b"", 40, "pvc://models/no is not a folder: correct"),
    "an empty folder": ("pvc://models/empty", None, b"", 47, "pvc://models/empty has no files"),
    "no config.json": ("pvc://models/it", "config.json", None, 61, "pvc://models/it has no config.json"),
    "no weights": ("pvc://models/it", "model.safetensors", None, 60, "pvc://models/it has no safetensors files"),
    "broken weights": ("pvc://models/it", "model.safetensors", b"broken", 78, "is no safetensors file"),
    "broken config": ("pvc://models/it", "config.json", b"[", 61, "config.json of pvc://models/it is no JSON object"),
    "another architecture": ("pvc://models/it", "config.json", b'{"architectures": ["New"]}', 61, "describe the model"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_a_folder_on_a_claim_has_its_own_words(api, claim, fault):
    source, path, content, code, words = FAULTS[fault]
    (claim / "empty").mkdir()
    if path:
        (claim / "it" / path).unlink()
        if content is not None:
            (claim / "it" / path).write_bytes(content)
    assert inspect_claim(claim, source) == code
    assert last_of(api, source).state == "Failed"
    assert words in last_of(api, source).message


@pytest.mark.parametrize(("place", "words"), [("s3://models/it", ()), ("ftp://models/it", ("--as", "acme/it"))])
def test_what_is_no_source_or_has_no_id_is_not_read(api, bucket, place, words):
    assert inspect_bucket(bucket, *words, place=place).exit_code == 2
    assert (api.patches, bucket.requests) == ([], [])


def test_each_retry_says_why(api, hub):
    hub.fault = Fault(status=429, headers={"Retry-After": "1"}, on="api", times=2)
    assert run() == 0
    messages = [one.message for one in reported(api) if one.message]
    assert len(messages) == 2
    assert messages[0].endswith("returned 429 (message: the test said 429) for acme/it at main; it is retried")


def test_a_hub_that_stays_away_is_retried_by_the_job(api, hub, tmp_path):
    hub.fault = Fault(status=503)
    assert run() == 75
    last = reported(api)[-1]
    assert (last.state, last.reason) == ("Failed", "Network")
    assert last.message.endswith("gave up after 3 attempts")
    assert (tmp_path / "termination").read_text() == last.message


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        ({"config.json": b"{}"}, 61, "UnknownArchitecture"),
        ({"config.json": None}, 61, "UnknownArchitecture"),
        ({"model.safetensors": None, "a.gguf": b"x"}, 60, "NotSafetensors"),
        ({"model.safetensors": b"no"}, 78, "Corrupt"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_final_but_for_what_may_be_damaged(api, hub, content, code, reason):
    given = {path: one for path, one in {**files(), **content}.items() if one is not None}
    hub.add("acme/it", given)
    assert run() == code
    assert (reported(api)[-1].state, reported(api)[-1].reason) == ("Failed", reason)


@pytest.mark.usefixtures("hub")
def test_a_result_that_cannot_be_reported_is_no_success(api, capsys):
    api.status = 403
    assert run() == 75
    assert "cannot be reported to chat-inspection: the API server returned 403" in capsys.readouterr().err


@pytest.mark.usefixtures("hub")
def test_a_job_that_is_stopped_says_so(api, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(inspection_command, "inspect_files", stopped)
    assert run() == 76
    assert reported(api)[-1].reason == "Interrupted"


def test_progress_is_reported_at_a_limited_rate(api, hub, monkeypatch):
    shown = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: shown[0])

    hub.add("acme/it", {**files(), **{f"model-{one}.safetensors": files()["model.safetensors"] for one in range(6)}})
    read = hub_files.HubFiles.read

    def slowly(*arguments):
        shown[0] += 0.9
        return read(*arguments)

    monkeypatch.setattr(hub_files.HubFiles, "read", slowly)
    assert run() == 0
    assert [one.done for one in reported(api) if one.state == "Reading"] == [0, 3, 6]


@pytest.mark.usefixtures("hub")
def test_a_server_that_sends_too_slowly_is_given_up(api, monkeypatch):
    shown = [0.0]

    def later():
        shown[0] += 1000
        return shown[0]

    monkeypatch.setattr(clock, "monotonic", later)
    assert run() == 75
    assert "sends too slowly" in reported(api)[-1].message


@pytest.mark.usefixtures("hub")
def test_an_inspection_that_takes_too_long_is_given_up(api, monkeypatch):
    shown = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: shown[0])
    read = hub_files.HubFiles.read

    def slowly(*arguments):
        shown[0] += 700
        return read(*arguments)

    monkeypatch.setattr(hub_files.HubFiles, "read", slowly)
    monkeypatch.setattr(hub_files, "MAX_RANGE_SECONDS", 10_000)
    assert run() == 75
    assert "took longer than 600 s" in reported(api)[-1].message
