"""Sends the Events of endpoints and caches, in a thread of its own: Metacontroller sends none of a hook's.

A sync only queues them. Whatever the API server does, no sync waits for it or fails; what finds no place is dropped and
counted. Each worker process and each replica sends for the syncs that it has. An Event's name follows from the object's
version and the transition, so where two of them have the same sync, the second is refused as a conflict.
"""

import time
from collections.abc import Callable
from queue import Full, Queue
from threading import Lock, Thread
from typing import Any

from kubernetes.client import ApiException, CoreV1Api
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from aimlib.api.meta import Raw
from aimlib.kube.timestamp import format_timestamp
from aimlib.naming import short_digest
from aimlib.printable import printable
from aimlib.protocol.metacontroller import Request
from hooks.kube_client import api_client, error_message
from hooks.observability import metrics
from hooks.observability.changes import as_mapping
from hooks.observability.logs import logger
from hooks.observability.transitions import WARNING, Transition, transitions
from hooks.server.event_limits import EventLimits

COMPONENT = "aim-hooks"
"""The source of the Events, which `kubectl describe` shows."""
EVENT_MESSAGE_LENGTH = 1024
"""Characters of a message, as Kubernetes bounds those of Events."""
NAME_LENGTH = 200
"""Characters of the object's name in that of the Event, which has at most 253."""
QUEUE_LENGTH = 256
"""Most Events that wait for the API server."""
TIMEOUT_SECONDS = 2.0
"""Time for one request."""
CONFLICT = 409
"""The status where an Event of that name is there."""


class EventSender:
    """The Events of one process. The thread starts with the first, since the process forks before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limits = EventLimits()
        self._queue: Queue[Raw] = Queue(QUEUE_LENGTH)
        self._thread: Thread | None = None
        self._starting = Lock()
        self._client: Any = None
        self._failing = False

    def tell(self, request: Request, status: object) -> None:
        """Queues the Events about the status in the response to a sync; errors are counted and logged."""
        try:
            for transition in transitions(request, status) if status else ():
                self._add(request, transition)
        except Exception:  # noqa: BLE001 - the response is right without its Events
            metrics.EVENTS.labels("failed").inc()
            logger().exception("events could not be made")

    def wait(self) -> None:
        """Returns when every Event that was queued is sent or given up."""
        self._queue.join()

    def _add(self, request: Request, transition: Transition) -> None:
        event = event_object(request, transition)
        if not self._limits.is_new(event["metadata"]["name"]):
            return
        uid, warning = str(event["involvedObject"].get("uid")), transition.type == WARNING
        if not self._limits.allow(uid, self._clock(), warning=warning) or not self._queued(event):
            metrics.EVENTS.labels("dropped").inc()
            return
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="events", daemon=True)
                self._thread.start()

    def _queued(self, event: Raw) -> bool:
        try:
            self._queue.put_nowait(event)
        except Full:
            return False
        return True

    def _run(self) -> None:
        while True:
            event = self._queue.get()
            try:
                self._create(event)
            finally:
                self._queue.task_done()

    def _create(self, event: Raw) -> None:
        try:
            self._client = self._client or api_client()
            body: Any = event  # which the client sends as it is
            CoreV1Api(self._client).create_namespaced_event(
                event["metadata"]["namespace"], body, _request_timeout=TIMEOUT_SECONDS, _preload_content=False
            )
        except (ApiException, ConfigException, HTTPError, OSError, ValueError) as error:
            repeated = getattr(error, "status", None) == CONFLICT
            metrics.EVENTS.labels("repeated" if repeated else "failed").inc()
            if not repeated and not self._failing:
                self._failing = True  # one line for all that fail in a row
                logger().warning("events cannot be sent", extra={"facts": {"error": error_message(error)}})
            return
        self._failing = False
        metrics.EVENTS.labels("sent").inc()


def event_object(request: Request, transition: Transition) -> Raw:
    """The Event (core/v1) of one transition of a request's parent.

    The parent's resourceVersion in a request is that before the transition: the same transition from there has the same
    name, and a later one has another. Before there is a status, others may write to the object, and a status that was
    about to be written is computed again: until then, the generation of its spec counts.
    """
    metadata, when = request.parent["metadata"], format_timestamp(request.now)
    namespace, version = metadata.get("namespace", "default"), metadata.get("resourceVersion")
    seen = as_mapping(request.parent.get("status")).get("conditions")
    since = version if seen else f"generation {metadata.get('generation')}"
    digest = short_digest(metadata.get("uid"), since, *transition._replace(message=""), length=16)
    about = {
        "apiVersion": request.parent.get("apiVersion"),
        "kind": request.parent.get("kind"),
        "namespace": namespace,
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "resourceVersion": version,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name'][:NAME_LENGTH].rstrip('-.')}.{digest}", "namespace": namespace},
        "involvedObject": {key: value for key, value in about.items() if value is not None},
        "reason": transition.reason,
        "type": transition.type,
        "message": printable(transition.message, EVENT_MESSAGE_LENGTH),
        "source": {"component": COMPONENT},
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
