"""What a parent owns and what it should: delete, create and update the difference."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter

from .api import Api, ApiError
from .apply import applied, with_last_applied, without_last_applied
from .discovery import Discovery, Resource, UnknownResourceError
from .objects import Object, deleting, describe, key_of, make_controller_reference, same, uid, uniform_name

log = logging.getLogger(__name__)

WRITES = Counter("metacontroller_standin_writes", "Writes of children and parents by verb", ("verb",))

ChildMap = dict[Resource, dict[str, Object]]  # by the names that v2 requests use


def in_request(children: ChildMap) -> dict[str, dict[str, Object]]:
    """The `children` or `attachments` of a request: every kind of the controller, empty or not."""
    return {resource.key: objects for resource, objects in children.items()}


def in_namespace_of(parent: Object, children: Iterable[Object]) -> list[Object]:
    """Children without a namespace get the parent's, as the contract has it."""
    namespace, _ = key_of(parent)
    return [
        child
        if not namespace or key_of(child)[0]
        else {**child, "metadata": {**child["metadata"], "namespace": namespace}}
        for child in children
    ]


def aggregate(errors: Iterable[str]) -> str:
    """Several errors as Go's apimachinery writes them: each once, in brackets where there are more than one."""
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


@dataclass(frozen=True)
class ChildWriter:
    """Brings the children of one controller's parents to what is wished."""

    api: Api
    discovery: Discovery
    methods: Mapping[tuple[str, str], str]  # (group, kind): update strategy

    def reconcile(self, parent: Object, observed: ChildMap, desired: Iterable[Object]) -> list[str]:
        """What went wrong, as the API server has it. One failing child does not keep the others from being written."""
        wished, errors = self._by_resource(desired)
        for resource, objects in observed.items():
            for name, child in objects.items():
                if name not in wished.get(resource, {}) and not deleting(child):
                    said = self._attempt(self._delete, resource, parent, child)
                    errors += [f"can't delete {describe(child)}: {error}" for error in said]
        for resource, objects in wished.items():
            for name, child in objects.items():
                there = observed.get(resource, {}).get(name)
                if there is None:
                    errors += self._attempt(self._create, resource, parent, child)
                else:
                    errors += self._attempt(self._update, resource, parent, child, there)
        return errors

    def _by_resource(self, desired: Iterable[Object]) -> tuple[ChildMap, list[str]]:
        wished: ChildMap = {}
        errors: list[str] = []
        for child in desired:
            try:
                resource = self.discovery.kind(child["apiVersion"], child["kind"])
            except UnknownResourceError as error:
                errors.append(str(error))
                continue
            wished.setdefault(resource, {})[uniform_name(child)] = child
        return wished, errors

    @staticmethod
    def _attempt(action: Callable[..., None], *arguments: Any) -> list[str]:
        try:
            action(*arguments)
        except ApiError as error:
            return [str(error)]
        return []

    def _delete(self, resource: Resource, parent: Object, child: Object) -> None:
        log.info("%s: deleting %s", describe(parent), describe(child))
        try:
            self.api.delete(
                resource.path(*key_of(child)),
                {
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "preconditions": {"uid": uid(child)},
                    "propagationPolicy": "Background",
                },
            )
            WRITES.labels("delete").inc()
        except ApiError as error:
            if error.status != 404:
                raise

    def _create(self, resource: Resource, parent: Object, child: Object) -> None:
        log.info("%s: creating %s", describe(parent), describe(child))
        child = without_last_applied(child)
        body = with_last_applied(child, child)
        references = [*(body["metadata"].get("ownerReferences") or ()), make_controller_reference(parent)]
        body["metadata"]["ownerReferences"] = references
        try:
            self.api.create(resource.path(key_of(child)[0]), body)
            WRITES.labels("create").inc()
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            log.warning("%s: %s exists already and is somebody else's; left alone", describe(parent), describe(child))

    def _update(self, resource: Resource, parent: Object, child: Object, there: Object) -> None:
        body = applied(there, child)
        if same(body, there):
            return
        if deleting(there):
            log.info("%s: not updating %s, it is being deleted", describe(parent), describe(child))
            return
        method = self.methods.get((resource.group, resource.kind), "OnDelete")
        if method == "Recreate":
            self._delete(resource, parent, there)
        if method != "InPlace":
            return
        log.info("%s: updating %s", describe(parent), describe(child))
        try:
            self.api.replace(resource.path(*key_of(there)), body)
            WRITES.labels("update").inc()
        except ApiError as error:
            # gone, or changed since this sync began: the change has queued the parent again
            if error.status not in {404, 409}:
                raise
            log.info("%s: %s changed meanwhile: %s", describe(parent), describe(child), error)
