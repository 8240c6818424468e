"""The command `aim ui`: relays a browser's requests from a port of loopback to the pod of the web page."""

import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import click

from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError
from hooks.cli.printing import print_note, print_text

if TYPE_CHECKING:
    from hooks.cli.cluster import LiveCluster

PAGE_PODS = "app.kubernetes.io/name=aim-web"
PAGE_PORT = 8080
COOKIE, PARAMETER = "aim-ui", "token"
MOST_RELAYED = 1024 * 1024
"""Bytes of a request's body."""
RELAYED_AT_ONCE = 65536
OF_A_CONNECTION = frozenset(
    ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "content-length")
)
"""Headers that are between two neighbours (RFC 9110, 7.6.1), or written anew."""


class WebRelay(ThreadingHTTPServer):
    """Listens on loopback. A browser that has opened the printed URL is answered alone: others reach the port, too."""

    daemon_threads = True

    def __init__(self, port: int, connect: Callable[[], HTTPConnection]) -> None:
        super().__init__(("127.0.0.1", port), _Relayed)
        self.connect, self.token = connect, secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/?{PARAMETER}={self.token}"


class _Relayed(BaseHTTPRequestHandler):
    server: WebRelay
    timeout = 60

    def do_GET(self) -> None:
        if _are_equal(self.path, f"/?{PARAMETER}={self.server.token}"):
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", "/")
            self.send_header("Set-Cookie", f"{COOKIE}={self.server.token}; Path=/; HttpOnly; SameSite=Strict")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif not self._is_known():
            self._refuse(HTTPStatus.FORBIDDEN, "open the address that `aim ui` printed")
        elif not (length := self.headers.get("Content-Length", "0")).isascii() or not length.isdigit():
            self._refuse(HTTPStatus.BAD_REQUEST, "the request's length is no number")
        elif int(length) > MOST_RELAYED or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large")
        else:
            self._relay(self.rfile.read(int(length)))

    do_POST = do_GET

    def _is_known(self) -> bool:
        """Whether the browser has the cookie. Cookies of loopback are those of all its ports."""
        cookies = [part.strip() for part in self.headers.get("Cookie", "").split(";")]
        return any(_are_equal(cookie, f"{COOKIE}={self.server.token}") for cookie in cookies)

    def _relay(self, body: bytes) -> None:
        try:
            connection = self.server.connect()
        except CommandError as error:
            return self._refuse(HTTPStatus.BAD_GATEWAY, str(error))
        try:
            # The page's server need not know the token.
            headers = {name: value for name, value in _passed_on(self.headers.items()) if name.lower() != "cookie"}
            connection.request(self.command, self.path, body or None, {**headers, "Connection": "close"})
            with connection.getresponse() as response:
                self.send_response(response.status)
                for name, value in _passed_on(response.getheaders()):
                    self.send_header(name, value)
                self.end_headers()
                while piece := response.read1(RELAYED_AT_ONCE):
                    self.wfile.write(piece)
                    self.wfile.flush()
        except (HTTPException, OSError):
            self.close_connection = True  # what was sent until here stays; a browser shows what it lacks
        finally:
            connection.close()
        return None

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        text = f"{message}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nothing: the terminal belongs to the command."""


def _are_equal(text: str, secret: str) -> bool:
    """Whether they are equal, without telling by the time how much of them is."""
    return hmac.compare_digest(text.encode(errors="replace"), secret.encode())


def _passed_on(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from ((name, value) for name, value in headers if name.lower() not in OF_A_CONNECTION)


def serve_page(cluster: "LiveCluster", port: int, *, launch: bool) -> int:
    """Relays to the page until it is interrupted; prints its address, and opens a browser with `launch`."""
    pod = _page_pod(cluster)
    try:
        relay = WebRelay(port, lambda: cluster.open_port(pod, PAGE_PORT))
    except OSError as error:
        raise CommandError(f"port {port} of this machine: {error.strerror}") from error
    with relay:
        print_text(f"{relay.url}\n")
        print_note("Ctrl-C ends it. The page shows what its account in the cluster may read.")
        if launch:
            click.launch(relay.url)
        try:
            relay.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _page_pod(cluster: "LiveCluster") -> str:
    """The name of a pod of the page that is ready. CommandError where there is none."""
    pods = cluster.labelled_pods(PAGE_PODS)
    for pod in pods:
        conditions = (pod.get("status") or {}).get("conditions") or ()
        if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            return str(pod["metadata"]["name"])
    there = "it is not ready yet" if pods else "`kubectl apply -k manifests/overlays/web-page` installs it"
    raise CommandError(f"namespace {cluster.namespace} has no web page that is ready: {there}", CLUSTER_ERROR_CODE)
