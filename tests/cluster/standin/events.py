"""Events on objects: repeated ones are counted instead of written again, and no more of them than client-go allows."""

import logging
import queue
import threading
import time
from dataclasses import dataclass, field

import urllib3

from .api import Api, ApiError
from .objects import Object, key_of, uid
from .ratelimit import TokenBucket

log = logging.getLogger(__name__)

COMPONENT = "metacontroller-stand-in"
WAITING = 1000  # events that may wait to be written; more are dropped
SIMILAR = 10  # distinct messages of one reason on one object; further ones are combined
FORGET_SECONDS = 600.0
MESSAGE_BYTES = 1024  # the API server's limit


@dataclass
class _Similar:
    """What was said about one object for one reason."""

    since: float
    messages: dict[str, Object] = field(default_factory=dict)  # message: the event written for it


class EventRecorder:
    """Writes events in the background. Per object, `burst` at once and then `qps` a second; the rest is dropped."""

    def __init__(self, api: Api, qps: float, burst: int) -> None:
        self._api, self._qps, self._burst = api, qps, burst
        self._waiting: queue.Queue[tuple[Object, str, str, str]] = queue.Queue(WAITING)
        self._buckets: dict[str, TokenBucket] = {}
        self._similar: dict[tuple[str, str, str], _Similar] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def record(self, obj: Object, kind: str, reason: str, message: str) -> None:
        """`kind` is Normal or Warning."""
        log.log(logging.WARNING if kind == "Warning" else logging.INFO, "%s: %s", reason, message)
        try:
            self._waiting.put_nowait((obj, kind, reason, message))
        except queue.Full:
            log.warning("an event is dropped: %d are waiting already", WAITING)

    def _run(self) -> None:
        while True:
            obj, kind, reason, message = self._waiting.get()
            try:
                self._write(obj, kind, reason, message)
            except (ApiError, urllib3.exceptions.HTTPError) as error:
                log.warning("cannot write an event: %s", error)

    def _write(self, obj: Object, kind: str, reason: str, message: str) -> None:
        now = time.monotonic()
        similar = self._similar.get((uid(obj), kind, reason))
        if similar is None or now - similar.since > FORGET_SECONDS:
            similar = self._similar[uid(obj), kind, reason] = _Similar(now)
        if message not in similar.messages and len(similar.messages) >= SIMILAR:
            message = f"(combined from similar events): {message}"
            for combined in [text for text in similar.messages if text.startswith("(combined")]:
                similar.messages[message] = similar.messages.pop(combined)
        if not self._buckets.setdefault(uid(obj), TokenBucket(self._qps, self._burst)).try_take():
            return
        said, shown = similar.messages.get(message), message.encode()[:MESSAGE_BYTES].decode(errors="ignore")
        repeated = self._repeat(said, shown) if said else None
        similar.messages[message] = repeated or self._create(obj, kind, reason, shown)

    def _create(self, obj: Object, kind: str, reason: str, message: str) -> Object:
        namespace, name = key_of(obj)
        stamp = _now()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{time.time_ns():x}", "namespace": namespace or "default"},
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": name,
                "namespace": namespace,
                "uid": uid(obj),
                "resourceVersion": obj["metadata"].get("resourceVersion", ""),
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
        }
        return self._api.create(f"/api/v1/namespaces/{namespace or 'default'}/events", event)

    def _repeat(self, said: Object, message: str) -> Object | None:
        """None where somebody has deleted the event; client-go then writes another."""
        meta = said["metadata"]
        change = {"count": said["count"] + 1, "lastTimestamp": _now(), "message": message}
        try:
            return self._api.merge_patch(f"/api/v1/namespaces/{meta['namespace']}/events/{meta['name']}", change)
        except ApiError as error:
            if error.status != 404:
                raise
            return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
