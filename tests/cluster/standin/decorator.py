"""DecoratorController: labels, annotations, status and attachments for objects that others own."""

from .api import ApiError
from .children import WRITES, ChildMap, in_namespace_of, in_request
from .controller import Controller, SyncError
from .discovery import Resource
from .objects import Object, annotations, describe, key_of, labels, same, uid, uniform_name
from .responses import DECORATOR_SYNC, checked, children_of, end_process

DECORATOR = "metacontroller.k8s.io/decorator-controller"


class DecoratorController(Controller):
    """One DecoratorController."""

    def sync(self, resource: Resource, parent: Object) -> None:
        observed = self.observed_children(resource, parent)
        response = checked(
            self.hook(
                {
                    "controller": self.definition.rendered,
                    "object": parent,
                    "attachments": in_request(observed),
                    "related": self.customize.related(parent),
                    "finalizing": False,
                }
            ),
            DECORATOR_SYNC,
        )
        desired = in_namespace_of(parent, children_of(response, "attachments", end_process))
        self.resync_after(resource, parent, response)
        self._decorate(resource, parent, response)
        error = self.manage(parent, observed, [self._marked(child) for child in desired])
        if error:
            raise SyncError(error)

    def adopts(self, parent: Object, orphan: Object) -> bool:  # noqa: ARG002  a decorator has no child selector
        return False

    def observed_children(self, resource: Resource, parent: Object) -> ChildMap:  # noqa: ARG002
        """Those that the object controls and this decorator made."""
        namespace = key_of(parent)[0]
        return {
            child_resource: {
                uniform_name(child): child
                for child in informer.store.owned_by(uid(parent))
                if annotations(child).get(DECORATOR) == self.definition.name
                and (not namespace or key_of(child)[0] == namespace)
            }
            for child_resource, informer in self.children.items()
        }

    def _marked(self, child: Object) -> Object:
        marked = annotations(child) | {DECORATOR: self.definition.name}
        return {**child, "metadata": {**child["metadata"], "annotations": marked}}

    def _decorate(self, resource: Resource, parent: Object, response: Object) -> None:
        """Write status, labels and annotations where they differ; a conflict is left to the change that caused it."""
        status = parent.get("status") if response.get("status") is None else response["status"]
        own_labels = _updated(labels(parent), response.get("labels"))
        own_annotations = _updated(annotations(parent), response.get("annotations"))
        status_differs = not same(status, parent.get("status"))
        if not status_differs and own_labels == labels(parent) and own_annotations == annotations(parent):
            return
        body = {**parent, "metadata": {**parent["metadata"], "labels": own_labels, "annotations": own_annotations}}
        if status is not None:
            body["status"] = status
        path = resource.path(*key_of(parent))
        try:
            if status_differs and resource.has_status:
                written = self.context.api.replace(f"{path}/status", body)
                WRITES.labels("status").inc()
                body["metadata"]["resourceVersion"] = written["metadata"]["resourceVersion"]
            self.context.api.replace(path, body)
            WRITES.labels("update").inc()
        except ApiError as error:
            if error.status not in {404, 409}:
                raise SyncError(f"can't update {describe(parent)}: {error}") from error


def _updated(current: dict[str, str], changes: dict[str, str | None] | None) -> dict[str, str]:
    """`changes` over `current`, where null takes a key away."""
    merged = {**current, **(changes or {})}
    return {key: value for key, value in merged.items() if value is not None}
