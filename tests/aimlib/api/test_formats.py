"""One grammar for each field: what the CRD accepts is parsed, and what is refused is refused by both."""

import re
from contextlib import nullcontext, suppress
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from aimlib.api import formats
from aimlib.api.formats import FORMATS
from aimlib.schema.validation import BOUNDS
from tests.schema import definitions

NAMES = {one: name for name, one in vars(formats).items() if isinstance(one, formats.TextFormat)}
FIXED = {r"^gateway\.networking\.k8s\.io$", r"^[0-9]+%?$"}
"""Patterns of one group, and of numbers or percentages, beside the table."""
by_format = pytest.mark.parametrize("one", FORMATS, ids=NAMES.get)
PIECES = st.sampled_from([*"aZ09 .:/@%$()[]-_=+~\\?#*\n\t\0é٣\u2028", "..", "//", "Gi", "e9", "https://", "d", "main"])


def accepted(one, text):
    """Whether pydantic accepts a text, as the models do."""
    try:
        TypeAdapter(Annotated[str, one.field]).validate_python(text)
    except ValidationError:
        return False
    return True


def bounded(one, text):
    return (one.shortest or 0) <= len(text) <= one.longest


def test_the_table_is_whole():
    assert {*FORMATS} == {*NAMES}


@by_format
def test_whatever_the_pattern_accepts_is_parsed_or_refused_in_words(one):
    @settings(max_examples=60)
    @given(st.from_regex(one.pattern, fullmatch=True).map(lambda text: text.removesuffix("\n")))
    def check(text):
        assert accepted(one, text) == bounded(one, text)
        if bounded(one, text):
            with suppress(ValueError) if one is formats.URL else nullcontext():
                one.parse(text)

    check()


@pytest.mark.parametrize("text", ["Qwen/../evil/x", "Qwen/..", "a/./b", "a//b", "a/", "/a", "a/.b"])
def test_the_id_of_a_model_leaves_no_folder(text):
    assert not accepted(formats.MODEL_ID, text)
    assert accepted(formats.MODEL_ID, f"a{text.replace('/', '_')}")


@by_format
def test_the_schema_and_the_models_accept_the_same_texts(one):
    """The schema as `aim plan` reads it; its pattern in Python is that of RE2, save for the end of the text."""
    holds = next(holds for keyword, holds, _ in BOUNDS if keyword == "pattern")

    @settings(max_examples=60)
    @given(st.lists(PIECES, max_size=6).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
    def check(text):
        matches = bool(re.search(rf"{one.pattern[:-1]}\Z", text))
        assert holds(text, one.pattern) == matches
        assert accepted(one, text) == (matches and bounded(one, text))

    check()


@pytest.mark.parametrize("pattern", [one.pattern for one in FORMATS], ids=str)
def test_a_pattern_means_the_same_in_every_engine(pattern):
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    classless = re.sub(r"\[(?:\\.|[^\]\\])*\]", "[]", pattern)
    assert not re.search(r"\\[a-zA-Z]", pattern.replace(r"\x", "")), "a class such as \\d differs between engines"
    assert not re.search(r"(?<!\\)\.", classless), "a dot matches more in one engine than in another"


def texts(schema):
    """All schemas of texts within one."""
    if schema.get("type") == "string" or "pattern" in schema:
        yield schema
    for inner in (*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")):
        yield from texts(inner) if isinstance(inner, dict) else ()


def specs():
    for (_, kind), spec in definitions().items():
        for version in spec["versions"]:
            yield kind, version["schema"]["openAPIV3Schema"]["properties"]


def test_every_pattern_of_a_crd_stands_in_the_table():
    found = {
        one["pattern"] for _, parts in specs() for part in parts.values() for one in texts(part) if "pattern" in one
    }
    assert found - FIXED == {one.pattern for one in FORMATS}


def test_every_text_of_a_spec_is_bounded():
    for kind, parts in specs():
        loose = [
            one for one in texts(parts["spec"]) if not {"maxLength", "enum", "x-kubernetes-int-or-string"} & one.keys()
        ]
        assert kind == "AIMNode" or not loose, kind


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (formats.REVISION, "--trust-remote-code"),
        (formats.REVISION, "a/../b"),
        (formats.REVISION, "main\n"),
        (formats.URL, "http://evil\\@hub.example.com/"),
        (formats.URL, "http://hub.example.com /"),
        (formats.URL, "ftp://hub.example.com"),
        (formats.CONTAINER_PATH, "/a:b"),
        (formats.CONTAINER_PATH, "/a\x1b[31m"),
        (formats.FILE_PATTERN, "*.json\x00"),
        (formats.DURATION, "1d12h"),
        (formats.OBJECT_KEY, "a/b"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(one, text):
    assert not accepted(one, text)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (formats.REVISION, "refs/pr/7"),
        (formats.REVISION, "v1.0+cu12"),
        (formats.URL, "http://user:p%40ss@proxy.example.com:3128"),
        (formats.URL, "https://[2001:db8::1]:8443/hub?x=1#y"),
        (formats.URL, "http://localhost:8080"),
        (formats.CONTAINER_PATH, "/"),
    ],
)
def test_what_is_in_use_is_accepted(one, text):
    assert accepted(one, text)
    one.parse(text)
