"""API keys as Envoy compares them. They are part of the routes, which change without closing a connection."""

import re
from collections.abc import Mapping, Sequence

from aimlib.api.meta import Raw

KEYS_FILTER = "keys"
CLIENT = "x-aim-client"
"""The header that names the client whose key it was."""
KEY_HEADERS = ("Authorization", "x-api-key")
"""Where a key may be: of OpenAI's clients, behind `Bearer`, and of Anthropic's. The first that there is counts."""
KEY_SOURCE: Raw = {
    "key_sources": [{"header": name} for name in KEY_HEADERS],
    "forwarding": {"header": CLIENT, "hide_credentials": True},
}
_TYPE = "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuthPerRoute"


def credentials(keys: Mapping[str, Sequence[str]]) -> Raw:
    """The keys of each client, in the place where a virtual host has them; without any, every request is refused."""
    owners = _owners(keys)
    found = [{"key": key, "client": min(of)} for key, of in sorted(owners.items()) if len(of) == 1]
    return {KEYS_FILTER: {"@type": _TYPE, "credentials": found, **KEY_SOURCE}} if found else {}


def of_clients(clients: Sequence[str]) -> list[Raw]:
    """That a request comes from one of these, as a match of its headers; from anybody where there are none."""
    names = "|".join(map(re.escape, sorted(clients)))
    return [{"name": CLIENT, "string_match": {"safe_regex": {"regex": names}}}] if clients else []


def shared_keys(keys: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """The clients of each key that more than one has: it is nobody's, since Envoy would refuse the whole file."""
    return sorted(tuple(sorted(of)) for of in _owners(keys).values() if len(of) > 1)


def _owners(keys: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    owners: dict[str, set[str]] = {}
    for client, of in keys.items():
        for key in filter(None, of):
            owners.setdefault(key, set()).add(client)
    return owners
