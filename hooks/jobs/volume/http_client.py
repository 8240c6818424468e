"""Requests files over HTTP: follows redirects itself, so that only the hub gets the token; proxies by environment."""

from typing import NamedTuple
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from huggingface_hub import constants
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # not in __all__
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout, make_headers
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from hooks.jobs.volume.errors import TransientError

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
PORTS = {"http": 80, "https": 443}


class FileResponse(NamedTuple):
    """A response with an unread body; `from_hub`: from the hub itself, not from a host that it redirects to."""

    response: BaseHTTPResponse
    from_hub: bool


class FileClient:
    """Requests files, keeping connections open between them."""

    def __init__(self, endpoint: str, token: str | None, connections: int) -> None:
        self.hub_origin = _origin(endpoint)
        self.headers = build_hf_headers(token=token or False, library_name="aim-engine-operator")
        self.connections = connections
        self.pools: dict[str | None, PoolManager] = {}

    def close(self) -> None:
        """Closes all connections."""
        for pool in self.pools.values():
            pool.clear()

    def get(self, url: str, byte_range: str | None) -> FileResponse:
        """Requests a file, or a range of its bytes. TransientError without a response."""
        for _ in range(MAX_REDIRECTS):
            try:
                from_hub = _origin(url) == self.hub_origin
                response = self._request(url, byte_range, from_hub=from_hub)
            except (HTTPError, ValueError) as error:
                raise unreachable(url, error) from error
            if response.status not in REDIRECTS or "Location" not in response.headers:
                return FileResponse(response, from_hub)
            response.drain_conn()
            url = urljoin(url, response.headers["Location"])
        raise TransientError(f"{_host(url)} redirects more than {MAX_REDIRECTS} times")

    def _request(self, url: str, byte_range: str | None, *, from_hub: bool) -> BaseHTTPResponse:
        headers = {name: text for name, text in self.headers.items() if from_hub or name != "authorization"}
        request_headers = {**headers, "Accept-Encoding": "identity", **({"Range": byte_range} if byte_range else {})}
        return self._pool(url).request(
            "GET", url, headers=request_headers, preload_content=False, retries=False, redirect=False
        )

    def _pool(self, url: str) -> PoolManager:
        """The connection pool for a URL, through the proxy that the environment names for its host."""
        proxy = _proxy(url)
        if proxy not in self.pools:
            self.pools[proxy] = self._new(proxy)
        return self.pools[proxy]

    def _new(self, proxy: str | None) -> PoolManager:
        timeout = Timeout(connect=constants.HF_HUB_DOWNLOAD_TIMEOUT, read=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        if proxy is None:
            return PoolManager(maxsize=self.connections, timeout=timeout)
        message = parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=message) if message else None
        return ProxyManager(proxy, maxsize=self.connections, timeout=timeout, proxy_headers=headers)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _host(url: str) -> str:
    """The host for messages, without path and password: signed URLs are secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def unreachable(url: str, error: Exception) -> TransientError:
    """The error of a host that cannot be reached."""
    try:
        host, proxy = _host(url), _proxy(url)
    except ValueError:
        host, proxy = url, None
    through = f" through the proxy {_host(proxy)}" if proxy else ""
    return TransientError(f"{host} cannot be reached{through}: {root_cause(error)}")


def root_cause(error: BaseException) -> str:
    """The message of the innermost error: HTTP libraries wrap those of the operating system."""
    inner = next((one for one in error.args if isinstance(one, BaseException)), error.__cause__)
    if inner:
        return root_cause(inner)
    message = error.strerror if isinstance(error, OSError) else None
    return (message or str(error) or type(error).__name__).rstrip(".")
