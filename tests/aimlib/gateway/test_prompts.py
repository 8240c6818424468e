"""The count of prompts, by the Lua that Envoy has, beside what Python reads of the same bodies."""

import json
import time

import lupa.lua51
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.gateway.prompts import MOST_PROMPTS, PROMPTS, SCANNED_BYTES

LUA = lupa.lua51.LuaRuntime(encoding=None)
COUNT = LUA.execute(
    f"""{PROMPTS}
    return function(text)
      return prompts({{
        length = function() return #text end,
        getBytes = function(_, first, count) return string.sub(text, first + 1, first + count) end,
      }})
    end""".encode()
)


def count(body):
    return COUNT(body if isinstance(body, bytes) else json.dumps(body).encode())


def expected(prompt):
    """As engines read the field."""
    if not isinstance(prompt, list):
        return 1
    return max(1, sum(isinstance(one, str | list) for one in prompt))


TEXTS = st.text(max_size=8) | st.sampled_from(['"', "\\", '\\"', "[", '],["', "prompt", '{"prompt": ["a", "b"]}'])
TOKENS = st.lists(st.integers(0, 300_000), max_size=4)
PROMPT = TEXTS | TOKENS | st.lists(TEXTS, max_size=6) | st.lists(TOKENS, max_size=6)
OTHERS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = TEXTS.filter(lambda name: name not in {"prompt", "prompt_embeds"} and json.dumps(name) == f'"{name}"')


@given(st.dictionaries(NAMES, OTHERS, max_size=4), PROMPT, st.dictionaries(NAMES, OTHERS, max_size=4), st.booleans())
def test_each_prompt_counts_wherever_it_stands(before, prompt, after, ascii_only):
    body = json.dumps({**before, "prompt": prompt, **after}, ensure_ascii=ascii_only)
    assert count(body.encode("utf-8", "replace")) == expected(prompt)


@given(st.lists(TEXTS, max_size=6), st.integers(0, 60))
def test_a_piece_may_end_anywhere(prompt, before_end):
    body = {"x": "", "prompt": prompt, "y": ['"']}
    body["x"] = "x" * (SCANNED_BYTES - before_end)
    assert count(body) == expected(prompt)


@pytest.mark.parametrize(
    ("body", "least"),
    [
        (b'{"pr\\u006fmpt": ["a", "b", "c"]}', 3),
        (b'{"prompt": "a", "prompt": ["a", "b", "c"]}', 3),
        (b'{"prompt": ["a", "b", "c"], "prompt": "a"}', 3),
        (b'{"prompt": null, "prompt_embeds": ["eA==", "eQ=="]}', 2),
        (b'{"prompt"  :\n[\t"a",\r"b"]}', 2),
        (b'{"a:": [{"prompt": ["x"]}], "prompt": [[1, 2], [3], "b"]}', 3),
    ],
)
def test_no_way_to_write_it_hides_a_prompt(body, least):
    assert count(body) >= least


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"]" * 9, b'"', b"\\", b'{"prompt": ["', b'{"prompt": [1, 2', b"null", b"{}", b'"\\'],
    ids=repr,
)
def test_what_is_no_request_counts_as_one(body):
    assert 1 <= count(body) <= 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt": [' + b'"",' * 300_000 + b'""]}',
        b'{"x": [' + b"[" * 2_000_000,
        b'{"x": "' + b"\\n" * 2_000_000 + b'", "prompt": "a"}',
        b"{" + b":,{" * 1_000_000,
    ],
    ids=["prompts", "brackets", "escapes", "signs"],
)
def test_one_that_takes_too_many_steps_counts_as_the_most(body):
    began = time.monotonic()
    assert count(body) == MOST_PROMPTS
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("prompt", ["x" * 30_000_000, list(range(1_000_000))], ids=["a long text", "many tokens"])
def test_one_long_prompt_is_one(prompt):
    assert count({"prompt": prompt}) == 1
