"""Requests files over HTTP: follows redirects itself, so that only the hub gets the token; proxies by environment.

`aimlib.hub_url` is the only parser: the scheme, host and port that decide about the token are those that are connected
to.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import quote, urljoin
from urllib.request import getproxies, proxy_bypass

from huggingface_hub import constants
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # not in __all__
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout, make_headers
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url as parse_proxy

from aimlib.hub_url import InvalidUrlError, ParsedUrl, parse_hub, parse_url
from aimlib.printable import printable
from hooks.jobs.volume.errors import DownloadError, TransientError

WITH_BODY = {200, 206}
"""Statuses of responses that have bytes of a file."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
MAX_DIGITS = 4
"""Most digits of the length of a body that is read for the sake of its connection."""
MAX_CAUSE = 500
"""Most characters of an error that a message quotes."""
ASCII = "".join(map(chr, range(128)))
NO_HEADERS: Mapping[str, str] = {}
TOKEN = re.compile(r"[!-~]{1,4096}")
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
PRINTED = re.compile(r"[!-~]+")
"""Texts of which Python's parser drops nothing."""


Sign = Callable[[str, ParsedUrl, Mapping[str, str]], Mapping[str, str]]
"""Returns the headers of a request, by method and URL, with what signs it."""


class FileResponse(NamedTuple):
    """A response with an unread body."""

    response: BaseHTTPResponse
    url: ParsedUrl
    """Where it comes from: the hub, or a host that it redirects to."""
    from_hub: bool
    """Whether that is the hub's own host."""
    with_token: bool
    """Whether the request had the token."""


class FileClient:
    """Requests files, keeping connections open between them. DownloadError where the token may not be sent."""

    def __init__(self, hub: ParsedUrl, token: str | None, connections: int, sign: Sign | None = None) -> None:
        """`sign` is for requests to the hub's own host alone."""
        if token and not hub.is_private:
            raise DownloadError(
                "TokenNotAllowed",
                f"the hub is {hub.site}, and a token is sent over https only: use https, or provide no token",
            )
        if token and not TOKEN.fullmatch(token):
            raise DownloadError("TokenInvalid", "the token has characters that tokens do not have: replace it")
        self.hub = hub
        self.headers = build_hf_headers(token=token or False, library_name="aim-engine-operator")
        self.connections, self.sign = connections, sign
        self.pools: dict[str | None, PoolManager] = {}

    def close(self) -> None:
        """Closes all connections."""
        for pool in self.pools.values():
            pool.clear()

    def get(
        self, url: ParsedUrl, byte_range: str | None = None, more: Mapping[str, str] = NO_HEADERS, method: str = "GET"
    ) -> FileResponse:
        """Requests a file, or a range of its bytes, with `more` headers. TransientError without a response."""
        headers = {**more, **({"Range": byte_range} if byte_range else {})}
        for _ in range(MAX_REDIRECTS):
            try:
                response = self._request(method, url, headers)
            except (HTTPError, ValueError) as error:
                raise unreachable(url, error) from error
            if response.status not in REDIRECTS or "Location" not in response.headers:
                return FileResponse(response, url, url.origin == self.hub.origin, self._has_token(url, _proxy(url)))
            _end(response)
            url = redirected(url, response.headers["Location"])
        raise TransientError(f"{url.site} redirects more than {MAX_REDIRECTS} times")

    def _request(self, method: str, url: ParsedUrl, more: Mapping[str, str]) -> BaseHTTPResponse:
        proxy = _proxy(url)
        with_token = self._has_token(url, proxy)
        headers = {name: text for name, text in self.headers.items() if with_token or name != "authorization"}
        request_headers: Mapping[str, str] = {**headers, "Accept-Encoding": "identity", **more}
        if self.sign and url.origin == self.hub.origin:
            request_headers = self.sign(method, url, request_headers)
        return (
            self._pool(proxy)
            .connection_from_host(url.host, url.port, url.scheme)
            .urlopen(
                method,
                str(url) if proxy and url.scheme == "http" else url.target,
                headers=request_headers,
                preload_content=False,
                retries=False,
                redirect=False,
                assert_same_host=False,
            )
        )

    def _has_token(self, url: ParsedUrl, proxy: str | None) -> bool:
        """Whether a request to a URL has the token."""
        # To an HTTP proxy, what is requested without TLS is sent as plain text, even for this machine.
        safe = url.scheme == "https" or (url.is_loopback and not proxy)
        return "authorization" in self.headers and url.origin == self.hub.origin and safe

    def _pool(self, proxy: str | None) -> PoolManager:
        """The connections through a proxy, or without one."""
        if proxy not in self.pools:
            self.pools[proxy] = self._new(proxy)
        return self.pools[proxy]

    def _new(self, proxy: str | None) -> PoolManager:
        timeout = Timeout(connect=constants.HF_HUB_DOWNLOAD_TIMEOUT, read=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        if proxy is None:
            return PoolManager(maxsize=self.connections, timeout=timeout)
        try:
            credentials = parse_proxy(proxy).auth
            headers = make_headers(proxy_basic_auth=credentials) if credentials else None
            return ProxyManager(proxy, maxsize=self.connections, timeout=timeout, proxy_headers=headers)
        except (HTTPError, ValueError):
            raise ValueError("the URL of the proxy is invalid") from None  # it may have a password


def _end(response: BaseHTTPResponse) -> None:
    """Reads a short body, so that the connection can be used again, and closes the connection of a long one."""
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and len(length) <= MAX_DIGITS:
        response.drain_conn()
    response.close()


def read_body(response: BaseHTTPResponse, limit: int) -> bytes:
    """The body of a response. ValueError where it has more bytes than the limit."""
    body = bytearray()
    while chunk := response.read1(1 << 16):
        body += chunk
        if len(body) > limit:
            raise ValueError("it is too long")
    return bytes(body)


def hub_of(endpoint: str) -> ParsedUrl:
    """The URL of a hub. DownloadError (Network)."""
    try:
        return parse_hub(endpoint)
    except InvalidUrlError as error:
        raise DownloadError("Network", f"the hub cannot be reached: {error}") from error


def redirected(url: ParsedUrl, location: str) -> ParsedUrl:
    """The URL that a response redirects to. TransientError where it is not valid, or gives up TLS."""
    text = quote(location.strip(" \t").partition("#")[0], safe=ASCII, encoding="latin-1", errors="replace")
    try:
        found = parse_url(_resolved(url, text))
    except InvalidUrlError as error:
        raise TransientError(f"{url.site} redirects to what is no URL: {error}") from error
    if url.scheme == "https" and found.scheme != "https":
        raise TransientError(f"{url.site} redirects to {found.site}, which is not https")
    return found


def _resolved(url: ParsedUrl, text: str) -> str:
    """The URL that a reference stands for (RFC 3986), not judged yet. The host never follows from a relative path.

    Where a path has no query, that of the request stays: the hub redirects requests for renamed models so (source:
    _httpx_follow_relative_redirects of huggingface_hub).
    """
    if ABSOLUTE.match(text) or not PRINTED.fullmatch(text):
        return text
    if text.startswith("//"):
        return f"{url.scheme}:{text}"
    path, _, query = url.target.partition("?")
    target = urljoin(path, text)
    return f"{url.site}{target}" + (f"?{query}" if query and "?" not in text else "")


def _proxy(url: ParsedUrl) -> str | None:
    """The proxy that the environment names for a URL."""
    proxies = getproxies()
    direct = proxy_bypass(f"{url.host}:{url.port}") or _is_listed(url.host.strip("[]"), proxies.get("no", ""))
    return None if direct else proxies.get(url.scheme)


def _is_listed(host: str, no_proxy: str) -> bool:
    """Whether NO_PROXY has a host in a form that clusters' settings have and `proxy_bypass` does not know.

    These are addresses of IPv6 without brackets, ranges of addresses, and domains after an asterisk.
    """
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return any(_is_in(host, entry) or (entry.startswith("*.") and host.endswith(entry[1:])) for entry in entries)


def _is_in(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def unreachable(url: ParsedUrl, error: Exception) -> TransientError:
    """The error of a host that cannot be reached."""
    proxy = _proxy(url)
    through = f" through the proxy {_proxy_site(proxy)}" if proxy else ""
    return TransientError(f"{url.site} cannot be reached{through}: {root_cause(error)}")


def _proxy_site(proxy: str) -> str:
    """A proxy for messages, without its password."""
    scheme, _, rest = proxy.rpartition("://")
    return printable(f"{scheme or 'http'}://{rest.rpartition('@')[2].split('/')[0]}", MAX_CAUSE)


def root_cause(error: BaseException) -> str:
    """The message of the innermost error: HTTP libraries wrap those of the operating system."""
    inner = next((arg for arg in error.args if isinstance(arg, BaseException)), error.__cause__)
    if inner:
        return root_cause(inner)
    message = error.strerror if isinstance(error, OSError) else None
    return printable(message or str(error) or type(error).__name__, MAX_CAUSE).rstrip(".")
