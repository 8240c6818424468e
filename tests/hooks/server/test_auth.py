"""Who may call what: tokens of Metacontroller and of the API server, the two ports, and files that change."""

import json

import pytest
from werkzeug.exceptions import NotFound, Unauthorized

from aimlib.config import ConfigError
from hooks.jobs.certificates.clients import TOKEN_ANNOTATION as WRITTEN
from hooks.server.app import create_app
from hooks.server.auth import ALLOW_ALL, TOKEN_ANNOTATION, Clients
from tests.cluster import mounts

HOOK, FORMER, ADMISSION = "metacontrollers-own", "metacontrollers-former", "the-api-servers"
SECRET = {"hooks": f"{HOOK}\n{FORMER}".encode(), "admission": ADMISSION.encode()}
PORT = "9443"


@pytest.fixture
def folder(tmp_path):
    mounts.write(tmp_path / "callers", SECRET)
    return tmp_path / "callers"


@pytest.fixture
def client(folder, monkeypatch):
    monkeypatch.setenv("AIM_CALLERS", str(folder))
    return create_app().test_client()


def showing(request, token):
    return {**request, "controller": {"metadata": {"annotations": {TOKEN_ANNOTATION: token}}}}


def test_the_server_reads_the_annotation_that_the_program_writes():
    assert TOKEN_ANNOTATION == WRITTEN


@pytest.mark.parametrize("token", [HOOK, FORMER])
def test_a_client_with_an_accepted_token_is_served(client, endpoint, token):
    assert client.post("/endpoint/sync", json=showing(endpoint(modelId="a/b"), token)).status_code == 200


NONE = "it has none"
OTHER = "it has one that is not accepted"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, NONE),
        ([], NONE),
        (None, NONE),
        ({"controller": "x"}, NONE),
        ({"controller": {"metadata": {"annotations": None}}}, NONE),
        (showing({}, ""), NONE),
        (showing({}, ADMISSION), OTHER),
        (showing({}, HOOK[:-1]), OTHER),
        (showing({}, f"{HOOK}\n{FORMER}"), OTHER),
        (showing({}, "ü"), OTHER),
        (showing({}, [HOOK]), OTHER),
    ],
)
def test_a_client_without_an_accepted_token_is_refused_before_anything_is_read(client, lines, body, found):
    response = client.post("/endpoint/sync", data=json.dumps(body))
    assert response.status_code == 401
    assert response.json["error"] == (
        f"the controller's annotation {TOKEN_ANNOTATION} must have the token of Metacontroller; {found}"
    )
    [line] = lines()
    assert (line["code"], line["hook"], line["error"]) == (401, "/endpoint/sync", response.json["error"])
    assert HOOK not in str(line)


def test_a_refusal_is_counted_and_nothing_is_observed_or_recorded(folder, monkeypatch, endpoint, capsys):
    def observe(_):
        raise AssertionError

    monkeypatch.setenv("AIM_CALLERS", str(folder))
    monkeypatch.setattr("hooks.server.app.observers", lambda *_: {"/endpoint/sync": observe})
    client = create_app().test_client()
    counted = 'aim_hook_errors_total{hook="/endpoint/sync",reason="Unauthorised"}'

    def count():
        found = [line for line in client.get("/metrics").text.splitlines() if line.startswith(counted)]
        return float(found[0].split()[-1]) if found else 0.0

    before = count()
    assert client.post("/endpoint/sync", json=endpoint(modelId="a/b")).status_code == 401
    assert count() == before + 1
    assert capsys.readouterr().out == ""


def test_probes_and_metrics_need_no_token(client):
    assert {client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")} == {200}


def test_tokens_are_read_again_when_they_change(client, folder, endpoint):
    mounts.write(folder, {**SECRET, "hooks": b"new"})
    assert client.post("/endpoint/sync", json=showing(endpoint(modelId="a/b"), HOOK)).status_code == 401
    assert client.post("/endpoint/sync", json=showing(endpoint(modelId="a/b"), "new")).status_code == 200


def test_tokens_that_become_unreadable_stay_in_use_and_are_logged(client, folder, endpoint, lines):
    (folder / "hooks").unlink()
    for _ in range(2):
        assert client.post("/endpoint/sync", json=showing(endpoint(modelId="a/b"), HOOK)).status_code == 200
    [complaint] = [line for line in lines() if line["message"].startswith("files cannot be loaded")]
    assert complaint["files"] == [str(folder / "hooks")]


def test_without_the_files_it_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setenv("AIM_CALLERS", str(tmp_path))
    with pytest.raises(ConfigError, match=r"AIM_CALLERS: .*hooks"):
        create_app()


PATH = "/admission/endpoints/validate/warn/"


@pytest.mark.parametrize(
    ("path", "port"), [(f"{PATH}{ADMISSION}", PORT), ("/endpoint/sync", "8443"), ("/metrics", "8443")]
)
def test_each_port_answers_its_own(folder, path, port):
    Clients(str(folder), PORT).check_path(path, port)


@pytest.mark.parametrize(
    ("path", "port"), [(f"{PATH}{ADMISSION}", "8443"), ("/endpoint/sync", PORT), ("/metrics", PORT), ("/", PORT)]
)
def test_and_nothing_else(folder, path, port):
    with pytest.raises(NotFound):
        Clients(str(folder), PORT).check_path(path, port)


@pytest.mark.parametrize("shown", ["", HOOK, f"{ADMISSION}/", f"{ADMISSION}x", "ü"])
def test_admission_requires_the_api_servers_token(folder, shown):
    with pytest.raises(Unauthorized):
        Clients(str(folder), PORT).check_path(f"{PATH}{shown}", PORT)


def test_the_refusal_is_a_status_over_http(client):
    response = client.post(f"{PATH}wrong", json={})
    assert response.status_code == 401
    assert response.json["error"] == "Unauthorized: the path does not end in the token of the API server's webhooks"


def test_without_settings_no_token_is_required():
    ALLOW_ALL.check_path(f"{PATH}x", "1")
    ALLOW_ALL.check_path("/endpoint/sync", "2")
    assert ALLOW_ALL.refusal({}) is None
