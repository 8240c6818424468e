"""Related objects: what the customize hook selected, remembered by generation, and who must know of a change."""

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .discovery import Discovery, Resource
from .hooks import Hook, HookError, TooManyRequestsError
from .informer import Informer, InformerPool, Subscription
from .objects import Object, labels, metadata, uid, uniform_name
from .responses import CUSTOMIZE, ResponseError, checked
from .selector import Matcher, compile_selector

log = logging.getLogger(__name__)

REMEMBER_SECONDS = 20 * 60.0
SYNC_SECONDS = 30.0

Related = dict[str, dict[str, Object]]


@dataclass(frozen=True)
class RelatedRule:
    """One selection of related objects. An empty `names` selects by the rest, that is, possibly everything."""

    api_version: str
    plural: str
    namespace: str
    names: frozenset[str]
    matches_labels: Matcher
    matches_namespace: Matcher | None

    def selects(self, obj: Object, namespace_labels: Callable[[str], dict[str, str]]) -> bool:
        meta = metadata(obj)
        namespace = meta.get("namespace", "")
        return (
            (not self.names or meta["name"] in self.names)
            and (not self.namespace or namespace == self.namespace)
            and self.matches_labels(labels(obj))
            and (self.matches_namespace is None or self.matches_namespace(namespace_labels(namespace)))
        )


def parse_rules(response: Any) -> tuple[RelatedRule, ...]:
    """The rules of a customize answer; ResponseError for contradictions."""
    rules = checked(response, CUSTOMIZE).get("relatedResources") or ()
    return tuple(_rule(rule) for rule in rules)


def _rule(rule: Object) -> RelatedRule:
    if rule is None:
        raise ResponseError("relatedResources: a rule is null")
    names, namespace = rule.get("names") or (), rule.get("namespace") or ""
    by_label, by_namespace = rule.get("labelSelector"), rule.get("namespaceSelector")
    if names and (by_label is not None or by_namespace is not None):
        raise ResponseError(f"related rule for {rule.get('resource')} has both names and a selector")
    if namespace and by_namespace is not None:
        raise ResponseError(f"related rule for {rule.get('resource')} has both namespace and namespaceSelector")
    return RelatedRule(
        api_version=rule.get("apiVersion") or "",
        plural=rule.get("resource") or "",
        namespace=namespace,
        names=frozenset(names),
        matches_labels=compile_selector(by_label),
        matches_namespace=None if by_namespace is None else compile_selector(by_namespace),
    )


class RuleCache:
    """Rules by (uid, generation) for 20 minutes: a change of labels or status asks nothing anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rules: dict[str, tuple[int, float, tuple[RelatedRule, ...]]] = {}

    def get(self, parent: Object) -> tuple[RelatedRule, ...] | None:
        generation, expires, rules = self._rules.get(uid(parent), (-1, 0.0, ()))
        return rules if generation == _generation(parent) and self._clock() < expires else None

    def put(self, parent: Object, rules: tuple[RelatedRule, ...]) -> None:
        self._rules[uid(parent)] = _generation(parent), self._clock() + REMEMBER_SECONDS, rules

    def forget(self, parent: Object) -> None:
        self._rules.pop(uid(parent), None)


class Customize:
    """The related objects of one controller's parents; without a customize hook there are none."""

    def __init__(  # noqa: PLR0913  what it reads from, and whom it tells
        self,
        *,
        controller: Object,
        hook: Hook | None,
        discovery: Discovery,
        informers: InformerPool,
        parents: Callable[[], Iterable[Object]],
        enqueue: Callable[[Object], None],
    ) -> None:
        self._controller, self._hook = controller, hook
        self._discovery, self._informers = discovery, informers
        self._parents, self._enqueue = parents, enqueue
        self._cache = RuleCache()
        self._lock = threading.Lock()
        self._watched: dict[Resource, tuple[Informer, Subscription]] = {}

    def stop(self) -> None:
        with self._lock:
            for informer, subscription in self._watched.values():
                informer.unsubscribe(subscription)
                self._informers.release(informer)
            self._watched.clear()

    def forget(self, parent: Object) -> None:
        self._cache.forget(parent)

    def related(self, parent: Object) -> Related:
        """The `related` of a sync request; UnknownResourceError for a kind that is not served."""
        if self._hook is None:
            return {}
        found: Related = {}
        for rule in self._rules(parent):
            resource = self._discovery.resource(rule.api_version, rule.plural)
            group = found.setdefault(resource.key, {})
            for obj in self._store(resource).objects(rule.namespace):
                if rule.selects(obj, self._namespace_labels):
                    group[uniform_name(obj)] = obj
        return found

    def _rules(self, parent: Object) -> tuple[RelatedRule, ...]:
        rules = self._cache.get(parent)
        if rules is None:
            rules = parse_rules(self._hook({"controller": self._controller, "parent": parent}))
            self._cache.put(parent, rules)
        return rules

    def _store(self, resource: Resource) -> Any:
        with self._lock:
            if resource not in self._watched:
                informer = self._informers.acquire(resource)
                handler = functools.partial(self._changed, resource)
                self._watched[resource] = informer, informer.subscribe(f"related {resource.key}", handler)
            informer, _ = self._watched[resource]
        if not informer.wait_synced(SYNC_SECONDS):
            raise HookError(f"related {resource.key}: not listed within {SYNC_SECONDS:g} s")
        return informer.store

    def _namespace_labels(self, namespace: str) -> dict[str, str]:
        obj = self._store(self._discovery.resource("v1", "namespaces")).get("", namespace)
        return labels(obj) if obj else {}

    def _changed(self, resource: Resource, old: Object | None, new: Object | None) -> None:
        """Queue every parent whose rules select the object as it was or as it is."""
        versions = [obj for obj in (old, new) if obj is not None]
        for parent in self._parents():
            try:
                rules = self._rules(parent)
            except (HookError, TooManyRequestsError, ResponseError, ValueError) as error:
                log.warning("customize of %s: %s; this change does not reach it", uniform_name(parent), error)
                continue
            if any(
                (rule.api_version, rule.plural) == (resource.api_version, resource.plural)
                and any(rule.selects(obj, self._namespace_labels) for obj in versions)
                for rule in rules
            ):
                self._enqueue(parent)


def _generation(parent: Object) -> int:
    return metadata(parent).get("generation", 0)
