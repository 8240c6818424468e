"""Downloads of models in MLflow's registry: which version arrives, from where, and who is shown which credentials."""

import base64
import os

import pytest

from aimlib.api.source import ModelSource, parse_source
from hooks.jobs.volume import mlflow_artifacts
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.mlflow import BucketAccess, MlflowReader
from tests.hooks.jobs.volume.bucket import KEYS, Bucket
from tests.hooks.jobs.volume.test_sources import Place
from tests.hooks.jobs.volume.tracking import ROOT, TrackingServer

FILES = {"config.json": b"{}", "model.safetensors": os.urandom(300_000), "deep/a b.json": b"{} "}
NAMES = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
BASIC = f"Basic {base64.b64encode(b'team:a-password').decode()}"


@pytest.fixture
def server(monkeypatch):
    for name in (*NAMES, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = TrackingServer()
    made.put(FILES)
    made.register("2")
    yield made
    made.stop()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "volume")


def pull(place, server, source="mlflow://chat@champion", **changes):
    return place.download(**{"source": source, "endpoint": server.url, **changes})


def refused(reason, act):
    with pytest.raises(DownloadError) as error:
        act()
    assert error.value.reason == reason, error.value.message
    return error.value.message


@pytest.mark.parametrize(
    ("text", "path", "revision"),
    [("mlflow://prod.chat-1@best_one", "", "best_one"), ("mlflow://prod.chat-1/12", "12", None)],
)
def test_a_model_in_its_parts(text, path, revision):
    assert parse_source(text) == ModelSource("mlflow", "prod.chat-1", path, revision)


def test_an_alias_is_resolved_once_and_its_version_arrives(place, server):
    server.cuts = [100_000]
    found = pull(place, server)
    assert place.files == FILES
    assert (found.resolved, found.verified, found.report().resolved) == ("2", "FirstRead", "2")
    server.put({**FILES, "model.safetensors": b"another"}, "2/other")
    server.register("3", "mlflow-artifacts:/2/other")
    assert pull(place, server) == found
    assert pull(place, server, "mlflow://chat/2").resolved == "2"
    assert place.files == FILES
    assert pull(place, server, "mlflow://chat/3").resolved == "3"
    assert place.files["model.safetensors"] == b"another"


def test_an_alias_that_moves_amid_the_download_is_never_mixed(place, server):
    server.put({**FILES, "model.safetensors": os.urandom(300_000)}, "2/other")
    server.cuts = [100_000]
    server.after_cut = [lambda: server.register("3", "mlflow-artifacts:/2/other")]
    assert pull(place, server).resolved == "2"
    assert place.files == FILES


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_stores_in_a_bucket_sends_files_whole_and_they_go_on(place, server, ranges):
    server.stable, server.ranges = False, ranges
    server.cuts = [100_000, 200_000]
    pull(place, server)
    assert place.files == FILES
    assert [one[2].get("Range") for one in server.requests if one[0].endswith("model.safetensors")] == [None] * 3


@pytest.mark.parametrize("stable", [True, False])
def test_a_file_that_is_replaced_amid_the_download_is_not_continued(place, server, stable):
    server.stable = stable
    server.cuts = [100_000]
    replaced = {**FILES, "model.safetensors": os.urandom(300_000)}
    server.after_cut = [lambda: server.put(replaced)]
    assert "model.safetensors of mlflow://chat@champion" in refused("Changed", lambda: pull(place, server))
    pull(place, server)
    assert place.files == replaced


def test_a_file_that_is_removed_amid_the_download_is_reported(place, server):
    server.cuts = [100_000]
    server.after_cut = [lambda: server.files.pop(f"{ROOT}/model.safetensors")]
    assert "was removed" in refused("Changed", lambda: pull(place, server))


def test_what_mlflow_stores_of_transformers_is_where_engines_load_it(place, server):
    server.put(
        {
            **{f"model/{path}": content for path, content in FILES.items()},
            "components/tokenizer/tokenizer.json": b"{1}",
            "components/odd.json": b"{2}",
            "processor/preprocessor_config.json": b"{3}",
            "MLmodel": b"flavors:",
        },
        "2/flavor",
    )
    server.register("3", "mlflow-artifacts:/2/flavor")
    pull(place, server)
    more = {"tokenizer.json": b"{1}", "odd.json": b"{2}", "preprocessor_config.json": b"{3}"}
    assert place.files == {**FILES, **more}


@pytest.mark.parametrize(
    ("uri", "path", "reply"),
    [
        ("runs:/run/chat", "mlflow/runs/get", {"run": {"info": {"artifact_uri": "mlflow-artifacts:/1/run/artifacts"}}}),
        ("models:/m-1", "mlflow/logged-models/m-1", {"model": {"info": {"artifact_uri": f"mlflow-artifacts:/{ROOT}"}}}),
    ],
)
def test_a_version_that_names_a_run_or_a_logged_model_is_found(place, server, uri, path, reply):
    server.register("3", uri)
    server.replies[path] = (200, reply)
    assert pull(place, server).resolved == "3"
    assert place.files == FILES


def test_a_version_in_a_bucket_is_read_there_by_its_own_keys(place, server, monkeypatch):
    for name, text in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True):
        monkeypatch.setenv(name, text)
    bucket = Bucket()
    try:
        for path, content in FILES.items():
            bucket.put(f"chat/v1/{path}", content)
        server.register("3", "s3://models/chat/v1")
        found = pull(place, server, artifact_endpoint=bucket.url)
        assert (found.resolved, found.verified, place.files) == ("3", "FirstRead", FILES)
        reader = MlflowReader(parse_source("mlflow://chat/3"), server.url, BucketAccess(bucket.url, "us-east-1"))
        reader.listing()
        reader.listing()
        reader.close()
    finally:
        bucket.stop()
    assert not any("Authorization" in headers for _, _, headers in server.requests)


@pytest.mark.parametrize(
    ("variables", "header"),
    [({NAMES[1]: "team", NAMES[2]: "a-password"}, BASIC), ({NAMES[0]: "a-token"}, "Bearer a-token")],
)
def test_the_server_gets_the_credentials(place, server, monkeypatch, variables, header):
    server.login = header
    assert "MLFLOW_TRACKING_TOKEN" in refused("TokenMissing", lambda: pull(place, server))
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    pull(place, server)
    server.login = "another"
    assert "correct access.secret" in refused("TokenInvalid", lambda: pull(place, server, "mlflow://chat/2"))


def test_credentials_are_never_sent_without_tls(server, monkeypatch):
    monkeypatch.setenv(NAMES[0], "a-token")
    server.login = "Bearer a-token"
    reader = MlflowReader(parse_source("mlflow://chat/2"), server.url, BucketAccess(None, "us-east-1"))
    reader.server.private = False
    assert "sent over https only" in refused("TokenNotAllowed", reader.listing)


def test_credentials_with_control_characters_are_refused(place, server, monkeypatch):
    monkeypatch.setenv(NAMES[0], "a\rb")
    assert "control characters" in refused("TokenInvalid", lambda: pull(place, server))


@pytest.mark.parametrize("endpoint", [None, "mlflow:5000"])
def test_an_address_that_is_none(place, server, endpoint):
    assert "access.endpoint" in refused("Network", lambda: pull(place, server, endpoint=endpoint))


ALIAS = "mlflow/registered-models/alias"


@pytest.mark.parametrize(
    ("path", "reply", "refusal"),
    [
        (ALIAS, (403, b"Invalid Host header - possible"), ("HostRefused", "--allowed-hosts 127.0.0.1:")),
        (
            ALIAS,
            (400, {"error_code": "INVALID_PARAMETER_VALUE"}),
            ("AliasNotFound", "no such alias of mlflow://chat@ch"),
        ),
        (ALIAS, (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}), ("NotFound", "correct the name or the version")),
        (ALIAS, (404, b"Not Found"), ("NotFound", "is no MLflow server")),
        (ALIAS, (410, b"[]"), ("Network", "returned 410")),
        ("mlflow-artifacts/artifacts", (503, b"disabled by `--no-serve-artifacts`"), ("NotFound", "--serve-artifacts")),
        ("mlflow-artifacts/artifacts", (200, {}), ("NoFiles", "has no files")),
        (f"mlflow-artifacts/artifacts/{ROOT}/config.json", (403, b"no"), ("TokenMissing", "provide access.secret")),
    ],
)
def test_what_a_server_refuses_has_a_message(place, server, path, reply, refusal):
    server.replies[path] = reply
    reason, part = refusal
    assert part in refused(reason, lambda: pull(place, server))


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        (ALIAS, (503, b"")),
        (ALIAS, (200, b"no JSON")),
        (ALIAS, (200, [])),
        (ALIAS, (200, {"model_version": []})),
        (ALIAS, (200, {"model_version": {"version": "x"}})),
        (ALIAS, (200, {"model_version": {"version": "2", "status": "PENDING_REGISTRATION"}})),
        ("mlflow/model-versions/get-download-uri", (200, {})),
        ("mlflow-artifacts/artifacts", (200, {"files": 3})),
        ("mlflow-artifacts/artifacts", (200, {"files": [{"path": "../x"}]})),
    ],
)
def test_a_response_that_mlflow_does_not_send_is_retried(server, path, reply):
    server.replies[path] = reply
    reader = MlflowReader(parse_source("mlflow://chat@champion"), server.url, BucketAccess(None, "us-east-1"))
    with pytest.raises(TransientError):
        reader.listing()
    reader.close()


def test_a_connection_that_breaks_amid_a_response_is_retried(server, monkeypatch):
    from urllib3.exceptions import ProtocolError  # noqa: PLC0415

    def broken(*_):
        raise ProtocolError("it is gone")

    monkeypatch.setattr("hooks.jobs.volume.mlflow_server.read_body", broken)
    reader = MlflowReader(parse_source("mlflow://chat/2"), server.url, BucketAccess(None, "us-east-1"))
    with pytest.raises(TransientError, match="it is gone"):
        reader.listing()


def test_nothing_is_read_before_it_is_listed(server):
    reader = MlflowReader(parse_source("mlflow://chat/2"), server.url, BucketAccess(None, "us-east-1"))
    with pytest.raises(TransientError, match="not listed"):
        reader.with_hashes(())
    reader.close()


@pytest.mark.parametrize(
    "uri", ["dbfs:/models/chat", "mlflow-artifacts://evil.example/1/chat", "s3://b", "file:///etc", "s3://models/../x"]
)
def test_a_place_that_is_not_read_has_a_message(place, server, uri):
    server.register("3", uri)
    assert "which is not read" in refused("NotFound", lambda: pull(place, server))


def test_references_without_end_are_refused(place, server):
    server.register("3", "runs:/run/chat")
    server.replies["mlflow/runs/get"] = (200, {"run": {"info": {"artifact_uri": "runs:/run"}}})
    assert "is at runs:/run" in refused("NotFound", lambda: pull(place, server))


def test_files_of_64_bits_have_sizes_as_text_and_of_nothing_none_is_asked(place, server):
    rows = [{"path": "config.json", "file_size": "2"}, {"path": "empty.txt", "file_size": 0}]
    server.put({"empty.txt": b""})
    weights = [{"path": "model.safetensors", "file_size": str(len(FILES["model.safetensors"]))}]
    server.replies["mlflow-artifacts/artifacts"] = (200, {"files": [*rows, *weights]})
    pull(place, server)
    assert place.files == {"config.json": b"{}", "empty.txt": b"", "model.safetensors": FILES["model.safetensors"]}


def test_a_size_that_is_none_is_refused(place, server):
    server.replies["mlflow-artifacts/artifacts"] = (200, {"files": [{"path": "config.json", "file_size": None}]})
    with pytest.raises(DownloadError, match="cannot be verified"):
        pull(place, server)


def test_folders_without_end_are_refused(place, server, monkeypatch):
    monkeypatch.setattr(mlflow_artifacts, "MOST_FOLDERS", 1)
    assert "folders" in refused("NoFiles", lambda: pull(place, server))
