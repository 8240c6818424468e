"""The observer of live figures: one question to Prometheus about all endpoints, whose answer serves for a while."""

import os
import re
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import parse_url

from aimlib.config import ConfigError
from aimlib.naming import label_value
from aimlib.protocol.metacontroller import Request
from aimlib.telemetry.live_metrics import Observation
from aimlib.telemetry.prometheus_query import PrometheusError, Series, metrics_query, parse_response
from hooks.endpoint.world import live_metrics_requested
from hooks.observability import metrics
from hooks.observability.logs import logger

TIMEOUT_SECONDS = 2.0
"""How long an answer may let wait for itself, and after which no more of it is read."""
FRESH = timedelta(seconds=30)
"""How long an answer serves, and how long after a question without an answer the next one is put."""
KEPT = timedelta(seconds=90)
"""How long figures outlive the Prometheus that gave them."""
LARGEST_ANSWER = 8 * 2**20
"""Bytes; two thousand endpoints with all figures are 2.2 MiB."""
CHUNK = 2**16


class Source(NamedTuple):
    """Where Prometheus answers, and how it is asked."""

    url: str
    """With its path prefix, and without /api."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    token_file: str | None = None
    """A bearer token; read for each question, since it is renewed."""


def source(environment: Mapping[str, str]) -> Source:
    """What AIM_PROMETHEUS_URL, _CA_FILE and _TOKEN_FILE say; ConfigError for what cannot be asked, or not safely."""
    url = environment.get("AIM_PROMETHEUS_URL", "")
    if not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", url):
        found = re.sub(r"//[^/]*@", "//…@", url) or "nothing"
        words = "asked for http(s)://host[:port][/prefix], where AIM_OBSERVE has prometheus"
        raise ConfigError(f"AIM_PROMETHEUS_URL: {words}; found {found}")
    token_file = environment.get("AIM_PROMETHEUS_TOKEN_FILE") or None
    if token_file and parse_url(url).scheme != "https":
        raise ConfigError(f"AIM_PROMETHEUS_TOKEN_FILE: a token goes over https only, found {url}")
    return Source(url.rstrip("/"), environment.get("AIM_PROMETHEUS_CA_FILE") or None, token_file)


class Answered(NamedTuple):
    """What is known."""

    asked: datetime
    """When Prometheus was asked last."""
    at: datetime
    """When it was asked for what is known."""
    series: Series
    trouble: str = ""


class Figures:
    """Asks Prometheus, at most once in `FRESH` for all syncs of this process together."""

    def __init__(self, asked_of: Source) -> None:
        self._source = asked_of
        self._known: Answered | None = None
        self._turn = Lock()

    def __call__(self, request: Request) -> Observation | None:
        """The metrics of the request's endpoint; None where it asks for none.

        While one sync asks, others go by what is known, and wait only where nothing is known yet.
        """
        if not live_metrics_requested(request):
            return None
        if self._due(request.now) and self._turn.acquire(blocking=self._known is None):
            try:
                self._known = self._ask(request.now) if self._due(request.now) else self._known
            finally:
                self._turn.release()
        return self._of(request)

    def _due(self, now: datetime) -> bool:
        return self._known is None or not timedelta(0) <= now - self._known.asked < FRESH

    def _of(self, request: Request) -> Observation | None:
        metadata, known = request.parent["metadata"], self._known
        key = metadata.get("namespace", "default"), label_value(metadata["name"])
        return known and Observation(known.at, known.series.get(key, {}), known.trouble)

    def _ask(self, now: datetime) -> Answered:
        try:
            series = parse_response(_answer(self._source))
        except (PrometheusError, HTTPError, OSError) as error:
            metrics.OBSERVATIONS.labels("prometheus", "failed").inc()
            trouble = str(error) if isinstance(error, PrometheusError) else "no answer"
            logger().warning("figures are not known", extra={"facts": {"asked": self._source.url, "error": str(error)}})
            kept = self._known and not self._known.trouble and now - self._known.at < KEPT
            return self._known._replace(asked=now) if self._known and kept else Answered(now, now, {}, trouble)
        metrics.OBSERVATIONS.labels("prometheus", "answered").inc()
        return Answered(now, now, series)


def _answer(asked_of: Source) -> bytes:
    """The body of an answer; PrometheusError, or what urllib3 and the system raise, where there is none in time."""
    ends = time.monotonic() + TIMEOUT_SECONDS
    headers = {"User-Agent": "aim-hooks"}
    if asked_of.token_file:
        headers["Authorization"] = f"Bearer {_token(asked_of.token_file)}"
    # Made anew for each question: certificates are read again, and no connection is kept that a restart has closed.
    with PoolManager(ca_certs=asked_of.ca_file, timeout=Timeout(total=TIMEOUT_SECONDS), retries=False) as pool:
        reply = pool.request(
            "POST",
            f"{asked_of.url}/api/v1/query",
            fields={"query": metrics_query(), "timeout": f"{TIMEOUT_SECONDS:g}s"},
            encode_multipart=False,
            headers=headers,
            redirect=False,
            preload_content=False,
        )
        with reply:
            if reply.status != HTTPStatus.OK:
                raise PrometheusError(f"HTTP status {reply.status}")
            return _body(reply, ends)


def _token(file: str) -> str:
    token = Path(file).read_text(encoding="latin-1").strip()
    if not re.fullmatch(r"[!-~]+", token):  # an error about the header would show it in the log
        raise PrometheusError("no token in the file of AIM_PROMETHEUS_TOKEN_FILE")
    return token


def _body(reply: BaseHTTPResponse, ends: float) -> bytes:
    """All of a body, as long as it is small enough and comes in time: each read returns what is there."""
    body = bytearray()
    while chunk := reply.read1(CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise PrometheusError(f"an answer of more than {LARGEST_ANSWER // 2**20} MiB")
        if time.monotonic() > ends:
            raise PrometheusError("an answer that did not end in time")
    return bytes(body)


def figures() -> Figures:
    """The observer that the environment describes."""
    return Figures(source(os.environ))
