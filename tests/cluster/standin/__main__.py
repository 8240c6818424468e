"""The command: the real Metacontroller's flags, and a word that this is not it."""

import argparse
import logging
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3
from prometheus_client import generate_latest

from .api import ApiError
from .discovery import UnknownResourceError
from .durations import parse_duration
from .program import Program, Settings
from .responses import end_process

NOTICE = "this is a stand-in for Metacontroller, for development and tests only; run the real one on a cluster"

log = logging.getLogger("standin")


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster.standin",
        description=f"Note: {NOTICE}.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    flag = parser.add_argument
    flag("--kubeconfig", help="path; without it $KUBECONFIG")
    flag("--discovery-interval", type=parse_duration, default="30s", help="how often to ask what the server serves")
    flag("--cache-flush-interval", type=parse_duration, default="30m", help="resync of controllers that name none")
    flag("--metrics-address", default=":9999", help="host:port, or 0 for none; without a host, loopback")
    flag("--health-probe-bind-address", default=":8081", help="host:port, or 0 for none; without a host, loopback")
    flag("--client-go-qps", type=float, default=5.0, help="requests to the API server, a second")
    flag("--client-go-burst", type=int, default=10, help="requests to the API server, at once")
    flag("--workers", type=int, default=5, help="syncs at a time, per controller")
    flag("--events-qps", type=float, default=1 / 300, help="events per object, a second")
    flag("--events-burst", type=int, default=25, help="events per object, at once")
    flag("--apply-strategy", choices=["dynamic-apply"], default="dynamic-apply", help="the only one here")
    flag("--zap-log-level", choices=["debug", "info", "error"], default="info", help="how much is logged")
    return parser.parse_args(argv)


def serve(address: str, program: Program) -> None:
    """/healthz, /readyz and /metrics on one address; both of the real program's addresses answer all three."""
    if address == "0":
        return
    host, _, port = address.rpartition(":")

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {"/healthz": b"ok", "/readyz": b"ok" if program.ready() else b"", "/metrics": generate_latest()}
            body = pages.get(self.path, b"")
            self.send_response(200 if body else 503 if self.path in pages else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), Pages)
    threading.Thread(target=server.serve_forever, name=f"pages {address}", daemon=True).start()


def die(failure: threading.ExceptHookArgs) -> None:
    """An error that no thread expects ends the process, as it would the real one: half a program helps nobody."""
    traceback.print_exception(failure.exc_type, failure.exc_value, failure.exc_traceback)
    end_process(f"in thread {failure.thread.name if failure.thread else ''}: {failure.exc_value!r}")


def main(argv: list[str]) -> int:
    flags = arguments(argv)
    logging.basicConfig(
        level=flags.zap_log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    log.warning("NOTE: %s", NOTICE)
    threading.excepthook = die
    program = Program(
        Settings(
            kubeconfig=flags.kubeconfig,
            discovery_interval=flags.discovery_interval,
            cache_flush_interval=flags.cache_flush_interval,
            qps=flags.client_go_qps,
            burst=flags.client_go_burst,
            workers=flags.workers,
            events_qps=flags.events_qps,
            events_burst=flags.events_burst,
        )
    )
    for address in {flags.metrics_address, flags.health_probe_bind_address}:
        serve(address, program)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        program.start()
    except (ApiError, urllib3.exceptions.HTTPError, UnknownResourceError) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400  the sentence is what helps, not the traceback
        return 1
    log.info("started")
    stopped.wait()
    log.info("stopping")
    program.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
