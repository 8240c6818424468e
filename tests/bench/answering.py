"""`python -m tests.bench.answering PORT` answers everything with the same, cheaply: probes of a thousand pods."""

import asyncio
import sys

BODY = b'{"choices": []}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, as long as it is kept."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]
            await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
            writer.write(HEAD + BODY)
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def serve(port: int) -> None:
    """Until it is ended."""
    async with await asyncio.start_server(answer, "127.0.0.1", port, backlog=4096) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
