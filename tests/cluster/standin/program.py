"""The process: reads the two kinds of controller objects and runs what they define."""

import logging
import threading
from dataclasses import dataclass

import urllib3

from .api import Api, ApiError
from .composite import CompositeController
from .controller import Context, Controller
from .decorator import DecoratorController
from .definition import RefusedError, parse_definition
from .discovery import Discovery, UnknownResourceError
from .events import EventRecorder
from .informer import Informer, InformerPool
from .objects import Object, same
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

API_VERSION = "metacontroller.k8s.io/v1alpha1"
KINDS: dict[str, tuple[str, type[Controller]]] = {
    "compositecontrollers": ("CompositeController", CompositeController),
    "decoratorcontrollers": ("DecoratorController", DecoratorController),
}
STATUS_MISSING = "does not have subresource 'Status' enabled"


@dataclass(frozen=True)
class Settings:
    """The flags, parsed; times in seconds."""

    kubeconfig: str | None
    discovery_interval: float
    cache_flush_interval: float
    qps: float
    burst: int
    workers: int
    events_qps: float
    events_burst: int


class Program:
    """Everything that runs; one per process."""

    def __init__(self, settings: Settings) -> None:
        api = Api(settings.kubeconfig, settings.qps, settings.burst)
        self._discovery = Discovery(api, settings.discovery_interval)
        self._informers = InformerPool(api)
        # events have their own brake and must not wait behind a thousand children
        self._events = EventRecorder(
            Api(settings.kubeconfig, settings.qps, settings.burst), settings.events_qps, settings.events_burst
        )
        self._context = Context(
            api, self._discovery, self._informers, self._events, settings.workers, settings.cache_flush_interval
        )
        self._definitions: dict[str, Informer] = {}
        self._running: dict[tuple[str, str], tuple[Object, Controller]] = {}
        self._queue = WorkQueue()
        self._ready = threading.Event()

    def start(self) -> None:
        """Returns once the controller objects are listed; ApiError when the API server refuses."""
        self._discovery.start()
        self._events.start()
        for plural in KINDS:
            informer = self._informers.acquire(self._discovery.resource(API_VERSION, plural))
            self._definitions[plural] = informer
            informer.wait_synced(60.0)
            informer.subscribe(plural, self._changed)
        threading.Thread(target=self._work, name="controllers", daemon=True).start()
        self._ready.set()

    def ready(self) -> bool:
        return self._ready.is_set()

    def stop(self) -> None:
        self._queue.shut_down()
        self._discovery.stop()
        for _, controller in self._running.values():
            controller.stop()

    def _changed(self, old: Object | None, new: Object | None) -> None:
        obj = new or old or {}
        plural = next(plural for plural, (kind, _) in KINDS.items() if kind == obj["kind"])
        self._queue.add((plural, obj["metadata"]["name"]))

    def _work(self) -> None:
        while (key := self._queue.get()) is not None:
            try:
                self._reconcile(*key)
            except (ApiError, urllib3.exceptions.HTTPError, UnknownResourceError, ValueError):
                self._queue.add_rate_limited(key)
            else:
                self._queue.forget(key)
            finally:
                self._queue.done(key)

    def _reconcile(self, plural: str, name: str) -> None:
        """Run the controller as its object says now: start, restart when the spec differs, or stop."""
        obj = self._definitions[plural].store.get("", name)
        was, controller = self._running.get((plural, name), (None, None))
        if was is not None and obj is not None and same(was.get("spec"), obj.get("spec")):
            return
        if controller is not None:
            self._events.record(was, "Normal", "Stopping", f"Stopping controller: {name}")
            controller.stop()
            del self._running[plural, name]
            self._events.record(was, "Normal", "Stopped", f"Stopped controller: {name}")
        if obj is None:
            return
        try:
            controller = KINDS[plural][1](self._context, parse_definition(obj))
        except (UnknownResourceError, ValueError) as error:
            ignored = isinstance(error, RefusedError) and "no subresource" in str(error)
            reason, what = ("SyncError", "Sync error") if ignored else ("CreateError", "Cannot create new controller")
            self._events.record(obj, "Warning", reason, f"{what}: {error}")
            if ignored:
                return
            raise
        self._events.record(obj, "Normal", "Starting", f"Starting controller: {name}")
        controller.start()
        self._running[plural, name] = obj, controller
        self._events.record(obj, "Normal", "Started", f"Started controller: {name}")
