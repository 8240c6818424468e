"""CompositeController: a parent, the children it is made of, and its status."""

import random
import time
from collections.abc import Iterable

from .api import ApiError
from .children import WRITES, ChildMap, in_namespace_of, in_request
from .controller import Context, Controller, SyncError
from .definition import Definition, RefusedError
from .discovery import Resource
from .objects import (
    Object,
    deleting,
    describe,
    key_of,
    labels,
    make_controller_reference,
    metadata,
    same,
    uid,
    uniform_name,
)
from .responses import COMPOSITE_SYNC, checked, children_of, end_process
from .selector import Matcher, compile_selector

GENERATED_LABEL = "controller-uid"
STATUS_ATTEMPTS = 5


class CompositeController(Controller):
    """One CompositeController."""

    def __init__(self, context: Context, definition: Definition) -> None:
        rule = definition.parents[0]
        if not context.discovery.resource(rule.api_version, rule.plural).has_status:
            raise RefusedError(f"ignoring, {rule.plural} of {rule.api_version} has no subresource status")
        super().__init__(context, definition)

    def sync(self, resource: Resource, parent: Object) -> None:
        observed = self.observed_children(resource, parent)
        response = checked(
            self.hook(
                {
                    "controller": self.definition.rendered,
                    "parent": parent,
                    "children": in_request(observed),
                    "related": self.customize.related(parent),
                    "finalizing": False,
                }
            ),
            COMPOSITE_SYNC,
        )
        desired = in_namespace_of(parent, children_of(response, "children", end_process))
        self.resync_after(resource, parent, response)
        error = self.manage(parent, observed, self._labelled(parent, desired))
        self._write_status(resource, parent, response.get("status") or {})
        if error:
            raise SyncError(error)

    def adopts(self, parent: Object, orphan: Object) -> bool:
        namespace = key_of(parent)[0]
        if namespace and namespace != key_of(orphan)[0]:
            return False
        if self.definition.generate_selector:  # asked for every orphan and parent: spare the selector
            return labels(orphan).get(GENERATED_LABEL) == uid(parent)
        try:
            return self._selector(parent)(labels(orphan))
        except (SyncError, ValueError):
            return False

    def observed_children(self, resource: Resource, parent: Object) -> ChildMap:
        """Owned children that match the selector; orphans that do are adopted, owned ones that do not released."""
        selects, namespace = self._selector(parent), key_of(parent)[0]
        claimed: ChildMap = {}
        for child_resource, informer in self.children.items():
            group = claimed.setdefault(child_resource, {})
            for child in informer.store.owned_by(uid(parent)):
                if namespace and key_of(child)[0] != namespace:
                    continue
                if selects(labels(child)):
                    group[uniform_name(child)] = child
                elif not deleting(parent):
                    self._release(child_resource, parent, child)
            if deleting(parent):
                continue
            for child in informer.store.owned_by(""):
                if not deleting(child) and self.adopts(parent, child):
                    self._adopt(resource, child_resource, parent, child)
                    group[uniform_name(child)] = child
        return claimed

    def _selector(self, parent: Object) -> Matcher:
        if self.definition.generate_selector:
            return compile_selector({"matchLabels": {GENERATED_LABEL: uid(parent)}})
        selector = (parent.get("spec") or {}).get("selector") or {}
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            raise SyncError(".spec.selector must have either matchLabels, matchExpressions, or both")
        return compile_selector(selector)

    def _labelled(self, parent: Object, desired: Iterable[Object]) -> list[Object]:
        """The desired children as they will be written; none is written when one would not be selected."""
        selects, result = self._selector(parent), []
        for child in desired:
            if self.definition.generate_selector:
                own = {GENERATED_LABEL: uid(parent)} | labels(child)
                labelled = {**child, "metadata": {**child["metadata"], "labels": own}}
            else:
                labelled = child
            if not selects(labels(labelled)):
                raise SyncError(f"labels on desired child {describe(child)} don't match parent selector")
            result.append(labelled)
        return result

    def _adopt(self, resource: Resource, child_resource: Resource, parent: Object, child: Object) -> None:
        live = self.context.api.get(resource.path(*key_of(parent)))
        if uid(live) != uid(parent) or deleting(live):
            raise SyncError(f"can't adopt {describe(child)}: {describe(parent)} is gone or going")
        references = [*(metadata(child).get("ownerReferences") or ()), make_controller_reference(parent)]
        self._replace_references(child_resource, child, references)

    def _release(self, child_resource: Resource, parent: Object, child: Object) -> None:
        references = [reference for reference in metadata(child)["ownerReferences"] if reference["uid"] != uid(parent)]
        self._replace_references(child_resource, child, references)

    def _replace_references(self, resource: Resource, child: Object, references: list[Object]) -> None:
        # the cached version suffices: if it is stale, the conflict brings another sync, and no right to get is needed
        changed = {**child, "metadata": {**child["metadata"], "ownerReferences": references}}
        self.context.api.replace(resource.path(*key_of(child)), changed)
        WRITES.labels("update").inc()

    def _write_status(self, resource: Resource, parent: Object, status: Object) -> None:
        """Replace the whole status, on the live object, and only if it differs."""
        status = {**status, "observedGeneration": metadata(parent).get("generation")}
        path = key_of(parent)
        for attempt in range(STATUS_ATTEMPTS):
            try:
                live = self.context.api.get(resource.path(*path))
                if uid(live) != uid(parent) or same(live.get("status"), status):
                    return
                self.context.api.replace(resource.path(*path, "status"), {**live, "status": status})
                WRITES.labels("status").inc()
            except ApiError as error:
                if error.status == 404:
                    return
                if error.status != 409:
                    raise SyncError(f"can't update status for {describe(parent)}: {error}") from error
                time.sleep(0.01 * 5**attempt * random.uniform(1.0, 1.1))  # noqa: S311  jitter, no secret
            else:
                return
