"""What a real Envoy counts of the answers of a model server that is no engine, and states what it likes."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from aimlib.gateway.usage import MOST_COUNTED
from tests.dataplane import commands, gateway
from tests.dataplane.test_gateway import error

ADDRESS, SERVICE, MODEL = "10.244.126.99", "odd-pods", "odd"
KEYS = {"team-red": ["key-of-red"]}
COUNTER = re.compile(r'^envoy_aim_gateway_(prompt|generated)_tokens\{.*estimated="false".*\} (\d+)$', re.MULTILINE)


class Odd(BaseHTTPRequestHandler):
    """Answers each request with the `answer` in its body; a `raw` one is all that is sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.reply(b"{}")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body.get("raw"):
            self.wfile.write(body["answer"].encode())
            self.close_connection = True
        else:
            self.reply(body["answer"].encode(), body.get("kind", "application/json"))

    def reply(self, body, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), 700):  # as an engine writes it, piece by piece
            self.wfile.write(body[at : at + 700])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def envoy(names, tmp_path_factory):
    """An Envoy in front of such a server."""
    with (
        ThreadingHTTPServer((ADDRESS, commands.PORT), Odd) as server,
        gateway.engines(names, tmp_path_factory.mktemp("engines")) as engines,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        names.own[engines.host(SERVICE)] = [ADDRESS]
        table = {"models": [{"name": MODEL, "targets": [engines.target(SERVICE)]}]}
        with gateway.started(tmp_path_factory.mktemp("envoy"), table, KEYS) as made:
            made.process.wait_until(lambda: made.chat(MODEL, answer="{}").status_code == 200, 60)
            yield made
        server.shutdown()


def counted(envoy, answer, **more):
    """What the counters of prompt and generated tokens go up by."""
    before = tokens(envoy)
    assert envoy.chat(MODEL, answer=answer, **more).status_code == 200
    return {kind: value - before.get(kind, 0) for kind, value in tokens(envoy).items() if value != before.get(kind, 0)}


def tokens(envoy):
    page = requests.get(f"http://127.0.0.1:{envoy.admin}/stats/prometheus?usedonly", timeout=10).text
    return {kind: int(value) for kind, value in COUNTER.findall(page)}


def usage(prompt, generated):
    return f'"usage": {{"prompt_tokens": {prompt}, "completion_tokens": {generated}}}'


def test_tokens_are_counted_whatever_an_answer_has_behind_them(envoy):
    behind = ", ".join(map(str, range(5000)))
    assert counted(envoy, f'{{{usage(5, 77)}, "prompt_token_ids": [{behind}]}}') == {"prompt": 5, "generated": 77}


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_the_last_numbers_count_wherever_a_piece_of_the_answer_ends(envoy, kind):
    for length in range(600, 720, 7):
        answer = f'{{"text": "{"x" * length}", {usage(1, 2)}, {usage(54321, 98765)}}}'
        assert counted(envoy, answer, kind=kind) == {"prompt": 54321, "generated": 98765}


@pytest.mark.parametrize("stated", ["1" + "0" * 18, "9" * 400, str(2**63)])
def test_no_number_of_a_server_makes_a_counter_begin_again(envoy, stated):
    for _ in range(3):
        assert counted(envoy, f"{{{usage(stated, stated)}}}") == {"prompt": MOST_COUNTED, "generated": MOST_COUNTED}


def test_an_answer_that_is_no_http_is_an_error_in_the_form_of_openai(envoy):
    error(envoy.chat(MODEL, answer="this is no HTTP\r\n\r\n", raw=True), 502, "bad_gateway")
