"""The observer of live metrics: one query to Prometheus for all endpoints, whose result is reused for a while."""

import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import parse_url

from aimlib.config import ConfigError
from aimlib.naming import label_value
from aimlib.protocol.metacontroller import Request
from aimlib.telemetry.live_metrics import Observation
from aimlib.telemetry.prometheus_query import PrometheusError, metrics_query, parse_response
from aimlib.telemetry.track_query import TrackFigures, parse_tracks, tracks_query
from hooks.endpoint.world import live_metrics_requested, tries_version
from hooks.observability import metrics
from hooks.observability.logs import logger
from hooks.server.observers.bodies import body_start

QUERY_TIMEOUT_SECONDS = 2.0
"""Time for a query, its whole response included."""
QUERY_INTERVAL = timedelta(seconds=30)
"""Time between two queries, also after one that failed; meanwhile the result is reused."""
MAX_AGE = timedelta(seconds=90)
"""How long metrics are used while queries fail."""
MAX_RESPONSE_BYTES = 8 * 2**20
"""Two thousand endpoints with all metrics have 2.2 MiB."""


class Source(NamedTuple):
    """The address of Prometheus, and the credentials for it."""

    url: str
    """With its path prefix, and without /api."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    token_file: str | None = None
    """The file of a bearer token; read for each query, since it is renewed."""


def read_source(environment: Mapping[str, str]) -> Source:
    """Reads AIM_PROMETHEUS_URL, _CA_FILE and _TOKEN_FILE. ConfigError for an invalid URL, or a token without TLS."""
    url = environment.get("AIM_PROMETHEUS_URL", "")
    if not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", url):
        shown = re.sub(r"//[^/]*@", "//…@", url) or "empty"
        expected = "must be http(s)://host[:port][/prefix] where AIM_OBSERVE has prometheus"
        raise ConfigError(f"AIM_PROMETHEUS_URL {expected}; it is {shown}")
    token_file = environment.get("AIM_PROMETHEUS_TOKEN_FILE") or None
    if token_file and parse_url(url).scheme != "https":
        raise ConfigError(
            f"AIM_PROMETHEUS_TOKEN_FILE: a token is sent over https only, and AIM_PROMETHEUS_URL is {url}"
        )
    return Source(url.rstrip("/"), environment.get("AIM_PROMETHEUS_CA_FILE") or None, token_file)


S = TypeVar("S")


class QueryResult(NamedTuple, Generic[S]):
    """The result of the last query that succeeded, or the error."""

    queried_at: datetime
    """When Prometheus was last queried."""
    observed_at: datetime
    """When the series were queried."""
    series: Mapping[tuple[str, str], S]
    error: str = ""


class ReusedQuery(Generic[S]):
    """A query for all endpoints, made at most once per QUERY_INTERVAL for all syncs of this process."""

    def __init__(self, source: Source, query: str, parse: Callable[[bytes], Mapping[tuple[str, str], S]]) -> None:
        self._source = source
        self._query = query
        self._parse = parse
        self._result: QueryResult[S] | None = None
        self._querying = Lock()

    def result(self, request: Request) -> QueryResult[S] | None:
        """The latest result. While one sync queries, others use the former one, and wait where there is none yet."""
        if self._is_due(request.now) and self._querying.acquire(blocking=self._result is None):
            try:
                self._result = self._refresh(request.now) if self._is_due(request.now) else self._result
            finally:
                self._querying.release()
        return self._result

    def _is_due(self, now: datetime) -> bool:
        return self._result is None or not timedelta(0) <= now - self._result.queried_at < QUERY_INTERVAL

    def _refresh(self, now: datetime) -> QueryResult[S]:
        try:
            series = self._parse(query_source(self._source, self._query))
        except (PrometheusError, HTTPError, OSError) as error:
            metrics.OBSERVER_REQUESTS.labels("prometheus", "failed").inc()
            message = str(error) if isinstance(error, PrometheusError) else "no answer"
            logger().warning(
                "metrics cannot be queried", extra={"facts": {"url": self._source.url, "error": str(error)}}
            )
            still_valid = self._result and not self._result.error and now - self._result.observed_at < MAX_AGE
            return (
                self._result._replace(queried_at=now)
                if self._result and still_valid
                else QueryResult(now, now, {}, message)
            )
        metrics.OBSERVER_REQUESTS.labels("prometheus", "succeeded").inc()
        return QueryResult(now, now, series)


def _key(request: Request) -> tuple[str, str]:
    metadata = request.parent["metadata"]
    return metadata.get("namespace", "default"), label_value(metadata["name"])


class PrometheusObserver:
    """The live metrics of endpoints."""

    def __init__(self, source: Source) -> None:
        self._metrics: ReusedQuery[Mapping[str, float]] = ReusedQuery(source, metrics_query(), parse_response)

    def __call__(self, request: Request) -> Observation | None:
        """The metrics of the request's endpoint; None where its spec requests none."""
        result = self._metrics.result(request) if live_metrics_requested(request) else None
        return result and Observation(result.observed_at, result.series.get(_key(request), {}), result.error)


class TrackObserver:
    """The figures of both versions of endpoints that try one."""

    def __init__(self, source: Source) -> None:
        self._figures: ReusedQuery[TrackFigures] = ReusedQuery(source, tracks_query(), parse_tracks)

    def __call__(self, request: Request) -> TrackFigures | None:
        """The figures of the request's endpoint; None where no version is tried."""
        result = self._figures.result(request) if tries_version(request) else None
        return result and result.series.get(_key(request), {})


def query_source(source: Source, query: str) -> bytes:
    """Queries Prometheus and returns the body. PrometheusError, HTTPError or OSError where there is none in time."""
    deadline = time.monotonic() + QUERY_TIMEOUT_SECONDS
    headers = {"User-Agent": "aim-hooks"}
    if source.token_file:
        headers["Authorization"] = f"Bearer {_read_token(source.token_file)}"
    # Created for each query, so that certificates are read again, and no stale connection is used.
    with PoolManager(ca_certs=source.ca_file, timeout=Timeout(total=QUERY_TIMEOUT_SECONDS), retries=False) as pool:
        response = pool.request(
            "POST",
            f"{source.url}/api/v1/query",
            fields={"query": query, "timeout": f"{QUERY_TIMEOUT_SECONDS:g}s"},
            encode_multipart=False,
            headers=headers,
            redirect=False,
            preload_content=False,
        )
        with response:
            if response.status != HTTPStatus.OK:
                raise PrometheusError(f"HTTP status {response.status}")
            return _read_body(response, deadline)


def _read_token(file: str) -> str:
    token = Path(file).read_text(encoding="latin-1").strip()
    if not re.fullmatch(r"[!-~]+", token):  # an error about the header would log the token
        raise PrometheusError("no token in the file of AIM_PROMETHEUS_TOKEN_FILE")
    return token


def _read_body(response: BaseHTTPResponse, deadline: float) -> bytes:
    """Reads a whole body, as long as it is small enough and arrives in time."""
    try:
        body = body_start(response, MAX_RESPONSE_BYTES + 1, deadline, "an answer")
    except TimeoutError as error:
        raise PrometheusError("an answer that did not end in time") from error
    if len(body) > MAX_RESPONSE_BYTES:
        raise PrometheusError(f"an answer of more than {MAX_RESPONSE_BYTES // 2**20} MiB")
    return bytes(body)


def prometheus_observer() -> PrometheusObserver:
    """The observer of live metrics that the environment configures."""
    return PrometheusObserver(read_source(os.environ))


def track_observer() -> TrackObserver:
    """The observer of the figures of two versions that the environment configures."""
    return TrackObserver(read_source(os.environ))
