"""Passes one held request on to a replica, and the answer back, as they come; a stream may have begun already."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import closing, suppress

from aimlib.gateway.errors import Error
from aimlib.printable import printable
from hooks.gateway_agent.http_head import MAX_HEAD_BYTES, Head, read_head

_CONNECT_SECONDS = 2.0
PIECE_BYTES = 64 * 1024
MOST_DIGITS = 20
"""Of a Content-Length: a longer one is no number of bytes."""
ESTABLISHED = 1
"""Of a TCP connection, in Linux' tcp_states.h."""
STREAM = Head(
    ("HTTP/1.1", "200", "OK"),
    (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
    ),
)
END = b"0\r\n\r\n"


class Forwarder:
    """The client's end of a held request, which is Envoy's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.since = asyncio.get_running_loop().time()
        self.begun = False
        """Whether the answer is a stream that has begun."""
        self.told: Callable[[], None] = lambda: None
        """What is called with each piece of an answer that is no error."""

    @property
    def connected(self) -> bool:
        """Whether the other end is there still. Nobody reads of it while the request waits."""
        of = self.writer.get_extra_info("socket")
        return bool(of.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED)

    async def comment(self, progress: str) -> None:
        """Tell a stream how far the model is."""
        words = f": waiting for the model. {printable(progress)}".rstrip()
        await self._stream(f"{words}\n\n".encode())

    async def refuse(self, error: Error) -> None:
        """The end of it, in OpenAI's form; for a stream as an event."""
        if self.begun:
            await self.end_with(error.body)
            return
        body = error.body.encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        headers += [("retry-after", str(error.retry_seconds))] if error.retry_seconds else []
        self.writer.write(Head(("HTTP/1.1", str(error.status), "-"), tuple(headers)).encoded() + body)
        await self.writer.drain()

    async def end_with(self, event: str) -> None:
        """The last event of a stream."""
        await self._stream(f"data: {event}\n\ndata: [DONE]\n\n".encode())
        self.writer.write(END)
        await self.writer.drain()

    async def _stream(self, text: bytes) -> None:
        if not self.begun:
            self.begun = True
            self.writer.write(STREAM.encoded())
        await self.write_chunk(text)

    async def write_chunk(self, piece: bytes) -> None:
        """A piece of a stream."""
        self.writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await self.writer.drain()


async def pass_on(head: Head, client: Forwarder, address: str, port: int) -> bool:
    """Send the request to a replica, and its answer back; False where it could not be reached, and nothing is lost."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port, limit=MAX_HEAD_BYTES)
    except (OSError, TimeoutError):
        return False
    with closing(writer):
        writer.write(head.encoded(connection="close"))
        sending = asyncio.create_task(_copy(client.reader, writer))
        receiving = asyncio.create_task(_continue(reader, client) if client.begun else _answer(reader, client))
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            # A replica may answer before it has read all of a body; a client that sends no more has hung up.
            if receiving.done() or sending.exception():
                await receiving
        finally:
            for one in (sending, receiving):
                one.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
    return True


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Callable[[], None] | None = None
) -> None:
    """Everything as it is, as fast as the other end takes it; `told` is called with each piece."""
    while piece := await reader.read(PIECE_BYTES):
        if told:
            told()
        writer.write(piece)
        await writer.drain()


async def _answer(reader: asyncio.StreamReader, client: Forwarder) -> None:
    """An answer as it is; a replica that ends before it is no answer."""
    with suppress(EOFError):
        head = await read_head(reader)
        client.writer.write(head.encoded())
        await _copy(reader, client.writer, client.told if head.first[1] == "200" else None)


async def _continue(reader: asyncio.StreamReader, client: Forwarder) -> None:
    """An answer behind the comments of a stream that has begun."""
    answer = await read_head(reader)
    if answer.first[1] != "200":
        await client.end_with(await _error(answer, reader))
    elif answer.get("transfer-encoding") == "chunked":
        await _copy(reader, client.writer, client.told)
    else:
        while piece := await reader.read(PIECE_BYTES):
            client.told()
            await client.write_chunk(piece)
        client.writer.write(END)
        await client.writer.drain()


async def _error(answer: Head, reader: asyncio.StreamReader) -> str:
    """What the engine has answered instead of a stream, as the data of an event: on one line."""
    status, size = answer.first[1], answer.get("content-length")
    if size.isdecimal() and len(size) < MOST_DIGITS and int(size) <= PIECE_BYTES:
        with suppress(ValueError, RecursionError):
            return json.dumps(json.loads(await reader.readexactly(int(size))))
    return Error(502, f"the model answered with status {status}", "server_error", "model_error").body
