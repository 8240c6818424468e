"""The API server over HTTP: raw JSON in and out, on the `kubernetes` client's configuration and connections."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config

from .objects import Object
from .ratelimit import TokenBucket

# the part before the slash becomes the field manager in managedFields, which hooks see
USER_AGENT = "metacontroller/stand-in"
CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 60.0
THROTTLED_RETRIES = 10


class ApiError(Exception):
    """An answer of the API server other than success: HTTP status, the Status object's reason, its message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Api:
    """One API server. Every call but `watch` waits for its turn: `qps` a second, `burst` at once."""

    def __init__(self, kubeconfig: str | None, qps: float, burst: int, user_agent: str = USER_AGENT) -> None:
        configuration = client.Configuration()
        config.load_kube_config(config_file=kubeconfig, client_configuration=configuration)
        configuration.connection_pool_maxsize = 512  # more than there are threads: none is closed after use
        self._configuration = configuration
        self._pool = client.ApiClient(configuration).rest_client.pool_manager
        self._bucket = TokenBucket(qps, burst)
        self._user_agent = user_agent

    def get(self, path: str, accept: str = "application/json", **query: str | int) -> Object:
        return self._call("GET", path, query=query, accept=accept)

    def create(self, path: str, body: Object) -> Object:
        return self._call("POST", path, body=body)

    def replace(self, path: str, body: Object) -> Object:
        return self._call("PUT", path, body=body)

    def delete(self, path: str, options: Object) -> Object:
        return self._call("DELETE", path, body=options)

    def merge_patch(self, path: str, body: Object) -> Object:
        return self._call("PATCH", path, body=body, content_type="application/merge-patch+json")

    def watch(self, path: str, seconds: int, **query: str | int) -> urllib3.BaseHTTPResponse:
        """The open response, one JSON event a line; the server ends it after `seconds`."""
        query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        response = self._send("GET", path, query=query, read_seconds=seconds + 30.0, preload_content=False)
        if response.status != 200:
            raise _error(response.status, response.read())
        return response

    def _call(self, method: str, path: str, **request: Any) -> Object:
        for _ in range(THROTTLED_RETRIES):
            time.sleep(self._bucket.reserve())
            response = self._send(method, path, read_seconds=REQUEST_SECONDS, **request)
            if response.status != 429:
                break
            time.sleep(float(response.headers.get("Retry-After", "1")))
        if response.status >= 300:
            raise _error(response.status, response.data)
        return json.loads(response.data)

    def _send(  # noqa: PLR0913  the shape of an HTTP request
        self,
        method: str,
        path: str,
        *,
        read_seconds: float,
        query: dict[str, Any] | None = None,
        body: Object | None = None,
        accept: str = "application/json",
        content_type: str = "application/json",
        preload_content: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": accept, "User-Agent": self._user_agent}
        if body is not None:
            headers["Content-Type"] = content_type
        for setting in self._configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"]
        return self._pool.urlopen(
            method,
            f"{self._configuration.host}{path}{'?' + urlencode(query) if query else ''}",
            body=None if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
            headers=headers,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
            retries=False,
            redirect=False,
            preload_content=preload_content,
        )


def _error(status: int, body: bytes) -> ApiError:
    try:
        detail = json.loads(body)
        return ApiError(status, detail.get("reason") or "", detail.get("message") or str(status))
    except (ValueError, AttributeError):
        return ApiError(status, "", body[:300].decode(errors="replace") or f"HTTP status {status}")
