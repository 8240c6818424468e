"""What both kinds of controller share: informers, triggers, a queue of parents and the workers that sync them."""

import functools
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import urllib3

from .api import Api, ApiError
from .children import ChildMap, ChildWriter, aggregate
from .customize import Customize
from .definition import Definition
from .discovery import Discovery, Resource, UnknownResourceError
from .events import EventRecorder
from .hooks import Hook, HookError, TooManyRequestsError
from .informer import Informer, InformerPool, Subscription
from .objects import Object, controller_reference, deleting, describe, key_of
from .parents import ParentKind, Parents
from .responses import ResponseError
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5

ParentKey = tuple[Resource, str, str]


@dataclass(frozen=True)
class Context:
    """What one process shares among its controllers."""

    api: Api
    discovery: Discovery
    informers: InformerPool
    events: EventRecorder
    workers: int
    resync_seconds: float  # for controllers that name none


class SyncError(Exception):
    """A sync that must be tried again; the message becomes an event on the parent."""


# what a sync may fail with; anything else is a defect and ends the process
FAILURES = (
    SyncError,
    HookError,
    ResponseError,
    UnknownResourceError,
    ApiError,
    urllib3.exceptions.HTTPError,
    ValueError,
)


class Controller(ABC):
    """One running controller. Making one fails, with nothing started, when a kind is not served."""

    def __init__(self, context: Context, definition: Definition) -> None:
        self.context, self.definition = context, definition
        served = context.discovery.resource
        parents = [(rule, served(rule.api_version, rule.plural)) for rule in definition.parents]
        children = [(rule, served(rule.api_version, rule.plural)) for rule in definition.children]
        methods = {(resource.group, resource.kind): rule.method for rule, resource in children}
        self.hook = Hook(definition.name, "sync", definition.sync, context.workers)
        self.queue = WorkQueue()
        self.writer = ChildWriter(context.api, context.discovery, methods)
        self.parents = Parents(parents, context.informers)
        self.children = {resource: context.informers.acquire(resource) for _, resource in children}
        asked = definition.customize
        self.customize = Customize(
            controller=definition.rendered,
            hook=Hook(definition.name, "customize", asked, context.workers) if asked else None,
            discovery=context.discovery,
            informers=context.informers,
            parents=self.parents.matching,
            enqueue=self.enqueue,
        )
        self._subscriptions: list[tuple[Informer, Subscription]] = []
        self._stopped = threading.Event()
        self._starter = threading.Thread(target=self._start, name=f"{definition.name} start", daemon=True)
        self._threads = [
            threading.Thread(target=self._work, name=f"{definition.name} {number}", daemon=True)
            for number in range(context.workers)
        ]
        self._threads.append(threading.Thread(target=self._resync, name=f"{definition.name} resync", daemon=True))

    def start(self) -> None:
        self._starter.start()

    def stop(self) -> None:
        """Returns when no worker is in a sync any more."""
        self._stopped.set()
        self.queue.shut_down()
        self._starter.join()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for informer, subscription in self._subscriptions:
            informer.unsubscribe(subscription)
        self.customize.stop()
        for informer in self._informers():
            self.context.informers.release(informer)

    def enqueue(self, parent: Object) -> None:
        kind = self.parents.kind_of(parent)
        if kind and kind.matches(parent):
            self.queue.add((kind.resource, *key_of(parent)))

    @abstractmethod
    def sync(self, resource: Resource, parent: Object) -> None:
        """Ask the hook and apply its answer."""

    @abstractmethod
    def adopts(self, parent: Object, orphan: Object) -> bool:
        """Whether a child without an owner should become this parent's."""

    @abstractmethod
    def observed_children(self, resource: Resource, parent: Object) -> ChildMap:
        """The children that are this parent's, by every kind of the controller."""

    def manage(self, parent: Object, observed: ChildMap, desired: Iterable[Object]) -> str | None:
        """Write the children unless the parent is going; the error of those that could not be written."""
        if deleting(parent):
            return None
        errors = self.writer.reconcile(parent, observed, desired)
        return f"can't reconcile children for {describe(parent)}: {aggregate(errors)}" if errors else None

    def resync_after(self, resource: Resource, parent: Object, response: Object) -> None:
        seconds = response.get("resyncAfterSeconds") or 0
        if seconds > 0:
            self.queue.add_after((resource, *key_of(parent)), seconds)

    def _informers(self) -> list[Informer]:
        return [kind.informer for kind in self.parents] + list(self.children.values())

    def _start(self) -> None:
        for informer in self._informers():
            while not informer.wait_synced(POLL_SECONDS):
                if self._stopped.is_set():
                    return
        handlers = [(kind.informer, functools.partial(self._parent_changed, kind)) for kind in self.parents]
        handlers += [(informer, self._child_changed) for informer in self.children.values()]
        for informer, handler in handlers:
            self._subscriptions.append((informer, informer.subscribe(self.definition.name, handler)))
        for thread in self._threads:
            thread.start()

    def _parent_changed(self, kind: ParentKind, old: Object | None, new: Object | None) -> None:
        if new is not None and kind.concerns(old, new):
            self.enqueue(new)
        elif new is None and old is not None:
            self.customize.forget(old)

    def _child_changed(self, old: Object | None, new: Object | None) -> None:
        """An owned child queues its owner, gone or not; an orphan whoever would adopt it."""
        child = new or old or {}
        if controller_reference(child):
            if owner := self.parents.owner_of(child):
                self.enqueue(owner)
        elif new and not deleting(new):
            for parent in self.parents.matching():
                if self.adopts(parent, new):
                    self.enqueue(parent)

    def _resync(self) -> None:
        while not self._stopped.wait(self.definition.resync_seconds or self.context.resync_seconds):
            for parent in self.parents.matching():
                self.enqueue(parent)

    def _work(self) -> None:
        while (key := self.queue.get()) is not None:
            try:
                self._attempt(key)
            finally:
                self.queue.done(key)

    def _attempt(self, key: ParentKey) -> None:
        parent = self.parents.get(*key)
        if parent is None:
            self.queue.forget(key)
            return
        try:
            self.sync(key[0], parent)
        except TooManyRequestsError as error:
            log.info("%s: %s", describe(parent), error)
            self.queue.forget(key)
            self.queue.add_after(key, error.seconds)
        except FAILURES as error:
            self.context.events.record(parent, "Warning", "SyncError", f"Sync error: {error}")
            self.queue.add_rate_limited(key)
        else:
            self.queue.forget(key)
