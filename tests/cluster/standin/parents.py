"""The objects that a controller acts on, and how to find them from what they own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .definition import ParentRule
from .discovery import Resource
from .informer import Informer, InformerPool
from .objects import Object, annotations, controller_reference, deleting, group_of, key_of, labels, metadata, uid
from .selector import Matcher, compile_selector


@dataclass(frozen=True)
class ParentKind:
    """One kind of parents: its rule, compiled, and its informer."""

    resource: Resource
    informer: Informer
    matches_labels: Matcher
    matches_annotations: Matcher
    ignore_status_changes: bool

    def matches(self, obj: Object) -> bool:
        return self.matches_labels(labels(obj)) and self.matches_annotations(annotations(obj))

    def concerns(self, old: Object | None, new: Object) -> bool:
        """Whether a change of an object is worth a sync."""
        return not (old and self.ignore_status_changes and _only_status_changed(old, new))


class Parents:
    """All parents of one controller."""

    def __init__(self, rules: Iterable[tuple[ParentRule, Resource]], informers: InformerPool) -> None:
        # a kind named twice has one selector, the last: so does the real program
        selectors = {resource: _compiled(rule) for rule, resource in rules}
        self._kinds = {
            resource: ParentKind(resource, informers.acquire(resource), *selector)
            for resource, selector in selectors.items()
        }

    def __iter__(self) -> Iterator[ParentKind]:
        return iter(self._kinds.values())

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The parent of that name if it is still there and selected."""
        kind = self._kinds[resource]
        parent = kind.informer.store.get(namespace, name)
        return parent if parent and kind.matches(parent) else None

    def matching(self) -> list[Object]:
        return [obj for kind in self for obj in kind.informer.store.objects() if kind.matches(obj)]

    def kind_of(self, obj: Object) -> ParentKind | None:
        """By group and kind, whatever the version; also for an owner reference."""
        group, kind = group_of(obj["apiVersion"]), obj["kind"]
        return next((parent for parent in self if (parent.resource.group, parent.resource.kind) == (group, kind)), None)

    def owner_of(self, child: Object) -> Object | None:
        """The parent whose uid the child's controller reference names."""
        reference = controller_reference(child)
        kind = self.kind_of(reference) if reference else None
        if reference is None or kind is None:
            return None
        namespace = key_of(child)[0] if kind.resource.namespaced else ""
        parent = kind.informer.store.get(namespace, reference["name"])
        return parent if parent and uid(parent) == reference["uid"] else None


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
