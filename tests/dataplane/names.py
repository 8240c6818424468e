"""What CoreDNS does: addresses by name, from Services and what is ready behind them; no other name exists."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from tests.dataplane.network import RESOLVER
from tests.dataplane.services import Service

DOMAIN = "svc.cluster.local"
TTL = 5
"""Seconds; CoreDNS' own."""
UDP_BYTES = 1232
"""What is longer comes over TCP."""
NODES = "engine-"
"""How the names of nodes begin whose kubelet is here (kubelet.py); the API server asks for those."""


def zone(services: Iterable[Service]) -> dict[str, list[str]]:
    """The addresses of every name that exists, without its last dot."""
    return {f"{one.name}.{one.namespace}.{DOMAIN}": [one.address] if one.address else one.pods for one in services}


class Names(BaseResolver):
    """Answers from a zone that is exchanged whole."""

    def __init__(self) -> None:
        self.zone: Mapping[str, list[str]] = {}
        self.own: dict[str, list[str]] = {}
        """Names that a test makes up, which come first."""

    def resolve(self, request: DNSRecord, _handler: object = None) -> DNSRecord:
        """One answer; NXDOMAIN where there is no such name, or where nothing is ready behind one that is headless."""
        name = str(request.q.qname).rstrip(".").lower()
        node = name.startswith(NODES) and "." not in name
        addresses = ["127.0.0.1"] if node else self.own.get(name) or self.zone.get(name, [])
        reply = request.reply()
        if not addresses:
            reply.header.rcode = RCODE.NXDOMAIN
        elif request.q.qtype in (QTYPE.A, QTYPE.ANY):
            reply.add_answer(*(RR(request.q.qname, QTYPE.A, rdata=A(one), ttl=TTL) for one in addresses))
        return reply


@contextmanager
def answered(address: str = RESOLVER, port: int = 53) -> Iterator[Names]:
    """Answer there over UDP and TCP, for as long as the context lasts."""
    names = Names()
    quiet = DNSLogger(log="", logf=lambda _: None)
    handler = type("Bounded", (DNSHandler,), {"udplen": UDP_BYTES})
    servers = [DNSServer(names, address, port, tcp=tcp, logger=quiet, handler=handler) for tcp in (False, True)]
    try:
        for server in servers:
            server.start_thread()
        yield names
    finally:
        for server in servers:
            server.stop()
            server.thread.join()
            server.server.server_close()
