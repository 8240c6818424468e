"""A hook call: one POST over a kept-alive connection, judged as Metacontroller judges it."""

import json
import math
import time
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3
from prometheus_client import Counter

from .definition import HookAddress
from .objects import Object

CALLS = Counter(
    "metacontroller_standin_hook_requests",
    "Hook calls by controller, hook and HTTP status (0: no answer)",
    ("controller", "hook", "code"),
)


class HookError(Exception):
    """The hook did not answer 200 with JSON within its time."""


class TooManyRequestsError(Exception):
    """The hook asked to be left alone for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many requests, again after {seconds:g} s")
        self.seconds = seconds


class Hook:
    """One webhook of one controller, callable from all its workers."""

    def __init__(self, controller: str, name: str, address: HookAddress, workers: int) -> None:
        self._controller, self._name, self._address = controller, name, address
        # workers, and one informer thread that asks customize
        self._pool = urllib3.PoolManager(maxsize=workers + 1, retries=False, ssl_context=address.authorities)

    def __call__(self, request: Object) -> Any:
        """The parsed answer; HookError or TooManyRequestsError."""
        code = 0
        try:
            response = self._pool.urlopen(
                "POST",
                self._address.url,
                body=json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode(),
                headers={"Content-Type": "application/json"},
                timeout=urllib3.Timeout(total=self._address.timeout),
                redirect=False,
            )
            code = response.status
        except urllib3.exceptions.HTTPError as error:
            raise HookError(f"{self._name} hook failed: http error: {error}") from error
        finally:
            CALLS.labels(self._controller, self._name, code).inc()
        if code == 429:
            raise TooManyRequestsError(_retry_after(response.headers.get("Retry-After", "")))
        if code != 200:
            body = response.data.decode(errors="replace")
            raise HookError(f"{self._name} hook failed: unsupported status code: {code} body: {body}")
        try:
            return json.loads(response.data)
        except ValueError as error:
            raise HookError(f"{self._name} hook failed: can't unmarshal response: {error}") from error


def _retry_after(text: str) -> float:
    """Seconds, given as such or as a date; anything else means at once, which is the real program's hot loop."""
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, math.ceil(parsedate_to_datetime(text).timestamp() - time.time()))
    except ValueError:
        return 0.0
