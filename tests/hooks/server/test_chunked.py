"""Chunked bodies as they arrive: every split has the same result, and what is no chunk is a 400."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from hooks.server.chunked import MAX_LINE, Chunks


def encoded(pieces, extension=b""):
    chunks = [b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces if piece]
    return b"".join([*chunks, b"0\r\n\r\n"])


def decoded(sent, step):
    chunks, found = Chunks(), b""
    for at in range(0, len(sent), step):
        found += chunks.decode(sent[at : at + step])
    return chunks, found


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 50), st.sampled_from([b"", b";name=value", b" "]))
def test_a_body_is_the_same_however_it_is_split(pieces, step, extension):
    chunks, found = decoded(encoded(pieces, extension), step)
    assert (found, chunks.ended, chunks.rest) == (b"".join(pieces), True, b"")


def test_what_follows_the_body_is_kept():
    chunks = Chunks()
    assert chunks.decode(encoded([b"{}"]) + b"GET ") == b"{}"
    assert (chunks.ended, chunks.rest) == (True, b"GET ")


@pytest.mark.parametrize(
    "sent",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x2\r\n",
        b" 2\r\n",
        b"fffffffff\r\n",
        b"2\n{}\n",
        b"2\r\n{}x\r\n",
        b"2\r\n{}\n\r",
        b"2;" + b"a" * MAX_LINE,
        b"0\r\nTrailer: x\r\n\r\n",
    ],
)
def test_what_is_no_chunk_is_refused(sent):
    with pytest.raises(BadRequest, match="the body is not chunked"):
        Chunks().decode(sent)


@given(st.binary(max_size=80))
def test_no_bytes_are_anything_else_than_a_body_or_a_bad_request(sent):
    with contextlib.suppress(BadRequest):
        Chunks().decode(sent)
