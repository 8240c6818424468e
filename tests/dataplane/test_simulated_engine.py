"""The simulated engine: held to what a real one answers, and doing what it is commanded."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from aimlib.engines.catalogue import engine
from tests.dataplane import conversation, openai_client
from tests.dataplane.conversation import shape
from tests.dataplane.simulated import behaviour
from tests.dataplane.simulated.__main__ import main, server
from tests.dataplane.simulated.server import CHAT, HITS
from tests.loopback import answering
from tests.monitoring.engines import published

MODEL = "Qwen/Qwen3-0.6B"
WORDS = {
    "vllm": ["vllm", "serve", MODEL, "--host", "127.0.0.1", "--port", "0", "--max-model-len", "2048"],
    "sglang": [*["python3", "-m", "sglang.launch_server", "--model-path"], MODEL, "--port", "0", "--enable-metrics"],
}
RECORDED = yaml.safe_load((conversation.RECORDED / "vllm-0.32.0.yaml").read_text())


@contextmanager
def started(name="vllm", *more):
    """A server in this process, and a function that asks it."""
    made = server([*WORDS[name], *more])
    with answering(made, name):
        yield made


@pytest.fixture
def vllm() -> Iterator:
    with started() as made:
        yield made


@pytest.fixture(scope="module")
def answers():
    with started() as made:
        return conversation.ask(url(made), MODEL)


def url(made):
    return f"http://127.0.0.1:{made.server_address[1]}"


def ask(made, path=CHAT, **body):
    """One request; status, headers, and the answer as it came."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hi."}], **body}
    with closing(http.client.HTTPConnection(*made.server_address, timeout=10)) as connection:
        connection.request("POST", path, json.dumps(asked))
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()


def value(made, name, **labels):
    """A number of the metrics page."""
    families = text_string_to_metric_families(made.metrics.page().decode())
    found = [one for family in families for one in family.samples if one.name == name]
    return sum(one.value for one in found if labels.items() <= one.labels.items())


@pytest.mark.parametrize("name", RECORDED)
def test_an_answer_has_the_shape_of_the_real_one(answers, name):
    assert shape(answers[name]) == shape(RECORDED[name])


@pytest.mark.parametrize("name", WORDS)
def test_the_client_of_openai_is_answered(name):
    with started(name) as made:
        answered = openai_client.ask(f"{url(made)}/v1", MODEL)
    assert answered.models == [MODEL]
    assert "".join(answered.pieces) == answered.text
    assert (len(answered.pieces), answered.tokens, answered.streamed_tokens, answered.finish) == (12, 12, 12, "length")


@pytest.mark.parametrize("name", WORDS)
def test_the_metrics_are_those_of_the_package(name):
    with started(name) as made:
        ask(made, max_tokens=3)
        found, page = engine(name), made.metrics.page().decode()
        described = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
        assert {metric.removesuffix("_total") for metric in published(name, found.version)} <= {
            metric.removesuffix("_total") for metric in described
        }
        names = found.metrics
        assert value(made, names.generation_tokens) == 3
        assert value(made, f"{names.inter_token_latency}_count") == 2
        until(lambda: value(made, names.requests) == 1)
        until(lambda: value(made, names.answers.partition("{")[0]) == 1)


def test_names_that_are_served_are_those_of_the_command_line():
    with started("vllm", "--served-model-name", "a", "b") as made:
        with closing(http.client.HTTPConnection(*made.server_address)) as connection:
            connection.request("GET", "/v1/models")
            listed = json.load(connection.getresponse())
        assert [one["id"] for one in listed["data"]] == ["a", "b"]
        assert [ask(made, model=model)[0] for model in ("a", "b", MODEL)] == [200, 200, 404]


LORA = ("--served-model-name", "base", "--enable-lora", "--max-loras", "2", "--max-lora-rank", "16", "--lora-modules")


def test_adapters_that_it_was_started_with_are_listed_and_answer_by_their_names():
    with started("vllm", *LORA, "sql=/models/sql", "acme/chat=/models/chat") as made:
        with closing(http.client.HTTPConnection(*made.server_address)) as connection:
            connection.request("GET", "/v1/models")
            listed = json.load(connection.getresponse())["data"]
        found = [(one["id"], one["root"], one["parent"]) for one in listed]
        assert found == [("base", MODEL, None), ("sql", "/models/sql", "base"), ("acme/chat", "/models/chat", "base")]
        for name in ("base", "sql", "acme/chat"):
            status, _, body = ask(made, model=name)
            assert (status, json.loads(body)["model"]) == (200, name)
        assert ask(made, model="other")[0] == 404


@pytest.mark.parametrize(
    "given", [("sql",), ("sql=models/sql",), ("a=/a", "a=/b"), ("a=/a", "b=/b", "c=/c"), ("a=/a,b",)], ids=" ".join
)
def test_adapters_that_a_real_engine_would_not_load_are_refused(given):
    with pytest.raises(SystemExit):
        server([*WORDS["vllm"], *LORA, *given])


def test_a_prefix_that_came_before_is_in_the_cache(vllm):
    prompt = "word " * 100
    hits = []
    for end in ("first", "second", "first"):
        _, headers, _ = ask(vllm, messages=[{"role": "user", "content": prompt + end}])
        hits.append(int(headers[HITS]))
    assert hits == [0, 96, 96]
    assert value(vllm, "vllm:prefix_cache_hits_total") == 192
    assert value(vllm, "vllm:prefix_cache_queries_total") == 303


def test_a_part_of_the_requests_fails_as_commanded(vllm):
    vllm.command({"status": 500, "failing": 0.25})
    replies = [ask(vllm) for _ in range(8)]
    assert [status for status, _, _ in replies] == [200, 200, 200, 500] * 2
    error = json.loads(replies[3][2])["error"]
    assert (error["type"], error["code"]) == ("InternalServerError", 500)
    until(lambda: value(vllm, "http_requests_total", status="5xx") == 2)


def test_tokens_come_one_by_one_and_take_the_time_commanded(vllm):
    vllm.command({"first_token_seconds": 0.1, "token_seconds": 0.05})
    began, arrived = time.monotonic(), []
    with closing(http.client.HTTPConnection(*vllm.server_address)) as connection:
        asked = {"model": MODEL, "messages": [], "max_tokens": 4, "stream": True}
        connection.request("POST", CHAT, json.dumps(asked))
        reply = connection.getresponse()
        while line := reply.readline():
            if line.startswith(b"data: {"):
                arrived.append(time.monotonic() - began)
    assert len(arrived) == 5
    assert arrived[1] >= 0.1
    assert arrived[4] - arrived[1] >= 0.14  # three times 0.05


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_ends_its_request(vllm, stream):
    vllm.command({"first_token_seconds": 30})
    with closing(http.client.HTTPConnection(*vllm.server_address)) as connection:
        connection.request("POST", CHAT, json.dumps({"messages": [], "stream": stream}))
        until(lambda: value(vllm, "vllm:num_requests_running") == 1)
    until(lambda: value(vllm, "vllm:num_requests_running") == 0)
    assert value(vllm, "vllm:request_success_total", finished_reason="abort") == 1


def test_what_is_too_much_at_once_waits(vllm):
    vllm.command({"parallel": 1, "first_token_seconds": 0.3})
    threads = [threading.Thread(target=ask, args=(vllm,)) for _ in range(2)]
    for each in threads:
        each.start()
    until(lambda: value(vllm, "vllm:num_requests_waiting") == 1)
    for each in threads:
        each.join()
    until(lambda: value(vllm, "vllm:request_success_total") == 2)
    assert value(vllm, "vllm:num_requests_waiting") == 0


def test_an_unknown_command_is_refused_and_changes_nothing(vllm):
    status, _, body = ask(vllm, "/simulation", token_seconds=3)
    assert status == 400
    assert "there are no commands messages, model: " in json.loads(body)["error"]["message"]
    assert vllm.behaviour.token_seconds == 0


def test_it_is_unhealthy_on_command(vllm):
    vllm.command({"healthy": False})
    with closing(http.client.HTTPConnection(*vllm.server_address)) as connection:
        connection.request("GET", "/health")
        assert connection.getresponse().status == 503


def test_what_it_was_asked_can_be_read(vllm):
    ask(vllm)
    with closing(http.client.HTTPConnection(*vllm.server_address)) as connection:
        connection.request("GET", "/simulation")
        [one] = json.load(connection.getresponse())["requests"]
    assert (one["path"], one["tokens"], one["cached"]) == (CHAT, 1, 0)
    assert one["headers"]["host"].startswith("127.0.0.1")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["vllm", "serve", MODEL, "--no-such-flag=3"], 2),
        (["vllm", "bench"], "simulated: vllm bench starts no engine"),
        (["vllm", "serve"], "simulated: vLLM is given no model"),
        (["python3", "-m", "sglang.launch_server", "--port", "1"], "simulated: SGLang is given no model"),
    ],
)
def test_a_command_line_that_the_engine_refuses_ends_it(words, code):
    with pytest.raises(SystemExit) as ended:
        server(words)
    assert ended.value.code == code


@pytest.mark.parametrize(
    ("tag", "words"), [("v1-out-of-memory", behaviour.LAST_WORDS), ("crash-loop", "simulated: it ends")]
)
def test_the_tag_of_the_image_has_it_end(tag, words, monkeypatch, capsys):
    monkeypatch.setenv(behaviour.IMAGE, f"registry:5000/vllm:{tag}")
    with pytest.raises(SystemExit) as ended:
        main(WORDS["vllm"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.strip() == words


@pytest.mark.parametrize(
    ("image", "start"),
    [
        ("vllm/vllm-openai:v0.33.0", behaviour.Start()),
        ("registry:5000/never-ready", behaviour.Start()),  # no tag
        ("vllm:v1-loads-in-5s", behaviour.Start(load_seconds=5)),
        ("vllm:never-ready", behaviour.Start(ready=False)),
        ("vllm:v2-answers-in-50ms", behaviour.Start(commands={"first_token_seconds": 0.05})),
        ("vllm:v1-runs-3-at-once", behaviour.Start(commands={"parallel": 3})),
        ("vllm:v1-token-every-80ms", behaviour.Start(commands={"token_seconds": 0.08})),
        ("vllm:v2-fails-half", behaviour.Start(commands={"status": 500, "failing": 0.5})),
    ],
)
def test_the_tag_of_the_image_commands_how_it_starts(image, start):
    assert behaviour.start(image) == start


def until(holds, seconds=10):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
