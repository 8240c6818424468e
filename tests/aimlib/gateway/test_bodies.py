"""What the script of a listener makes of bodies, by the Lua that Envoy has: tokens of requests and of answers."""

import json
import time

import lupa.lua51
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.gateway.attachments import ATTACHED, ATTACHMENT_BYTES, BYTES_PER_BYTE
from aimlib.gateway.listener import listener
from aimlib.gateway.prompts import SCANNED_BYTES
from aimlib.gateway.table import ModelTable
from aimlib.gateway.usage import BYTES_PER_TOKEN, USUAL_TOKENS

TABLE = {"limits": [{"client": "red", "reservedTokensPerMinute": 6000}]}
HANDLE = """
  local function buffer(text)
    return {
      length = function() return #text end,
      getBytes = function(_, first, count) return string.sub(text, first + 1, first + count) end,
    }
  end
  local function handle(headers, metadata, body, pieces)
    local at = 0
    return {
      body = function() return body and buffer(body) end,
      headers = function()
        return {get = function(_, name) return headers[name] end, add = function() end, replace = function() end}
      end,
      streamInfo = function()
        return {dynamicMetadata = function()
          return {
            get = function(_, name) return metadata end,
            set = function(_, _, name, value) metadata[name] = value end,
          }
        end}
      end,
      bodyChunks = function()
        return function() at = at + 1; return pieces[at] and buffer(pieces[at]) end
      end,
      clearRouteCache = function() end,
    }
  end
"""
CHAT = "/v1/chat/completions"
PICTURE = "data:image/jpeg;base64," + "iVBORw0KGgo/" * 200_000


def script():
    """That of a gateway with a limit of tokens."""
    made = listener(ModelTable.model_validate(TABLE), ["red"], "::", 8080, "/gateway")
    filters = made["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    found = next(one for one in filters if one["name"] == "bodies")["typed_config"]
    return found["extension_config"]["typed_config"]["default_source_code"]["inline_string"]


LUA = lupa.lua51.LuaRuntime(encoding=None)
REQUESTED, ANSWERED = LUA.execute(
    f"""{script()}
    {HANDLE}
    return function(headers, metadata, body) envoy_on_request(handle(headers, metadata, body)); return metadata end,
      function(headers, metadata, pieces)
        envoy_on_response(handle(headers, metadata, nil, pieces)); return metadata
      end""".encode()
)
BYTES = LUA.execute(f"{ATTACHED} {HANDLE} return function(text) return attached(buffer(text)) end".encode())


def lua(found):
    return LUA.table_from({name.encode(): one.encode() if isinstance(one, str) else one for name, one in found.items()})


def python(table):
    return {name.decode(): one.decode() if isinstance(one, bytes) else one for name, one in table.items()}


def requested(body, path=CHAT, **stated):
    """The tokens of a request, as the script finds them."""
    headers = {":path": path, "content-type": "application/json"}
    text = json.dumps(body).encode()
    return python(REQUESTED(lua(headers), lua({"model": "m", **stated}), text))


def answered(*pieces, kind="text/event-stream", **metadata):
    """The tokens of an answer in these pieces."""
    headers = lua({":status": "200", "content-type": kind})
    return python(ANSWERED(headers, lua(metadata), LUA.table_from([one.encode() for one in pieces])))


def counted(*pieces, kind="text/event-stream"):
    """Tokens of the prompt and of the answer, and whether they are estimates."""
    found = answered(*pieces, kind=kind, prompt_tokens=7, generated_tokens=0, estimated="true")
    return found["prompt_tokens"], found["generated_tokens"], found["estimated"]


def with_parts(*parts):
    return {"model": "m", "messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, with_parts({"type": "image_url", "image_url": {"url": PICTURE}})),
        (CHAT, with_parts({"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}})),
        ("/v1/messages", with_parts({"type": "image", "source": {"type": "base64", "data": PICTURE}})),
        (
            "/v1/responses",
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": PICTURE}]}]},
        ),
    ],
    ids=["chat", "sound", "messages", "responses"],
)
def test_a_picture_is_no_text(path, body):
    found = requested(body, path)
    assert USUAL_TOKENS <= found["prompt_tokens"] < 4000
    assert found["reserved"] == found["prompt_tokens"] + USUAL_TOKENS


@pytest.mark.parametrize(
    "body",
    [
        with_parts({"type": "text", "text": PICTURE}),
        {"messages": [{"role": "user", "content": PICTURE}]},
        {"messages": [], "tools": [{"function": {"parameters": {"content": [{"url": PICTURE}]}}}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"data": PICTURE}}]}]},
        {"content": [{"content": [{"url": PICTURE}]}]},
        {"prompt_embeds": PICTURE},
    ],
    ids=["text", "content", "tools", "calls", "elsewhere", "embeds"],
)
def test_what_an_engine_may_put_into_a_prompt_is_text(body):
    assert requested(body)["prompt_tokens"] >= len(PICTURE) / BYTES_PER_TOKEN


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["url", "data", "text", "detail"]), st.integers(0, 3 * ATTACHMENT_BYTES), st.booleans()
        ),
        max_size=5,
    ),
    st.integers(0, 80),
    st.text(max_size=9),
)
def test_each_part_is_found_wherever_a_piece_ends(parts, before_end, other):
    inner = [{"x": other, "part": {name: "/" * size}} if deep else {name: "/" * size} for name, size, deep in parts]
    body = {"x": "x" * (SCANNED_BYTES - before_end), "messages": [{"content": other}, {"content": inner, "y": [other]}]}
    more = [size - ATTACHMENT_BYTES for name, size, _ in parts if name in {"url", "data"} and size > ATTACHMENT_BYTES]
    expected = sum(one * (BYTES_PER_BYTE - 1) // BYTES_PER_BYTE for one in more)
    assert BYTES(json.dumps(body).encode()) == expected


@pytest.mark.parametrize("body", [b"", b'"', b"]" * 9, b"[" * 300_000, b'{"a":' * 300_000, b'{"x": "' + b"\\n" * 10**6])
def test_what_is_no_request_or_takes_too_many_steps_has_no_attachment(body):
    began = time.monotonic()
    assert BYTES(body) == 0
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("last", ["embeddings", "rerank", "score", "classify", "pooling"])
def test_nothing_is_reserved_for_an_answer_that_there_is_not(last):
    found = requested({"model": "m", "input": "x" * 400}, f"/v1/{last}?a=/b")
    assert found["reserved"] == found["prompt_tokens"] < USUAL_TOKENS


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/tokenize"])
def test_tokens_that_are_only_counted_are_not_used(path):
    found = requested({"model": "m", "messages": [{"content": "x" * 4000}]}, path)
    assert found["reserved"] == 1
    assert "prompt_tokens" not in answered('{"input_tokens": 1000}', kind="application/json", **found)


def test_a_chat_reserves_its_answer():
    assert requested({"model": "m"})["reserved"] > USUAL_TOKENS
    assert requested({"model": "m"}, max_tokens=5, n=2)["reserved"] < USUAL_TOKENS


EVENT = 'data: {"choices": [{"delta": {"content": "a"}}]}'


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_events_of_a_stream_are_counted_by_their_ends(end, size):
    text = end.join([EVENT] * 21 + ["data: [DONE]", ""])
    assert counted(*(text[at : at + size] for at in range(0, len(text), size))) == (7, 20, "true")


@pytest.mark.parametrize(
    ("pieces", "tokens"),
    [
        (['{"usage": {"prompt_tokens": 9, "total_tokens": 12, "completion_tokens": 3}}'], (9, 3)),
        # Rerankers of vLLM 0.10 and others.
        (['{"results": [], "usage": {"total_tokens": 56}}'], (56, 0)),
        # What was in the KV cache is apart in messages, as vLLM has them with --enable-prompt-tokens-details.
        (
            ['{"usage": {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 90}}'],
            (100, 3),
        ),
        (
            [
                'data: {"message": {"usage": {"input_tokens": 100, "output_tokens": 0}}}\n\n',
                'data: {"usage": {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 0, ',
                '"cache_read_input_tokens": 90}}\n\n',
            ],
            (100, 5),
        ),
        # The prompt with the first event alone, or with the last alone.
        (
            [
                'data: {"message": {"usage": {"input_tokens": 123, "output_tokens": 0}}}\n\n' + EVENT * 9,
                'data: {"usage": {"input_tokens": 0, "output_tokens": 45}}\n\n',
            ],
            (123, 45),
        ),
        (
            [
                'data: {"message": {"usage": {"input_tokens": 0, "output_tokens": 0}}}\n\n',
                'data: {"usage": {"input_tokens": 123, "output_tokens": 45}}\n\n',
            ],
            (123, 45),
        ),
    ],
    ids=["chat", "the total alone", "cached", "cached, in a stream", "at first", "at last"],
)
def test_usage_of_every_form(pieces, tokens):
    assert counted(*pieces) == (*tokens, "false")
