"""The hook contract of Metacontroller, version v2: parses requests, and prunes responses.

Metacontroller refuses responses with unknown fields. `children: []` deletes every child, so it is returned only while
nothing has been running.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from aimlib.api.meta import Raw
from aimlib.errors import InvalidInputError
from aimlib.printable import printable
from aimlib.protocol.observations import NOTHING_OBSERVED, Observations, Topic
from aimlib.protocol.standard_conditions import with_standard_conditions

_T = TypeVar("_T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


KEPT_IF_EMPTY = frozenset({"emptyDir"})
"""Keys whose empty object has a meaning."""
NOT_PRUNED = frozenset({"apiGroups", "group"})
"""Keys whose value may be, or hold, an empty text: the core group in a Role or in a reference."""


BUILT_FROM = frozenset({"resolved", "cache", "canary", "history"})
"""Fields of an endpoint's status from which its children are built."""


class BadRequestError(InvalidInputError):
    """A request that cannot be understood; the response has an error status, and nothing changes in the cluster."""


class Request(NamedTuple):
    """One hook request: a parent, and the objects around it by `Kind.group/version` and then by name."""

    parent: Raw
    children: Mapping[str, Mapping[str, Raw]]
    related: Mapping[str, Mapping[str, Raw]]
    now: datetime = EPOCH
    """When the request arrived, set by the server."""
    observations: Observations = NOTHING_OBSERVED
    """What the server's observers have added."""

    def observed(self, kind: str) -> list[Raw]:
        """The children of one kind, in the order of their names."""
        return _sorted(self.children.get(kind))

    def with_observation(self, topic: Topic[_T], value: _T) -> "Request":
        """The request and the result of an observer."""
        return self._replace(observations=self.observations.adding(topic, value))

    def offers(self, kind: str) -> bool:
        """Whether the controller declares the kind, so that a child of it may be desired.

        Metacontroller sends a group for every kind in `childResources`, empty or not (composite/controller.go,
        claimChildren). A child of any other kind would be created once and never observed again.
        """
        return kind in self.children

    def found(self, kind: str) -> list[Raw]:
        """The related objects of one kind, in the order of their names.

        Metacontroller sends every kind that customize returned, even without objects. A request without it would look
        like an empty cluster, so it is a BadRequestError.
        """
        if kind not in self.related:
            raise BadRequestError(f"the body has no related {kind}, which the customize hook requests")
        return _sorted(self.related[kind])

    def expect(self, api_version: str, kind: str) -> None:
        """BadRequestError where the parent is something else."""
        found = (self.parent.get("apiVersion"), self.parent.get("kind"))
        if found != (api_version, kind):
            raise BadRequestError(f"the parent is {found[1]} of {found[0]}, and must be {kind} of {api_version}")


def _sorted(objects: Mapping[str, Raw] | None) -> list[Raw]:
    return [item for _, item in sorted((objects or {}).items())]


def parse_request(body: Any, now: datetime = EPOCH) -> Request:  # noqa: ANN401 - whatever was sent
    """A request from parsed JSON; a DecoratorController calls the parent `object` and the children `attachments`."""
    if not isinstance(body, dict):
        raise BadRequestError("the body is not a JSON object")
    parent = body.get("parent") or body.get("object")
    children = body.get("children") or body.get("attachments") or {}
    related = body.get("related") or {}
    if not isinstance(parent, dict) or not isinstance(parent.get("metadata"), dict):
        raise BadRequestError("the body has neither a parent nor an object with metadata")
    if not isinstance(name := parent["metadata"].get("name"), str) or not name:
        raise BadRequestError("the parent has no name")
    for part in (children, related):
        if not isinstance(part, dict) or not all(map(_is_group, part.values())):
            raise BadRequestError(
                "children and related are not objects by kind and name, each with metadata and a name"
            )
    return Request(dict(parent), children, related, now)


def _is_group(group: Any) -> bool:  # noqa: ANN401 - whatever was sent
    return isinstance(group, dict) and all(map(_is_named, group.values()))


def _is_named(item: Any) -> bool:  # noqa: ANN401 - whatever was sent
    metadata = item.get("metadata") if isinstance(item, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str)


def written_status(status: Raw) -> Raw:
    """A status as it is written: with Stalled or Reconciling, pruned, and without control characters.

    kubectl prints its texts; what pods are built from keeps every character.
    """
    marked = with_standard_conditions(status).items()
    pruned = ((key, prune(value, key not in BUILT_FROM)) for key, value in marked)
    return {key: value for key, value in pruned if value is not None}


def prune(value: Any, printed: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - JSON in, JSON out, and a flag that is handed down
    """`value` without nulls and empties, which the API server does not store, so that syncs converge.

    Whole numbers become integers for the same reason. Texts that are `printed` lose their control characters.
    """
    kind = type(value)
    if kind is str:
        return (printable(value) if printed else value) or None
    if kind is dict:
        result: Raw = {}
        for key, item in value.items():
            if type(item) is str and item and (not printed or item.isprintable()):  # as most are
                result[key] = item
                continue
            pruned = item if key in NOT_PRUNED else prune(item, printed)
            if pruned is not None:
                result[key] = pruned
            elif key in KEPT_IF_EMPTY and item == {}:
                result[key] = {}
        return result or None
    if kind is list or kind is tuple:
        return [pruned for item in value if (pruned := prune(item, printed)) is not None] or None
    if kind is float and value.is_integer():
        return int(value)
    return value
