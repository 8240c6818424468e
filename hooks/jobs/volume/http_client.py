"""Bytes over HTTP: redirects by hand, proxies from the environment, and no token for any host but the hub."""

from typing import NamedTuple
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from huggingface_hub import constants
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # said without __all__
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout, make_headers
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from hooks.jobs.volume.errors import TransientError

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
PORTS = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """A response whose body is yet to be read, and whether it is the hub's own or that of a host it names."""

    response: BaseHTTPResponse
    own: bool


class Web:
    """Connections, kept open between files."""

    def __init__(self, endpoint: str, token: str | None, connections: int) -> None:
        self.home = _origin(endpoint)
        self.headers = build_hf_headers(token=token or False, library_name="aim-engine-operator")
        self.connections = connections
        self.pools: dict[str | None, PoolManager] = {}

    def close(self) -> None:
        """Close what is kept open."""
        for pool in self.pools.values():
            pool.clear()

    def get(self, url: str, wanted: str | None) -> Answer:
        """The answer to a request for a file, or for a range of its bytes. TransientError without one."""
        for _ in range(MOST_REDIRECTS):
            try:
                own = _origin(url) == self.home
                response = self._ask(url, wanted, own=own)
            except (HTTPError, ValueError) as error:
                raise unreached(url, error) from error
            if response.status not in REDIRECTS or "Location" not in response.headers:
                return Answer(response, own)
            response.drain_conn()
            url = urljoin(url, response.headers["Location"])
        raise TransientError(f"{_host(url)} redirects more than {MOST_REDIRECTS} times")

    def _ask(self, url: str, wanted: str | None, *, own: bool) -> BaseHTTPResponse:
        headers = {name: text for name, text in self.headers.items() if own or name != "authorization"}
        asked = {**headers, "Accept-Encoding": "identity", **({"Range": wanted} if wanted else {})}
        return self._pool(url).request("GET", url, headers=asked, preload_content=False, retries=False, redirect=False)

    def _pool(self, url: str) -> PoolManager:
        """The connections that lead to a host: through the proxy that the environment names for it, or without."""
        proxy = _proxy(url)
        if proxy not in self.pools:
            self.pools[proxy] = self._new(proxy)
        return self.pools[proxy]

    def _new(self, proxy: str | None) -> PoolManager:
        timeout = Timeout(connect=constants.HF_HUB_DOWNLOAD_TIMEOUT, read=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        if proxy is None:
            return PoolManager(maxsize=self.connections, timeout=timeout)
        known = parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=known) if known else None
        return ProxyManager(proxy, maxsize=self.connections, timeout=timeout, proxy_headers=headers)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an address."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _host(url: str) -> str:
    """The host for sentences: signed addresses and passwords are secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def unreached(url: str, error: Exception) -> TransientError:
    """That a host does not answer, and why."""
    try:
        host, proxy = _host(url), _proxy(url)
    except ValueError:
        host, proxy = url, None
    through = f" through the proxy {_host(proxy)}" if proxy else ""
    return TransientError(f"{host} cannot be reached{through}: {cause(error)}")


def cause(error: BaseException) -> str:
    """What is at the bottom of an error, in words: HTTP libraries wrap what the operating system says."""
    below = next((one for one in error.args if isinstance(one, BaseException)), error.__cause__)
    if below:
        return cause(below)
    known = error.strerror if isinstance(error, OSError) else None
    return (known or str(error) or type(error).__name__).rstrip(".")
