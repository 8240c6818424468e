"""How a registry is to be convinced: by the credentials of a Secret for image pulls, and the tokens that they get.

A Secret has the registry that each of its credentials is for, and they are used for that one alone, whatever the source
is. Source: the token authentication of the distribution specification.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from aimlib.hub_url import InvalidUrlError, ParsedUrl, parse_url
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.http_client import FileClient, read_body

MAX_TOKEN = 64 << 10
"""Most bytes of a response with a token."""
CHALLENGE = re.compile(
    r'(?<![\w-])(?:(?P<name>[\w-]++)="(?P<value>[^"]*)"|(?P<scheme>[\w-]++)(?= ++[\w-]++=| *+(?:,|$)))'
)
"""A field of a challenge, or the scheme that the next ones are of: a header may have several challenges. It begins once
in a run of letters, so that no header takes more than linear time."""
DOCKER_HUB = {"docker.io": "index.docker.io", "registry-1.docker.io": "index.docker.io"}
HEADER = re.compile(r"[!-~]{1,16384}")


def basic_credentials(text: str, host: str) -> str | None:
    """Those for a registry in the text of a `.dockerconfigjson`, in the form of Basic. DownloadError (TokenInvalid)."""
    if not text:
        return None
    try:
        entries: dict[str, Any] = json.loads(text)["auths"]
        wanted = {host, DOCKER_HUB.get(host, host)}
        found = next(
            (one for key, one in entries.items() if re.sub(r"^https?://", "", key).partition("/")[0] in wanted), None
        )
        if found is None:
            return None
        auth = found.get("auth") or base64.b64encode(f"{found['username']}:{found['password']}".encode()).decode()
        if HEADER.fullmatch(auth):
            return str(auth)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise DownloadError(
        "TokenInvalid",
        "the registry's credentials are no .dockerconfigjson: make the Secret by kubectl create secret docker-registry",
    )


def authorization(challenge: str, basic: str | None, pull: str, connections: int = 1) -> str | None:
    """The header that a registry requests by its WWW-Authenticate; None where there is none. Errors as of a request."""
    stated = _challenges(challenge)
    token = _bearer(stated["bearer"], basic, pull, connections) if "bearer" in stated else None
    return token or (f"Basic {basic}" if basic and "basic" in stated else None)


def _challenges(header: str) -> dict[str, dict[str, str]]:
    """The fields of each challenge of a WWW-Authenticate, by scheme."""
    found: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for part in CHALLENGE.finditer(header):
        if part["scheme"]:
            fields = found.setdefault(part["scheme"].lower(), {})
        else:
            fields[part["name"]] = part["value"]
    return found


def _bearer(fields: Mapping[str, str], basic: str | None, pull: str, connections: int) -> str | None:
    if "realm" not in fields:
        return None
    query = {"service": fields.get("service", ""), "scope": f"repository:{pull}:pull"}
    try:
        url = parse_url(f"{fields['realm']}?{urlencode(query, quote_via=quote)}")
    except InvalidUrlError:
        return None
    return _token(url, basic, connections)


def _token(url: ParsedUrl, basic: str | None, connections: int) -> str | None:
    """The token of a service, which gets the credentials where nobody on the way can read them."""
    sent = {"Authorization": f"Basic {basic}"} if basic and url.is_private else {}
    client = FileClient(url, None, connections, lambda _, __, headers: {**headers, **sent})
    try:
        reply = client.get(url)
        with reply.response:
            if reply.response.status != 200:
                return None
            found = json.loads(read_body(reply.response, MAX_TOKEN))
            token = found.get("token") or found.get("access_token")
            return f"Bearer {token}" if isinstance(token, str) and HEADER.fullmatch(token) else None
    except (ValueError, AttributeError, RecursionError):
        return None
    finally:
        client.close()
