"""What a kubelet does for a port that is forwarded by WebSocket: a connection to the pod, message by message.

The protocol is v4.channel.k8s.io (k8s.io/kubelet, portforward/websocket.go): the first byte of a message is its
channel, and the first message of each channel has the port.
"""

import base64
import hashlib
import select
import socket
import ssl
import struct
from collections.abc import Iterator

PROTOCOL = "v4.channel.k8s.io"
DATA, ERRORS = b"\0", b"\1"
"""Channels of the one port."""
BINARY, CLOSE = 2, 8
"""Kinds of frames (RFC 6455, 5.2)."""
ACCEPTED = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What is added to the key of a request (RFC 6455, 1.3)."""
CHUNK = 1 << 16


def forward(client: ssl.SSLSocket, key: str, address: str, port: int) -> None:
    """Connect a client, whose request had this key, with a port, until one of them ends."""
    accept = base64.b64encode(hashlib.sha1(key.encode() + ACCEPTED, usedforsecurity=False).digest()).decode()
    head = (
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Accept: {accept}",
        f"Sec-WebSocket-Protocol: {PROTOCOL}",
    )
    client.sendall("".join(f"{line}\r\n" for line in (*head, "")).encode())
    for channel in (DATA, ERRORS):
        client.sendall(frame(channel + struct.pack("<H", port)))
    try:
        with socket.create_connection((address, port), timeout=5) as pod:
            _exchange(client, pod)
    except OSError as error:
        client.sendall(frame(ERRORS + str(error).encode()))
    client.sendall(frame(b"", CLOSE))


def _exchange(client: ssl.SSLSocket, pod: socket.socket) -> None:
    unread = b""
    while True:
        ready = [client] if client.pending() else select.select([client, pod], [], [])[0]
        if pod in ready:
            data = pod.recv(CHUNK)
            if not data:
                return
            client.sendall(frame(DATA + data))
        if client in ready:
            data = client.recv(CHUNK)
            unread += data
            for kind, message, rest in frames(unread):
                unread = rest
                if kind == CLOSE:
                    return
                if kind == BINARY and message.startswith(DATA):
                    pod.sendall(message[1:])
            if not data:
                return


def frame(message: bytes, kind: int = BINARY) -> bytes:
    """A message as a server sends it: whole, and without a mask."""
    size = len(message)
    length = bytes([size]) if size < 126 else struct.pack("!BH", 126, size) if size < 1 << 16 else b""
    return bytes([0x80 | kind]) + (length or struct.pack("!BQ", 127, size)) + message


def frames(unread: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The whole frames of a client, which have masks: each one's kind and message, and what follows it."""
    while len(unread) > 1:
        kind, size, begins = unread[0] & 0x0F, unread[1] & 0x7F, 2
        if size > 125:
            begins = 4 if size == 126 else 10
            if len(unread) < begins:
                return
            size = int.from_bytes(unread[2:begins], "big")
        ends = begins + 4 + size
        if len(unread) < ends:
            return
        mask, masked = unread[begins : begins + 4], unread[begins + 4 : ends]
        unread = unread[ends:]
        yield kind, bytes(one ^ mask[at % 4] for at, one in enumerate(masked)), unread
