"""The client of an MLflow tracking server: JSON of its REST API, and what its refusals mean.

The server alone gets credentials, and only where nobody on the way can read them.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from urllib3.exceptions import HTTPError

from aimlib.hub_url import InvalidUrlError, ParsedUrl, parse_hub
from aimlib.printable import printable
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import FileClient, FileResponse, read_body, root_cause
from hooks.jobs.volume.hub import retry_after

REST_API = "api/2.0"
MAX_JSON = 8 << 20
"""Most bytes of a response in JSON; a list of ten thousand files has about a megabyte."""
MAX_TRACKING_ERROR = 64 << 10
TRACKING_LOGIN = (
    "access.secret of the model, with MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
)
RETRIED_BY_TRACKING = frozenset({408, 425, 429, *range(500, 600)})


def environment_authorization() -> str | None:
    """The header Authorization by MLflow's variables; None where there are none. DownloadError (TokenInvalid)."""
    names = (f"MLFLOW_TRACKING_{name}" for name in ("TOKEN", "USERNAME", "PASSWORD"))
    token, user, password = (text.strip() for text in [os.environ.get(name, "") for name in names])
    if any(not text.isprintable() for text in (token, user, password)) or not token.isascii():
        raise DownloadError("TokenInvalid", "the credentials for MLflow have control characters: replace them")
    if token:
        return f"Bearer {token}"
    if user and password:
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    return None


class TrackingServer:
    """One tracking server. DownloadError where its address or the credentials cannot be used."""

    def __init__(self, endpoint: str | None, model: str, connections: int = 1) -> None:
        """`model` is what the source is called in messages."""
        self.model = model
        self.client = FileClient(_server_url(endpoint), None, connections, self._authorized)
        self.authorization = environment_authorization()
        self.private = self.client.hub.is_private
        self.place = str(self.client.hub)

    def _authorized(self, _: str, __: ParsedUrl, headers: Mapping[str, str]) -> Mapping[str, str]:
        return {**headers, "Authorization": self.authorization} if self.authorization and self.private else headers

    def url(self, path: str, query: Mapping[str, str] | None = None) -> ParsedUrl:
        """The URL of a part of the REST API."""
        hub = self.client.hub
        text = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return hub._replace(target=f"{hub.target}/{REST_API}/{quote(path)}{text}")

    def json(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A response of the REST API. DownloadError, or TransientError."""
        reply = self.client.get(self.url(path, query))
        try:
            if reply.response.status != HTTPStatus.OK:
                raise self.refusal(reply)
            found = json.loads(read_body(reply.response, MAX_JSON))
        except HTTPError as error:
            raise TransientError(f"{self.place} cannot be reached: {root_cause(error)}") from error
        except (ValueError, RecursionError) as error:
            raise self.implausible() from error
        finally:
            reply.response.close()
        if not isinstance(found, dict):
            raise self.implausible()
        return found

    def implausible(self) -> TransientError:
        """The error of a response that MLflow does not send."""
        return TransientError(f"{self.place} does not respond like MLflow to a request for {self.model}")

    def refusal(self, reply: FileResponse) -> DownloadError | TransientError:
        """The error that an unsuccessful response means."""
        status, text, code = reply.response.status, b"", ""
        with suppress(HTTPError, ValueError):
            text = read_body(reply.response, MAX_TRACKING_ERROR)
        with suppress(ValueError, TypeError, LookupError, RecursionError):
            code = str(json.loads(text)["error_code"])
        given = bool(self.authorization) and self.private
        refused = TrackingRefused(status, code, text[:200].decode(errors="replace"), given, bool(self.authorization))
        host = f"{self.client.hub.host}:{self.client.hub.port}"
        shown = f" ({printable(code, 64)})" if code else ""
        for applies, reason, sentence in TRACKING_ERROR_RULES:
            if applies(refused):
                return DownloadError(reason, sentence.format(at=self, host=host, login=TRACKING_LOGIN) + shown)
        answered = f"{reply.url.site} returned {status}{shown} for {self.model}"
        if status in RETRIED_BY_TRACKING:
            return TransientError(answered, retry_after(reply.response.headers))
        return DownloadError("Network", answered)


class TrackingRefused(NamedTuple):
    """What a response refuses."""

    status: int
    code: str
    """Its error_code."""
    text: str
    """How its body begins."""
    given: bool
    """Whether the request had credentials."""
    kept: bool
    """Whether there are any."""


LOGIN_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
TRACKING_ERROR_RULES: tuple[tuple[Callable[[TrackingRefused], bool], str, str], ...] = (
    (
        lambda at: at.status == HTTPStatus.FORBIDDEN and at.text.startswith("Invalid Host header"),
        "HostRefused",
        "{at.place} answers to other names only: start MLflow with --allowed-hosts {host}, or use a name that it has",
    ),
    (
        lambda at: at.code == "INVALID_PARAMETER_VALUE",
        "AliasNotFound",
        "{at.place} has no such alias of {at.model}: set it in MLflow, or correct the source",
    ),
    (
        lambda at: at.code == "RESOURCE_DOES_NOT_EXIST",
        "NotFound",
        "{at.place} has no {at.model}: correct the name or the version",
    ),
    (
        lambda at: at.status == HTTPStatus.SERVICE_UNAVAILABLE and "-serve-artifacts" in at.text,
        "NotFound",
        "{at.place} does not pass files on, and {at.model} is stored there: start MLflow with --serve-artifacts",
    ),
    (
        lambda at: at.status in LOGIN_REFUSED and at.kept and not at.given,
        "TokenNotAllowed",
        "{at.place} requires credentials for {at.model}, which are sent over https only: use https",
    ),
    (
        lambda at: at.status in LOGIN_REFUSED and not at.given,
        "TokenMissing",
        "{at.place} does not show {at.model} without credentials: provide {login}",
    ),
    (
        lambda at: at.status in LOGIN_REFUSED,
        "TokenInvalid",
        "{at.place} does not let these credentials read {at.model}: correct {login}",
    ),
    (
        lambda at: at.status == HTTPStatus.NOT_FOUND,
        "NotFound",
        "{at.place} is no MLflow server, or has no registry of models: correct access.endpoint",
    ),
)
"""Condition, reason and message of an error (source: the responses of MLflow 3.17.2)."""


def _server_url(endpoint: str | None) -> ParsedUrl:
    """The URL of a server. DownloadError (Network)."""
    try:
        return parse_hub(endpoint or "")
    except InvalidUrlError as error:
        raise DownloadError("Network", f"MLflow cannot be reached, access.endpoint has to name it: {error}") from error
