"""What both kinds of controller share: informers, triggers, a queue of parents and the workers that sync them."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import urllib3

from .api import Api, ApiError
from .children import ChildMap, ChildWriter
from .customize import Customize
from .definition import Definition, ParentRule
from .discovery import Discovery, Resource, UnknownResourceError
from .events import EventRecorder
from .hooks import Hook, HookError, TooManyRequestsError
from .informer import Informer, InformerPool, Subscription
from .objects import Object, annotations, controller_reference, deleting, describe, group_of, key_of, labels, metadata
from .responses import ResponseError
from .selector import Matcher, compile_selector
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

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


@dataclass
class Watched:
    """One kind of parents: its rule, compiled, and its informer."""

    informer: Informer
    matches_labels: Matcher
    matches_annotations: Matcher
    ignore_status_changes: bool

    def matches(self, obj: Object) -> bool:
        return self.matches_labels(labels(obj)) and self.matches_annotations(annotations(obj))


class SyncError(Exception):
    """A sync that must be tried again; the message becomes an event on the parent."""


class Controller(ABC):
    """One running controller. Making one fails, with nothing started, when a kind is not served."""

    def __init__(self, context: Context, definition: Definition) -> None:
        self.context, self.definition = context, definition
        parents = [(rule, context.discovery.resource(rule.api_version, rule.plural)) for rule in definition.parents]
        children = [(rule, context.discovery.resource(rule.api_version, rule.plural)) for rule in definition.children]
        # a kind named twice has one selector, the last: so does the real program
        selectors = {resource: _compiled(rule) for rule, resource in parents}
        self.hook = Hook(definition.name, "sync", definition.sync, context.workers)
        self.queue = WorkQueue()
        self.writer = ChildWriter(
            context.api,
            context.discovery,
            {(resource.group, resource.kind): rule.method for rule, resource in children},
        )
        self.parents = {
            resource: Watched(context.informers.acquire(resource), *selector)
            for resource, selector in selectors.items()
        }
        self.children = {resource: context.informers.acquire(resource) for _, resource in children}
        asked = definition.customize
        self.customize = Customize(
            controller=definition.rendered,
            hook=Hook(definition.name, "customize", asked, context.workers) if asked else None,
            discovery=context.discovery,
            informers=context.informers,
            parents=self._matching_parents,
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

    def _start(self) -> None:
        informers = [watched.informer for watched in self.parents.values()] + list(self.children.values())
        for informer in informers:
            while not informer.wait_synced(0.5):
                if self._stopped.is_set():
                    return
        for resource, watched in self.parents.items():
            handler = self._parent_handler(watched)
            self._subscriptions.append((watched.informer, watched.informer.subscribe(resource.key, handler)))
        for resource, informer in self.children.items():
            self._subscriptions.append((informer, informer.subscribe(resource.key, self._child_changed)))
        for thread in self._threads:
            thread.start()

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
        for informer in [watched.informer for watched in self.parents.values()] + list(self.children.values()):
            self.context.informers.release(informer)

    def enqueue(self, parent: Object) -> None:
        watched = self._watched(parent)
        if watched and watched.matches(parent):
            self.queue.add((watched.informer.resource, *key_of(parent)))

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
        return f"can't reconcile children for {describe(parent)}: {'; '.join(errors)}" if errors else None

    def resync_after(self, resource: Resource, parent: Object, response: Object) -> None:
        seconds = response.get("resyncAfterSeconds") or 0
        if seconds > 0:
            self.queue.add_after((resource, *key_of(parent)), seconds)

    def _watched(self, parent: Object) -> Watched | None:
        group, kind = group_of(parent["apiVersion"]), parent["kind"]
        return next((w for r, w in self.parents.items() if (r.group, r.kind) == (group, kind)), None)

    def _matching_parents(self) -> list[Object]:
        return [
            parent
            for watched in self.parents.values()
            for parent in watched.informer.store.objects()
            if watched.matches(parent)
        ]

    def _parent_handler(self, watched: Watched) -> Any:
        def changed(old: Object | None, new: Object | None) -> None:
            if new is None:
                self.customize.forget(old or {})
            elif not (old and watched.ignore_status_changes and _only_status_changed(old, new)):
                self.enqueue(new)

        return changed

    def _child_changed(self, _: Object | None, new: Object | None) -> None:
        """An owned child queues its owner, an orphan whoever would adopt it."""
        child = new if new is not None else _
        if child is None:
            return
        reference = controller_reference(child)
        if reference:
            if parent := self._owner(child, reference):
                self.enqueue(parent)
        elif new is not None and not deleting(child):
            for parent in self._matching_parents():
                if self.adopts(parent, child):
                    self.enqueue(parent)

    def _owner(self, child: Object, reference: Object) -> Object | None:
        watched = self._watched(reference)
        if watched is None:
            return None
        namespace = key_of(child)[0] if watched.informer.resource.namespaced else ""
        parent = watched.informer.store.get(namespace, reference["name"])
        return parent if parent and metadata(parent)["uid"] == reference["uid"] else None

    def _resync(self) -> None:
        while not self._stopped.wait(self.definition.resync_seconds or self.context.resync_seconds):
            for parent in self._matching_parents():
                self.enqueue(parent)

    def _work(self) -> None:
        while (key := self.queue.get()) is not None:
            try:
                self._attempt(key)
            finally:
                self.queue.done(key)

    def _attempt(self, key: ParentKey) -> None:
        resource, namespace, name = key
        watched = self.parents[resource]
        parent = watched.informer.store.get(namespace, name)
        if parent is None or not watched.matches(parent):
            self.queue.forget(key)
            return
        try:
            self.sync(resource, parent)
        except TooManyRequestsError as error:
            log.info("%s: %s", describe(parent), error)
            self.queue.forget(key)
            self.queue.add_after(key, error.seconds)
        except (
            SyncError,
            HookError,
            ResponseError,
            UnknownResourceError,
            ApiError,
            urllib3.exceptions.HTTPError,
            ValueError,
        ) as error:
            self.context.events.record(parent, "Warning", "SyncError", f"Sync error: {error}")
            self.queue.add_rate_limited(key)
        else:
            self.queue.forget(key)


def _compiled(rule: ParentRule) -> tuple[Matcher, Matcher, bool]:
    return compile_selector(rule.label_selector), compile_selector(rule.annotation_selector), rule.ignore_status_changes


def _only_status_changed(old: Object, new: Object) -> bool:
    """By generation, labels and annotations, which is all that the real program compares."""
    return (
        metadata(old).get("generation") == metadata(new).get("generation")
        and labels(old) == labels(new)
        and annotations(old) == annotations(new)
        and not deleting(new)
    )
