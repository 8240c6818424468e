"""Tables, YAML for kubectl, and explanations that stand without a decision."""

import pytest
import yaml

from aimlib.api import API_VERSION
from hooks.explanation import explained
from hooks.formats import one_or_listed, yaml_document
from hooks.summary import plan_rows
from hooks.tables import table

ENDPOINT = {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": "it"}, "spec": {"modelId": "a/b"}}


def test_a_table_has_columns_as_wide_as_they_must_be():
    assert table(("A", "LONG", "C"), [("xxxx", 1, "y"), (None, "", "two\nlines")]) == (
        "A     LONG  C\nxxxx  1     y\n-     -     two lines"
    )


def test_a_tables_last_column_is_wrapped_under_itself():
    words = "some words that are too long for one line of it"
    lines = table(("A", "B"), [("x", words)], 40).splitlines()
    assert lines == ["A  B", "x  some words that are too long for one", "   line of it"]


def test_a_terminal_without_room_gets_long_lines():
    assert len(table(("A", "B"), [("x" * 30, "word " * 20)], 40).splitlines()) == 2


@pytest.mark.parametrize(
    "text",
    ["1e3", "12e5", "0o7", "010", "1_0", "y", "N", "yes", "off", "true", "null", "~", "1.5", ".5", "+1", "2026-11-01"],
)
def test_texts_that_other_parsers_take_for_something_else_are_quoted(text):
    assert yaml_document({"a": text}) == f"---\na: '{text}'\n"


@pytest.mark.parametrize("text", ["80Gi", "qwen3-32b", "v0.14.0", "1.2.3", "/metrics", "yellow", "1e", "no-one"])
def test_texts_that_are_nothing_else_stand_plain(text):
    assert yaml_document({"a": text}) == f"---\na: {text}\n"


def test_a_document_has_no_anchors_and_its_title_is_one_line():
    shared = {"b": 1}
    text = yaml_document({"x": shared, "y": shared}, "two\nlines")
    assert text.startswith("---\n# two lines\nx:")
    assert "&" not in text
    assert yaml.safe_load(text) == {"x": shared, "y": shared}


def test_one_object_is_itself_and_several_are_a_list():
    assert one_or_listed([ENDPOINT]) is ENDPOINT
    assert one_or_listed([ENDPOINT, ENDPOINT])["kind"] == "List"


def test_an_endpoint_without_a_decision_says_what_it_waits_for():
    waiting = explained(ENDPOINT, {"message": "waiting for the AIMInventory"}, ())
    assert (waiting.fits, waiting.known, waiting.stored) == (False, True, False)
    assert waiting.message == "waiting for the AIMInventory"
    assert waiting.rows() == []
    assert "candidates" not in waiting.data()
    assert explained(ENDPOINT, {}, ()).message == "nothing was decided yet"


def test_a_candidate_whose_recipe_is_gone_keeps_its_verdict():
    selection = {"decidedFor": "x", "message": "m", "considered": 1, "candidates": [{"recipe": "r", "gpuCount": 1}]}
    [row] = explained(ENDPOINT, {"selection": selection}, ()).rows()
    assert row == (None, "r", 1, None, None, None, "")


def test_a_child_of_any_kind_has_a_row():
    assert list(plan_rows([{"kind": "New", "metadata": {"name": "a", "namespace": "b"}}])) == [("b", "New", "a", None)]
