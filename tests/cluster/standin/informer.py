"""A live copy of all objects of one resource: list, then watch, and again when the watch is too old."""

import contextlib
import json
import logging
import queue
import random
import threading
from collections.abc import Callable, Iterable, Iterator

import urllib3

from .api import Api, ApiError
from .discovery import Resource
from .objects import Object, key_of, metadata
from .store import Store

log = logging.getLogger(__name__)

PAGE = 500
RETRY_SECONDS = (0.8, 30.0)  # first and longest wait after a failed list or watch, as in client-go's reflector

Handler = Callable[[Object | None, Object | None], None]  # old, new; None where there is none


class Subscription:
    """One handler and the thread that calls it, so that a slow handler holds up nobody else."""

    def __init__(self, name: str, handler: Handler) -> None:
        self._handler = handler
        self._changes: queue.SimpleQueue[tuple[Object | None, Object | None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=f"handler {name}", daemon=True).start()

    def put(self, old: Object | None, new: Object | None) -> None:
        self._changes.put((old, new))

    def close(self) -> None:
        self._changes.put(None)

    def _run(self) -> None:
        while (change := self._changes.get()) is not None:
            self._handler(*change)


class Informer:
    """The store of one resource, kept current by its own thread. Its objects are shared: never change one."""

    def __init__(self, api: Api, resource: Resource) -> None:
        self.resource = resource
        self.store = Store()
        self._api = api
        self._subscriptions: list[Subscription] = []
        self._lock = threading.Lock()
        self._synced, self._stop = threading.Event(), threading.Event()
        self._response: urllib3.BaseHTTPResponse | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"watch {self.resource.key}", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()
        with self._lock:
            for subscription in self._subscriptions:
                subscription.close()
            self._subscriptions.clear()
        if self._response is not None:
            # raised when the watch has just ended by itself
            with contextlib.suppress(ValueError, RuntimeError, OSError):
                self._response.shutdown()

    def wait_synced(self, seconds: float) -> bool:
        return self._synced.wait(seconds)

    def subscribe(self, name: str, handler: Handler) -> Subscription:
        """Call `handler` for every change from now on, and first for every object that is there as an addition."""
        subscription = Subscription(name, handler)
        with self._lock:
            self._subscriptions.append(subscription)
            for obj in self.store.objects():
                subscription.put(None, obj)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
        subscription.close()

    def _run(self) -> None:
        version, wait = "", RETRY_SECONDS[0]
        while not self._stop.is_set():
            try:
                version = self._watch(version or self._list())
                wait = RETRY_SECONDS[0]
            except (ApiError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if self._stop.is_set():
                    return
                # 410: the version is too old to watch from; anything else may hide a missed event as well
                log.warning("watch of %s begins again: %s", self.resource.key, error)
                version = ""
                self._stop.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311  jitter, no secret
                wait = min(wait * 2, RETRY_SECONDS[1])

    def _list(self) -> str:
        page = self._api.get(self.resource.path(), limit=PAGE)
        items = page["items"]
        while token := metadata(page).get("continue"):
            page = self._api.get(self.resource.path(), limit=PAGE, **{"continue": token})
            items += page["items"]
        gone = self.store.keys() - {key_of(item) for item in items}
        for key in gone:
            self._change(self.store.remove(key), None)
        for item in items:
            # items of a list leave out what the list says for all of them
            self._put({"apiVersion": self.resource.api_version, "kind": self.resource.kind, **item})
        self._synced.set()
        return metadata(page)["resourceVersion"]

    def _watch(self, version: str) -> str:
        """The last version seen before the server ended the watch."""
        seconds = random.randint(300, 600)  # noqa: S311  spread, no secret
        self._response = self._api.watch(self.resource.path(), seconds, resourceVersion=version)
        try:
            for line in _lines(self._response.stream()):
                event = json.loads(line)
                kind, obj = event["type"], event["object"]
                if kind == "ERROR":
                    raise ApiError(obj.get("code", 500), obj.get("reason", ""), obj.get("message", "watch error"))
                if kind == "DELETED":
                    self._change(self.store.remove(key_of(obj)) or obj, None)
                elif kind != "BOOKMARK":
                    self._put(obj)
                version = obj["metadata"]["resourceVersion"]
                if self._stop.is_set():
                    break
        finally:
            self._response.close()
        return version

    def _put(self, obj: Object) -> None:
        old = self.store.put(obj)
        if old is None or old["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
            self._change(old, obj)

    def _change(self, old: Object | None, new: Object | None) -> None:
        with self._lock:
            for subscription in self._subscriptions:
                subscription.put(old, new)


class InformerPool:
    """Informers shared by all controllers: the first use starts one, the last ends it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._used: dict[Resource, tuple[Informer, int]] = {}

    def acquire(self, resource: Resource) -> Informer:
        with self._lock:
            informer, users = self._used.get(resource) or (Informer(self._api, resource), 0)
            self._used[resource] = informer, users + 1
            if not users:
                informer.start()
        return informer

    def release(self, informer: Informer) -> None:
        with self._lock:
            _, users = self._used[informer.resource]
            if users > 1:
                self._used[informer.resource] = informer, users - 1
                return
            del self._used[informer.resource]
        informer.stop()


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
