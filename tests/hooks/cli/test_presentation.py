"""Tables, YAML for kubectl, and explanations that stand without a decision."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from kubernetes import client

from aimlib.api import API_VERSION
from aimlib.api.endpoint_status import Candidate
from aimlib.schema.manifests import parse_yaml
from hooks.cli import cluster, terminal
from hooks.cli.formats import one_or_list, yaml_document
from hooks.cli.printing import print_explanation
from hooks.cli.summary import plan_rows
from hooks.cli.tables import table
from hooks.planning.explanation import explanation_of
from hooks.planning.numbers import counts, numbers_of
from tests.cases import cases
from tests.playing import play

ENDPOINT = {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": "it"}, "spec": {"modelId": "a/b"}}


def test_a_table_has_columns_as_wide_as_they_must_be():
    assert table(("A", "LONG", "C"), [("xxxx", 1, "y"), (None, "", "two\nlines")]) == (
        "A     LONG  C\nxxxx  1     y\n-     -     two lines"
    )


def test_a_tables_last_column_is_wrapped_under_itself():
    words = "some words that are too long for one line of it"
    lines = table(("A", "B"), [("x", words)], 40).splitlines()
    assert lines == ["A  B", "x  some words that are too long for one", "   line of it"]


def test_a_terminal_without_room_gets_the_last_column_below_each_row_that_is_too_long():
    lines = table(("A", "B"), [("x" * 30, "word " * 10), ("y", "12345678"), ("y", "123456789")], 40).splitlines()
    assert lines[:1] + lines[4:] == [f"A{' ' * 31}B", f"y{' ' * 31}12345678", "y", "    123456789"]
    assert lines[1:4] == ["x" * 30, "    word word word word word word word", "    word word word"]


def test_a_terminal_without_room_does_without_columns_as_far_as_needed():
    rows = [("x" * 10, "y" * 10, "z" * 10, "word")]
    cut = [table(("A", "B", "C", "D"), rows, width, ("B", "A")).splitlines()[0].split() for width in (40, 39, 16)]
    assert cut == [["A", "B", "C", "D"], ["A", "C", "D"], ["C", "D"]]
    assert table(("A", "C", "D"), [row[1:] for row in rows], 15, ("A",)).splitlines()[1:] == ["z" * 10, "    word"]


def test_a_number_is_only_what_a_text_begins_with():
    def numbers(**fields):
        return numbers_of(Candidate.model_validate({"recipe": "r", "gpuCount": 1, **fields}))

    def term(name, value):
        return numbers(score=[{"name": name, "value": value}])

    latency = "12.5 ms per token, the first after 310 ms (predicted; x)"
    assert term("latency", latency) == {"latencyMs": 12.5, "firstTokenMs": 310}
    assert term("throughput", "900 tokens/s (chat; x)") == {"tokensPerSecond": 900}
    assert term("cost", "900 tokens/s per GPU (chat; x)") == {"tokensPerSecondPerGPU": 900}
    assert term("cost", "0.53 per million tokens at 2 per GPU hour (x)") == {"pricePerMillionTokens": 0.53}
    assert term("speed", "900 tokens/s per GPU (predicted; x)") == {"tokensPerSecondPerGPU": 900}
    assert term("cost", "no prediction") == term("new", "1 GPU") == {}
    assert numbers(rule="nodes", asked="16 GPUs on one node", found="at most 8") == {
        "requestedNumber": 16,
        "availableNumber": 8,
    }
    assert numbers(rule="hardware", asked="4bit", found=None) == {}
    assert (counts("1, 2,4"), counts(None)) == ([1, 2, 4], [])


@pytest.mark.parametrize(
    "text",
    ["1e3", "12e5", "0o7", "010", "1_0", "y", "N", "yes", "off", "true", "null", "~", "1.5", ".5", "+1", "2026-11-01"],
)
def test_texts_that_other_parsers_take_for_something_else_are_quoted(text):
    assert yaml_document({"a": text}) == f"---\na: '{text}'\n"


@pytest.mark.parametrize("text", ["80Gi", "qwen3-32b", "v0.14.0", "1.2.3", "/metrics", "yellow", "1e", "no-one"])
def test_texts_that_are_nothing_else_stand_plain(text):
    assert yaml_document({"a": text}) == f"---\na: {text}\n"


@given(st.text("-+._0123456789eExXoObBfFyYnN~=<>:", min_size=1, max_size=8))
@example("+_1")
@example("0X4")
@example("1e_0")
def test_a_text_stays_one_whatever_it_looks_like(text):
    [(found, _)] = parse_yaml("a text", yaml_document({"a": text, text: text}).encode())
    assert found == {"a": text, text: text}


def test_a_document_has_no_anchors_and_its_title_is_one_line():
    shared = {"b": 1}
    text = yaml_document({"x": shared, "y": shared}, "two\nlines")
    assert text.startswith("---\n# two lines\nx:")
    assert "&" not in text
    assert yaml.safe_load(text) == {"x": shared, "y": shared}


def test_one_object_is_itself_and_several_are_a_list():
    assert one_or_list([ENDPOINT]) is ENDPOINT
    assert one_or_list([ENDPOINT, ENDPOINT])["kind"] == "List"


def test_an_endpoint_without_a_decision_shows_its_message():
    waiting = explanation_of(ENDPOINT, {"message": "waiting for the AIMInventory"}, ())
    assert (waiting.fits, waiting.any_considered, waiting.stored) == (False, True, False)
    assert waiting.message == "waiting for the AIMInventory"
    assert waiting.rows() == []
    assert "candidates" not in waiting.data()
    assert explanation_of(ENDPOINT, {}, ()).message == "no decision has been made yet"


def test_what_the_cluster_finds_of_a_models_files_is_part_of_the_message():
    selection = {"decidedFor": "x", "message": "no recipe for model acme/it", "considered": 0}
    inspection = {"repository": "acme/it", "revision": "main", "state": "Failed", "message": "acme/it is gated"}
    status = {"model": "acme/it", "selection": selection, "inspection": inspection}
    stored = explanation_of({**ENDPOINT, "status": status}, status, ())
    assert stored.message == "no recipe for model acme/it; acme/it is gated"
    assert explanation_of(ENDPOINT, status, ()).message == (
        "no recipe for model acme/it; in the cluster a Job reads its files, and candidates are derived from what it "
        "finds; here, `aim model inspect acme/it` writes what `aim explain -f` takes besides"
    )


def test_the_problem_of_a_running_endpoint_is_printed_once(capsys):
    conditions = [
        {"type": "Ready", "status": "False", "reason": "Stopped", "message": "spec.replicas is 0"},
        {"type": "RecipeSelected", "status": "True", "reason": "Selected", "message": "chosen"},
        {"type": "Available", "status": "False", "reason": "Stopped", "message": "spec.replicas is 0"},
    ]
    status = {"selection": {"decidedFor": "x", "message": "chosen", "considered": 3}, "conditions": conditions}
    print_explanation(explanation_of({**ENDPOINT, "status": status}, status, ()), wide=False)
    assert capsys.readouterr().out.splitlines() == [
        "AIMEndpoint default/it: 0 of 3 candidates are listed; --fresh evaluates and lists all.",
        "AIMEndpoint default/it: chosen",
        "AIMEndpoint default/it: Ready is False, Stopped: spec.replicas is 0",
    ]


def test_the_metrics_of_a_running_endpoint_are_a_line(capsys):
    status = {"message": "1 of 1 replicas ready", "metrics": {"throughput": 12, "requestsRunning": 0}}
    print_explanation(explanation_of({**ENDPOINT, "status": status}, status, ()), wide=False)
    assert capsys.readouterr().out.splitlines()[-1] == "AIMEndpoint default/it: Metrics: 12 requests/s, 0 running"


def test_an_error_of_the_api_server_is_shown_with_or_without_a_message():
    assert cluster._error_message(client.ApiException(status=503, reason="Unavailable")) == "503 Unavailable"
    refused = client.ApiException(status=0)
    head = "the port of the pod is not forwarded: 403 Forbidden: "
    for body, shown in (("no \n pod", "no pod"), ('{"message": "it may not"}', "it may not"), ("x" * 999, "x" * 200)):
        refused.reason = f"Handshake status 403 Forbidden -+-+- {{'a': 'b'}} -+-+- {body}"
        assert cluster._error_message(refused) == head + shown
    answer = client.ApiException(status=403, reason="Forbidden")
    answer.body = '{"message": "it may not"}'
    assert cluster._error_message(answer) == "it may not"


def test_a_candidate_whose_recipe_is_deleted_still_has_a_verdict():
    selection = {"decidedFor": "x", "message": "m", "considered": 1, "candidates": [{"recipe": "r", "gpuCount": 1}]}
    [row] = explanation_of(ENDPOINT, {"selection": selection}, ()).rows()
    assert row == (None, "r", 1, None, None, None, "")


def test_a_child_of_any_kind_has_a_row():
    assert list(plan_rows([{"kind": "New", "metadata": {"name": "a", "namespace": "b"}}])) == [("b", "New", "a", None)]


@pytest.mark.parametrize(
    ("case", "details"),
    [
        (
            "a-replica-on-two-nodes-is-a-group-whose-leader-answers",
            {"LeaderWorkerSet": "1 x 2 nodes, each vllm/vllm-openai-rocm:v0.33.0: cpu 32, memory 512Gi, amd.com/gpu 8"},
        ),
        (
            "two-partitions-of-one-gpu-are-asked-for-by-one-resourceclaim",
            {"ResourceClaimTemplate": "2 x MI300X cpx_nps4 by gpu.amd.com"},
        ),
    ],
)
def test_what_a_child_asks_for_is_in_its_row(case, details):
    [found] = [one for one in cases() if str(one) == f"endpoint/sync/{case}"]
    rows = plan_rows(play(found.kind, found.hook, found.world).answer.said["children"])
    assert details.items() <= {kind: detail for _, kind, _, detail in rows}.items()


def test_on_a_terminal_sentences_are_wrapped_and_have_colours(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal.show_sentence("a sentence that is too long\x1b[2J", style=terminal.WARNING)
    assert capsys.readouterr().out == "\x1b[33ma sentence that is\n  too long[2J\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.show_sentence("short", style=terminal.WARNING)
    assert capsys.readouterr().out == "short\n"
