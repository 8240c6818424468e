"""What keeps other web pages from using this one: the hosts it answers for, where forms come from, and its headers."""

import re
from collections.abc import Callable, Collection, Mapping

from flask import Request, Response
from werkzeug.exceptions import Forbidden, MisdirectedRequest

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Hosts of a forwarded port. A name of somebody else's that leads here is refused: else a page of his could read this
one (DNS rebinding)."""
PORT = re.compile(r":\d{1,5}\Z")
OWN_SITES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site with which a form comes from this page."""
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""What a page may load, run and send: nothing but files of this server."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every response."""


def protection(hosts: Collection[str]) -> Callable[[Request], None]:
    """The check of each request: Forbidden or MisdirectedRequest; `hosts` are names besides those of loopback."""
    known = LOOPBACK | {host.lower() for host in hosts}

    def check(request: Request) -> None:
        host = PORT.sub("", request.host).lower()
        if host not in known:
            raise MisdirectedRequest(f"this page is not served for the host {host!r} (AIM_WEB_HOSTS)")
        if request.method == "POST" and not _is_own(request):
            raise Forbidden("a form of another site is not answered")

    return check


def _is_own(request: Request) -> bool:
    """Whether a request comes from this page, as the browser tells; what tells nothing is no browser."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site in OWN_SITES
    return origin is None or origin.partition("://")[2] == request.host


def with_headers(response: Response) -> Response:
    """The response with the headers of every response; pages are not stored anywhere, and files are for an hour."""
    response.headers.update(HEADERS)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
