"""The hook server: codes, sentences, logs, metrics, settings."""

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.exceptions import TooManyRequests

from aimlib.config import Config, ConfigError
from aimlib.schema.settings import read_config
from hooks.observability import logs
from hooks.server import app as edge
from hooks.server.answer import REFUSAL
from hooks.server.app import create_app, hooks
from tests.kustomize import ROOT

RECORDINGS = ROOT / "tests" / "testdata" / "recordings"
HOOKS = tuple(hooks(Config()))


def test_every_hook_that_a_controller_calls_is_served():
    called = {
        line.split("aim-system.svc")[1].split("?")[0]
        for path in (
            *(ROOT / "metacontroller").glob("*.yaml"),
            *(ROOT / "manifests" / "components").glob("*/slice.yaml"),
        )
        for line in path.read_text().splitlines()
        if line.strip().startswith("url:")
    }
    assert called == set(HOOKS)


def test_a_request_is_answered_in_json(client, endpoint):
    response = client.post("/endpoint/sync", json=endpoint(modelId="Qwen/Qwen3-32B"))
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.json["children"] == []
    assert response.json["status"]["phase"] == "Pending"


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000], ids=lambda body: body[:4]
)
def test_a_body_that_is_no_request_is_refused_with_a_message(client, path, body):
    response = client.post(path, data=body)
    assert response.status_code == 400
    assert response.json["error"].startswith("the body")


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize("version", ["aim.engine.amd.com/v1beta1", "example.com/v1", None])
def test_a_parent_of_another_version_is_refused_with_a_message(client, path, version):
    kind = {
        "cache": "AIMCache",
        "gateway": "AIMGateway",
        "endpoint": "AIMEndpoint",
        "recipe": "AIMRecipe",
        "model": "AIMModel",
        "node": "Node",
        "slice": "ResourceSlice",
        "inventory": "AIMInventory",
    }
    named = {"kind": kind[path.split("/")[1]], "metadata": {"name": "x"}, "spec": {"modelId": "a/b"}}
    response = client.post(path, json={"parent": {"apiVersion": version, **named}, "children": {}, "related": {}})
    assert response.status_code == 422
    assert response.json["error"].startswith(f"the parent is {named['kind']} of {version}, and must be")


@pytest.mark.parametrize("path", ["/endpoint/sync", "/inventory/sync"])
def test_a_body_without_requested_objects_is_refused_and_not_an_empty_cluster(client, path, endpoint):
    kind = {"/endpoint/sync": "AIMEndpoint", "/inventory/sync": "AIMInventory"}[path]
    body = endpoint(modelId="Qwen/Qwen3-32B")
    body["parent"]["kind"] = kind
    del body["related"]
    response = client.post(path, json=body)
    assert response.status_code == 422
    assert response.json["error"].startswith("the body has no related AIM")


@pytest.mark.parametrize(
    ("method", "path", "code", "words"),
    [
        ("get", "/endpoint/sync", 405, "Method Not Allowed"),
        ("post", "/endpoint/finalize", 404, "Not Found"),
        ("post", "/", 404, "Not Found"),
        ("post", "/metrics", 405, "Method Not Allowed"),
    ],
)
def test_a_wrong_path_or_method_is_refused_with_a_message(client, method, path, code, words):
    response = getattr(client, method)(path)
    assert response.status_code == code
    assert response.json["error"].startswith(f"{words}: ")


def test_a_body_that_is_too_large_is_refused_with_a_message(monkeypatch):
    monkeypatch.setattr(edge, "MAX_BODY", 1000)
    response = create_app().test_client().post("/endpoint/sync", data=b"x" * 1001)
    assert response.status_code == 413
    assert response.json["error"].startswith("Request Entity Too Large: ")


def test_a_request_that_was_refused_before_its_body_was_read_is_answered_counted_and_logged(client, lines):
    counted = 'aim_hook_requests_total{code="429",hook="/endpoint/sync"}'
    before = metric(client, counted)
    response = client.post("/endpoint/sync", environ_overrides={REFUSAL: TooManyRequests("retry")})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert response.json == {"error": "Too Many Requests: retry", "request": response.headers["X-Request-Id"]}
    assert metric(client, counted) == before + 1
    [line] = lines()
    assert (line["hook"], line["code"], line["error"]) == ("/endpoint/sync", 429, "Too Many Requests: retry")
    assert line["request"] == response.json["request"]


def test_the_release_in_the_address_changes_nothing(client, endpoint):
    asked = endpoint(modelId="Qwen/Qwen3-32B")
    with_release, without = (client.post(f"/endpoint/customize{rev}", json=asked) for rev in ("?rev=1.2.3", ""))
    assert with_release.json == without.json


def test_a_surprise_is_a_500_whose_traceback_is_in_the_log_alone(client, lines):
    spec = {"taints": [{"key": "a taint that says nothing"}]}  # which no API server stores
    broken = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": spec}
    response = client.post("/node/sync", json={"object": broken})
    assert response.status_code == 500
    [failure, call] = lines()
    request = {"request": call["request"]}
    assert failure["request"] == call["request"] == response.headers["X-Request-Id"]
    assert response.json == {"error": "internal error; see the hook server's log", **request}
    assert "KeyError" in failure["exception"]
    assert (failure["kind"], failure["name"]) == ("Node", "n")
    assert (call["code"], call["error"]) == (500, response.json["error"])


def test_a_status_that_cannot_be_stamped_is_a_500_too(client, lines, endpoint, monkeypatch):
    monkeypatch.setattr("hooks.server.app.with_transition_times", lambda *_: 1 / 0)
    assert client.post("/endpoint/sync", json=endpoint(modelId="Qwen/Qwen3-32B")).status_code == 500
    assert "exception" in lines()[0]


def test_the_id_of_a_request_is_the_clients_or_that_of_its_content(client, lines, endpoint):
    asked = endpoint(modelId="Qwen/Qwen3-32B")
    stated = client.post("/endpoint/sync", json=asked, headers={"X-Request-Id": "a-1.b:c"})
    assert (stated.headers["X-Request-Id"], lines()[-1]["request"]) == ("a-1.b:c", "a-1.b:c")
    for unusable in ("", "x" * 65, "a b", 'a"b'):
        made = client.post("/endpoint/sync", json=asked, headers={"X-Request-Id": unusable})
        assert made.headers["X-Request-Id"] == client.post("/endpoint/sync", json=asked).headers["X-Request-Id"]
        assert re.fullmatch("[0-9a-f]{16}", made.headers["X-Request-Id"])
    other = client.post("/endpoint/sync", json=endpoint(modelId="Qwen/Qwen3-8B"))
    assert other.headers["X-Request-Id"] != made.headers["X-Request-Id"]
    beside_requests = logs.JsonLines().format(logging.LogRecord("", logging.INFO, "", 1, "m", (), None))
    assert "request" not in json.loads(beside_requests)


def test_a_refused_path_is_answered_with_an_id(client):
    response = client.post("/nowhere", headers={"X-Request-Id": "mine"})
    assert (response.status_code, response.json["request"]) == (404, "mine")


@pytest.mark.parametrize(("level", "shown"), [("info", []), ("debug", ["/endpoint/customize", "/endpoint/sync"])])
def test_syncs_that_change_nothing_are_for_those_who_debug(lines, endpoint, level, shown):
    client = create_app(Config(log_level=level)).test_client()
    asked = endpoint(modelId="Qwen/Qwen3-32B")
    first = client.post("/endpoint/sync", json=asked).json
    assert [line["hook"] for line in lines()] == ["/endpoint/sync"]
    asked["parent"]["status"] = {**first["status"], "observedGeneration": 4}
    client.post("/endpoint/customize", json=asked)
    client.post("/endpoint/sync", json=asked)
    assert [line["hook"] for line in lines()[1:]] == shown
    create_app()


@pytest.mark.parametrize("level", ["info", "error"])
def test_errors_are_shown_at_every_level(lines, level):
    create_app(Config(log_level=level)).test_client().post("/endpoint/sync", data="{")
    assert [line["level"] for line in lines()] == ["error"]
    create_app()


def test_a_call_is_one_line_with_the_objects_name_and_the_decision(client, lines, endpoint):
    client.post("/endpoint/sync", json=endpoint(modelId="Qwen/Qwen3-32B"))
    [line] = lines()
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("+00:00")
    assert re.fullmatch("[0-9a-f]{16}", line.pop("request"))
    assert line == {
        "level": "info",
        "message": "hook",
        "hook": "/endpoint/sync",
        "code": 200,
        "kind": "AIMEndpoint",
        "namespace": "team-a",
        "name": "chat",
        "generation": 4,
        "phase": "Pending",
        "reason": "InventoryNotReady",
        "decision": "waiting for the AIMInventory named cluster to be filled",
        "children": 0,
    }


def test_a_refusal_is_logged_as_an_error_with_its_sentence(client, lines, endpoint):
    body = endpoint(modelId="a/b")
    body["related"].clear()
    client.post("/endpoint/sync", json=body)
    [line] = lines()
    assert (line["level"], line["code"], line["name"]) == ("error", 422, "chat")
    assert line["error"].startswith("the body has no related AIM")


def test_a_message_with_line_breaks_stays_one_line(client, lines, endpoint):
    asked = endpoint(modelId="Qwen/Qwen3-32B")
    asked["parent"]["metadata"]["name"] = "chat\n{}"
    client.post("/endpoint/sync", json=asked)
    assert [line["name"] for line in lines()] == ["chat\n{}"]


def test_health_and_readiness_are_plain_text(client):
    for path in ("/healthz", "/readyz"):
        response = client.get(path)
        assert (response.status_code, response.text, response.mimetype) == (200, "ok\n", "text/plain")


def metric(client, name):
    found = (line for line in client.get("/metrics").text.splitlines() if line.startswith(name))
    return float(next(found, "0 0").rpartition(" ")[2])


def test_calls_are_counted_by_hook_and_code(client, endpoint):
    good, bad = (f'aim_hook_requests_total{{code="{code}",hook="/endpoint/customize"}}' for code in (200, 400))
    seconds = 'aim_hook_duration_seconds_count{hook="/endpoint/customize"}'
    before = [metric(client, name) for name in (good, bad, seconds)]
    client.post("/endpoint/customize", json=endpoint(modelId="Qwen/Qwen3-32B"))
    client.post("/endpoint/customize", data="{")
    assert [metric(client, name) for name in (good, bad, seconds)] == [before[0] + 1, before[1] + 1, before[2] + 2]


def test_metrics_are_in_the_format_of_prometheus(client):
    assert client.get("/metrics").content_type.startswith("text/plain; version=")


def test_settings_come_from_the_file_that_the_environment_names(monkeypatch, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("listedCandidates: 3\nimages: {vllm/amd: registry.example.com/vllm:1}\n")
    monkeypatch.setenv("AIM_CONFIG", str(path))
    seen = []
    monkeypatch.setattr(edge, "hooks", lambda config: seen.append(config) or {})
    create_app()
    assert seen == [Config(listed_candidates=3, images={"vllm/amd": "registry.example.com/vllm:1"})]


def test_an_empty_file_means_the_defaults(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("# nothing yet\n{}\n")
    assert read_config(str(path)) == read_config(None) == Config()


def test_the_downloads_have_the_image_of_the_release_unless_the_file_names_another(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("downloaderImage: registry.example.com/downloader:1\n")
    assert read_config(None, downloader_image="downloader:2").downloader_image == "downloader:2"
    assert (
        read_config(str(path), downloader_image="downloader:2").downloader_image == "registry.example.com/downloader:1"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cpuPerDevice: 0", "cpuPerDevice: must be at least 1, found '0'"),
        ("memoryPerDevice: much", "memoryPerDevice: must be a quantity"),
        ("imagse: {}", "settings: 'imagse' is not known; did you mean images?"),
        ("tokenSecret: {nmae: x}", "'tokenSecret.nmae' is not known; did you mean name?"),
        ("images: {vllm/amdd: example.com/vllm:1}", "images: 'vllm/amdd' is not known; did you mean vllm/amd?"),
        ("toleratedTaints: {}\ntoleratedTaints: {}", "duplicate key 'toleratedTaints'"),
        ("a: \x01", "control characters are not allowed"),
        ("- 1", "must be an object"),
        ("a: [", "node content"),
        ("a: 1\n---\nb: 1", "settings are one document, and there are 2"),
    ],
)
def test_settings_that_cannot_be_used_stop_the_start_with_a_sentence(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="config") as error:
        read_config(str(path))
    assert words in str(error.value)


def test_settings_that_are_not_there_stop_the_start_with_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_config(str(tmp_path / "none.yaml"))


def test_many_requests_at_once_are_answered_the_same(client, endpoint):
    asked = [endpoint(modelId=f"Qwen/Qwen3-{size}B", gpuCount=size % 8) for size in range(40)]
    alone = [client.post("/endpoint/customize", json=one).json for one in asked]

    def call(one):
        return client.application.test_client().post("/endpoint/customize", json=one).json

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(call, asked * 10)) == alone * 10


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*[!e].json")), ids=lambda path: path.stem)
def test_what_metacontroller_really_sends_is_understood(client, path):
    body = json.loads(path.read_text())
    if "parent" not in body and "object" not in body:
        pytest.fail(f"{path.name} is no request")
    hook = "/node/sync" if "object" in body else "/endpoint/sync"
    response = client.post(hook, json=body)
    assert response.status_code in ({200} if "object" in body else {200, 422})
    assert "internal" not in response.text
