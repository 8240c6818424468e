"""Decodes a chunked body (RFC 9112, section 7.1) as it arrives."""

import re

from werkzeug.exceptions import BadRequest

SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
MAX_LINE = 256
"""Bytes of a line with a size, and of all trailers together."""


class Chunks:
    """The decoder: `decode` takes what arrives; what follows the body is in `rest` at its end."""

    def __init__(self) -> None:
        self.ended = False
        self.rest = b""
        self._buffer = bytearray()
        self._left = 0
        """Bytes that are left of the present chunk."""
        self._read = self._size

    def decode(self, data: bytes) -> bytes:
        """The part of the body that these bytes bring. BadRequest where they are no chunks."""
        self._buffer += data
        found: list[bytes] = []
        while self._read(found):
            pass
        if self.ended:
            self.rest = bytes(self._buffer)
        return b"".join(found)

    def _line(self) -> bytes | None:
        """The next line without its end; None until it is complete."""
        end = self._buffer.find(b"\n", 0, MAX_LINE)
        if end < 0:
            if len(self._buffer) >= MAX_LINE:
                raise BadRequest(f"the body is not chunked: a line of more than {MAX_LINE} bytes")
            return None
        line = bytes(self._buffer[: end + 1])
        if not line.endswith(b"\r\n"):
            raise BadRequest("the body is not chunked: a line does not end in CR LF")
        del self._buffer[: end + 1]
        return line[:-2]

    def _size(self, found: list[bytes]) -> bool:  # noqa: ARG002 - as the other states
        line = self._line()
        if line is None:
            return False
        size = SIZE_LINE.fullmatch(line)
        if not size:
            raise BadRequest("the body is not chunked: the size of a chunk must be up to 8 hexadecimal digits")
        self._left = int(size[1], 16)
        self._read = self._data if self._left else self._trailer
        return True

    def _data(self, found: list[bytes]) -> bool:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        found.append(piece)
        self._left -= len(piece)
        if not self._left:
            self._read = self._end
        return not self._left

    def _end(self, found: list[bytes]) -> bool:  # noqa: ARG002
        if len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise BadRequest("the body is not chunked: a chunk is longer than its size")
        del self._buffer[:2]
        self._read = self._size
        return True

    def _trailer(self, found: list[bytes]) -> bool:  # noqa: ARG002
        """Requests have no trailers that anything reads; one line of them is passed over."""
        line = self._line()
        if line:
            raise BadRequest("the body is not chunked: trailers are not accepted")
        self.ended = line == b""
        return False
