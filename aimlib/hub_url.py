r"""URLs of hubs and of files: one strict grammar, whose result is both what is judged and what is connected to.

Parsers disagree about URLs such as `http://evil\@hub/`. Everything that they disagree about is invalid here: user
names, backslashes, blanks and control characters, hosts that are not ASCII (IDNA hosts are written as `xn--`), and a
hub's path with dots or percent signs.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from aimlib.errors import InvalidInputError
from aimlib.printable import printable

HUGGING_FACE = "https://huggingface.co"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
FORM = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<target>[/?][!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
HUB_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
MAX_LENGTH, MAX_HOST, MAX_PORT = 8192, 253, 65535
MAX_SHOWN = 200
"""Most characters of a URL that a message has."""
PORTS = {"http": 80, "https": 443}


class InvalidUrlError(InvalidInputError):
    """A URL outside of the grammar."""


class ParsedUrl(NamedTuple):
    """A URL in its parts: scheme and host in small letters, the port always a number."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as in the first line of a request."""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self[:3]

    @property
    def site(self) -> str:
        """The origin as text, for messages: paths and queries of signed URLs are secrets."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port != PORTS[self.scheme] else "")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by a name or address that needs no look-up."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read what is sent: TLS, or this machine."""
        return self.scheme == "https" or self.is_loopback

    def __str__(self) -> str:
        return f"{self.site}{self.target}"


def shown(text: str) -> str:
    """A URL for messages, valid or not: without its user, password, query and fragment, which may be secrets."""
    return printable(re.sub(r"//.*@", "//", re.split(r"[?#]", text[:MAX_LENGTH])[0]), MAX_SHOWN)


def parse_url(text: str) -> ParsedUrl:
    """The URL in a text. InvalidUrlError."""
    found = FORM.fullmatch(text) if len(text) <= MAX_LENGTH and "\\" not in text and "#" not in text else None
    if found is None or len(found["host"]) > MAX_HOST:
        raise InvalidUrlError(f"{shown(text)!r} is not a URL such as {HUGGING_FACE}")
    scheme, host, target = found["scheme"].lower(), found["host"].lower(), found["target"] or "/"
    port = int(found["port"] or PORTS[scheme])
    if not 0 < port <= MAX_PORT or (host.startswith("[") and not _is_address(host)):
        raise InvalidUrlError(f"{shown(text)!r} has no valid host and port")
    return ParsedUrl(scheme, host, port, target if target.startswith("/") else f"/{target}")


def _is_address(host: str) -> bool:
    try:
        return ip_address(host[1:-1]).version == 6
    except ValueError:
        return False


def parse_hub(text: str) -> ParsedUrl:
    """The URL of a hub, below which its files are; its path does not end with a slash. InvalidUrlError."""
    url = parse_url(text)
    path = url.target.rstrip("/")
    if not HUB_PATH.fullmatch(path):
        raise InvalidUrlError(f"{shown(text)!r} is not the URL of a hub: its path is not a plain one")
    return url._replace(target=path)


def may_have_token(endpoint: str | None, hubs: Iterable[str]) -> bool:
    """Whether a token may be sent to a hub: it is one of `hubs`, or a path below one. None is the default hub."""
    try:
        hub = parse_hub(endpoint or HUGGING_FACE)
    except InvalidUrlError:
        return False
    return hub.is_private and any(
        hub.origin == one.origin and f"{hub.target}/".startswith(f"{one.target}/") for one in map(parse_hub, hubs)
    )
