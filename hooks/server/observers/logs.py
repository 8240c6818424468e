"""The observer of logs: reads the log of a container that ended, once for each attempt, for the cause of its end.

A log may have what users wrote: of it stays what the diagnosis quotes, and the rest is forgotten at once. A sync waits
for one read at most, and for none while another sync of this process waits for one.
"""

import time
from collections import OrderedDict
from datetime import datetime, timedelta
from http import HTTPStatus
from threading import Lock
from typing import Any, NamedTuple

from kubernetes.client import ApiException, CoreV1Api
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from aimlib.diagnosis.container_ends import EndedContainer, EngineLog, is_killed_for_memory
from aimlib.diagnosis.engine_errors import Findings, examine
from aimlib.diagnosis.pod_failures import ended_container
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import PODS
from hooks.kube_client import api_client, error_message
from hooks.observability import metrics
from hooks.observability.logs import logger
from hooks.server.observers.bodies import body_start

LOG_TIMEOUT_SECONDS = 0.4
"""Time for a log to arrive; one of 40 KB takes some milliseconds."""
TAIL_LINES = 2000
"""Lines that are requested: eight workers that fail together print about a thousand."""
MAX_LOG_BYTES = 2**20
"""Bytes of them that are requested, and read."""
READ_INTERVAL = timedelta(milliseconds=100)
"""Time between two reads of this process."""
RETRY_AFTER = timedelta(seconds=30)
"""When a log that could not be read is requested again."""
ALLOWED_AGAIN_AFTER = timedelta(minutes=5)
"""When the API server is asked again after it has refused a read for want of the right."""
MAX_LOGS = 512
"""Most attempts whose findings are kept."""


class _Reading(NamedTuple):
    """The last read of an attempt's log."""

    at: datetime
    findings: Findings | None
    """None where it failed, which is tried again."""


class LogObserver:
    """Reads logs at the API server, at most one per sync."""

    def __init__(self) -> None:
        self._client: Any = None
        self._readings: OrderedDict[tuple[str, ...], _Reading] = OrderedDict()
        self._requesting = Lock()
        self._requested_at: datetime | None = None
        self._refused: dict[str, datetime] = {}
        """When a namespace's logs were refused last; each is reported once."""

    def __call__(self, request: Request) -> EngineLog | None:
        """What the log of the container that ended last has; None where there is none, or no right to read it.

        Without findings where it could not be read yet.
        """
        pods = request.observations.get(PODS)
        end = ended_container(pods or (), request.now)
        if end is None or is_killed_for_memory(end) or self._is_refused(end, request.now):
            return None
        if self._is_due(end, request.now) and self._requesting.acquire(blocking=False):
            try:
                self._read(end, request.now)
            finally:
                self._requesting.release()
        if self._is_refused(end, request.now):
            return None
        reading = self._readings.get(end.attempt)
        return EngineLog(end.attempt, reading and reading.findings)

    def _is_refused(self, end: EndedContainer, now: datetime) -> bool:
        return _within(self._refused.get(end.pod["metadata"]["namespace"]), now, ALLOWED_AGAIN_AFTER)

    def _is_due(self, end: EndedContainer, now: datetime) -> bool:
        reading = self._readings.get(end.attempt)
        done = reading and (reading.findings or _within(reading.at, now, RETRY_AFTER))
        return not done and not _within(self._requested_at, now, READ_INTERVAL)

    def _read(self, end: EndedContainer, now: datetime) -> None:
        self._requested_at = now
        try:
            findings: Findings | None = examine(self._request(end))
        except (ApiException, ConfigException, HTTPError, OSError, ValueError) as error:
            findings = self._failed(end, error, now)
        else:
            self._refused.pop(end.pod["metadata"]["namespace"], None)
            metrics.OBSERVER_REQUESTS.labels("logs", "succeeded").inc()
        self._readings[end.attempt] = _Reading(now, findings)
        self._readings.move_to_end(end.attempt)
        while len(self._readings) > MAX_LOGS:
            self._readings.popitem(last=False)

    def _failed(self, end: EndedContainer, error: Exception, now: datetime) -> Findings | None:
        """What is known of a log that was not read: nothing, for good where the API server does not have it."""
        status = error.status if isinstance(error, ApiException) else None
        gone = status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
        metrics.OBSERVER_REQUESTS.labels("logs", "succeeded" if gone else "failed").inc()
        metadata, text = end.pod["metadata"], "a log cannot be read"
        facts = {"namespace": metadata["namespace"], "name": metadata["name"], "error": error_message(error)}
        if status == HTTPStatus.FORBIDDEN:
            text = "logs cannot be read: the right to get pods/log is missing, which the component pod-logs gives"
        if status != HTTPStatus.FORBIDDEN or metadata["namespace"] not in self._refused:
            logger().warning(text, extra={"facts": facts})
        if status == HTTPStatus.FORBIDDEN:
            self._refused[metadata["namespace"]] = now
        return examine("") if gone else None

    def _request(self, end: EndedContainer) -> str:
        """The end of a log. ApiException, HTTPError or OSError where it does not arrive in time."""
        deadline = time.monotonic() + LOG_TIMEOUT_SECONDS
        self._client = self._client or api_client()
        metadata = end.pod["metadata"]
        # The client's own reading would wait for a response without an end, and keep all of it.
        response: Any = CoreV1Api(self._client).read_namespaced_pod_log(
            metadata["name"],
            metadata["namespace"],
            container=end.name,
            previous=end.previous,
            tail_lines=TAIL_LINES,
            limit_bytes=MAX_LOG_BYTES,
            _request_timeout=LOG_TIMEOUT_SECONDS,
            _preload_content=False,
        )
        return body_start(response, MAX_LOG_BYTES, deadline, "the log").decode(errors="replace")


def _within(since: datetime | None, now: datetime, time_span: timedelta) -> bool:
    """Whether less time has passed; a clock that was set back ends it."""
    return since is not None and timedelta(0) <= now - since < time_span
