"""What clients of all kinds send, through a real Envoy with rendered files: what an engine gets of it."""

import gzip
import http.client
import json
from urllib.parse import quote

import pytest

from aimlib.gateway.render import Listening, bootstrap, render
from aimlib.gateway.table import ModelTable
from tests import envoy
from tests.cluster.components import answers
from tests.cluster.processes import free_ports, running
from tests.loopback import Answering, Loopback, answering

MODEL = "Qwen/Qwen3-32B"
CHAT = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "model": MODEL}).encode()
PATH = "/v1/chat/completions"
JSON = "application/json"


class Engine(Answering):
    """Answers with the path and the body that it got."""

    def do_POST(self):
        self.reply_json(200, {"path": self.path, "body": self.body().decode()})


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """Where an Envoy listens, in front of one engine."""
    folder = tmp_path_factory.mktemp("envoy")
    own, admin = free_ports(2)
    server = Loopback(Engine)
    with answering(server, "engine"):
        target = {"name": "team-a/qwen/a", "host": "127.0.0.1", "port": server.server_port}
        table = ModelTable.model_validate({"models": [{"name": MODEL, "targets": [target]}], "anonymous": True})
        files = render(table, {}, Listening(str(folder), own, "127.0.0.1"))
        envoy.write(folder, {"bootstrap.json": bootstrap(str(folder), admin), **files})
        command = (envoy.program(), "--config-path", folder / "bootstrap.json", "--concurrency", "1")
        with running("envoy", (*command, "--use-dynamic-base-id"), folder) as process:
            process.wait_until(lambda: answers(f"http://127.0.0.1:{own}/v1/models"), 60)
            yield own


def post(port, path, body=CHAT, version=11, **headers):
    """The status of one request, and the JSON of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection._http_vsn, connection._http_vsn_str = version, f"HTTP/1.{version - 10}"
    sent = {"Content-Type": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request("POST", path, body, sent)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found


@pytest.mark.parametrize("path", [PATH, "/v1//chat/completions", "//v1/chat/completions", "/v1%2Fchat/completions"])
def test_a_base_url_that_ends_in_a_slash_works(port, path):
    assert post(port, path) == (200, {"path": PATH, "body": CHAT.decode()})


@pytest.mark.parametrize("path", ["/v1/../metrics", "/v1/%2e%2e/metrics", "/v1/..%2Fmetrics"])
def test_no_path_leads_out_of_the_api(port, path):
    assert post(port, path)[0] == 404


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;v"])
def test_a_charset_keeps_no_body_from_being_read(port, content_type):
    assert post(port, PATH, Content_Type=content_type)[0] == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/jsonl", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_read_is_told_how_it_would_be(port, content_type):
    status, found = post(port, PATH, Content_Type=content_type)
    assert status == 400
    assert "Content-Type: application/json; other bodies go to /models/NAME/v1/" in found["error"]["message"]


def test_a_compressed_body_is_told_from_one_without_a_model(port):
    status, found = post(port, PATH, gzip.compress(CHAT), Content_Encoding="gzip")
    assert (status, found["error"]["code"]) == (415, "unsupported_encoding")
    assert post(port, PATH, Content_Encoding="identity")[0] == 200


def test_the_name_of_a_model_in_a_path_may_be_escaped(port):
    for name in (MODEL, quote(MODEL, safe="")):
        status, found = post(port, f"/models/{name}/v1/audio/transcriptions", b"x", Content_Type="multipart/form-data")
        assert (status, found["path"]) == (200, "/v1/audio/transcriptions")


def test_proxies_that_speak_http_1_0_are_answered(port):
    assert post(port, PATH, version=10)[0] == 200
