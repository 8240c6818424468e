"""Chats: answers that arrive in pieces, how fast they were, and everything that may end them."""

import io
import sys
from types import SimpleNamespace

import pytest

from hooks.cli import clock, cluster
from hooks.cli.answers import AnswerFigures
from hooks.cli.conversation import Chat, find_name
from hooks.cli.endpoint_group import chat_command
from hooks.cli.errors import CommandError
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import MODEL, READY, Engine, StandInCluster, pod, stored


@pytest.fixture
def standin(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(clock, "seconds", lambda: next(ticks))
    with Engine() as engine:
        made = StandInCluster(stored(), pods=[pod("old", ready="False"), pod()], server=engine)
        monkeypatch.setattr(cluster, "LiveCluster", lambda *_: made)
        yield made


def typed(monkeypatch, *lines):
    """What somebody writes at the prompt; an exception is what a key does."""
    waiting = iter(lines)

    def read(_prompt):
        line = next(waiting, EOFError())
        if isinstance(line, BaseException):
            raise line
        return line

    monkeypatch.setattr("builtins.input", read)


def test_one_question_prints_the_answer_and_its_figures(standin):
    done = aim("chat", "it", "-p", "Hi")
    assert (done.exit_code, done.stdout) == (0, "Hello\n")
    assert done.stderr == "2 tokens, the first after 1000 ms, 1.0 tokens/s\n"
    assert standin.server.requests == [
        {
            "model": MODEL,
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    assert standin.opened == [("it-1", 8000)] * 2


def test_a_question_comes_through_a_pipe(standin):
    assert aim("chat", MODEL, input="What is\nthis?").exit_code == 0
    assert standin.server.requests[0]["messages"][0]["content"] == "What is\nthis?"


def test_on_a_terminal_it_is_a_conversation(standin, monkeypatch):
    typed(monkeypatch, "Hi")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(SystemExit) as end:
        chat_command.callback(name="it", prompt=None, context=None, kubeconfig=None, namespace=None)
    assert end.value.code == 0
    assert len(standin.server.requests) == 1


def test_a_conversation_is_kept_and_begun_anew(standin, monkeypatch, capsys):
    typed(monkeypatch, "Hi", "", "And?", "/new", "Again")
    Chat(standin, "it").converse()
    assert [[one["content"] for one in sent["messages"]] for sent in standin.server.requests] == [
        ["Hi"],
        ["Hi", "Hello", "And?"],
        ["Again"],
    ]
    assert capsys.readouterr().err.startswith(f"{MODEL}, served by it. Ctrl-C stops an answer")


def test_control_c_stops_the_answer_and_not_the_chat(standin, monkeypatch):
    typed(monkeypatch, "Hi", KeyboardInterrupt(), "Again")
    flushes = []

    def flush():
        flushes.append(1)
        if len(flushes) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys.stdout, "flush", flush)
    chat = Chat(standin, "it")
    chat.converse()
    assert [one["content"] for one in chat.messages] == ["Hi", "Hel", "Again", "Hello"]


def test_reasoning_is_printed_and_not_sent_back(standin):
    standin.server.events = [
        {"choices": [{"delta": {"reasoning": "hm "}}]},
        {"choices": [{"delta": {"content": "yes"}}]},
    ]
    chat = Chat(standin, "it")
    chat.ask("Hi")
    assert chat.messages[-1]["content"] == "yes"


def test_what_controls_a_terminal_is_not_printed(standin):
    standin.server.events = [{"choices": [{"delta": {"content": "\x1b[2Jx"}}]}]
    assert aim("chat", "it", "-p", "Hi").stdout == "[2Jx\n"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (b'{"error": {"message": "too long"}}', "too long"),
        (b'{"object": "error", "message": "too long"}', "too long"),
        (b'["odd"]', "['odd']"),
        (b"not json", "not json"),
    ],
)
def test_what_the_server_refuses_is_shown_and_the_question_is_forgotten(standin, error, shown, monkeypatch, capsys):
    standin.server.status, standin.server.error = 400, error
    done = aim("chat", "it", "-p", "Hi")
    assert (done.exit_code, done.stderr) == (1, f"Error: the model server returned 400: {shown}\n")
    typed(monkeypatch, "Hi")
    chat = Chat(standin, "it")
    chat.converse()
    assert chat.messages == []
    assert shown in capsys.readouterr().err


def test_an_error_within_a_stream_ends_it(standin):
    standin.server.events = [{"error": {"message": "engine died"}}]
    assert "the model server stopped: engine died" in aim("chat", "it", "-p", "Hi").stderr


def test_a_stream_that_ends_without_a_token(standin):
    standin.server.events = ["not json"]
    done = aim("chat", "it", "-p", "Hi")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "\n", "")


def test_a_server_that_lists_no_model(standin):
    standin.server.models = {}
    assert "lists no model" in aim("chat", "it", "-p", "Hi").stderr


def test_a_connection_that_is_refused(standin):
    standin.server.__exit__()
    done = aim("chat", "it", "-p", "Hi")
    assert done.exit_code == 1
    assert "the connection to the model server ended: " in done.stderr


def test_without_a_ready_replica_the_phase_is_shown(standin):
    standin.its_pods = [pod(ready="False"), {"metadata": {"name": "new"}}]
    assert "no replica of it is ready: Ready: " in aim("chat", "it", "-p", "Hi").stderr


def test_a_model_means_the_endpoint_that_serves_it():
    long = stored("long", status={})
    long["spec"] = {"model": {"id": "c/d"}}
    found = StandInCluster(stored("a", status={}), stored("b", status=READY), long)
    assert [find_name(found, word) for word in ("x", MODEL, "c/d")] == ["x", "b", "long"]
    with pytest.raises(CommandError, match="`aim run e/f` starts one"):
        find_name(found, "e/f")


def test_figures_of_one_token_have_no_rate():
    assert AnswerFigures(1, 0.5, 2.0).text == "1 tokens, the first after 500 ms"
    assert AnswerFigures(3, 2.0, 2.0).text == "3 tokens, the first after 2000 ms"
