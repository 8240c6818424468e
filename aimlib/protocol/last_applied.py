"""What Metacontroller last applied to a child, by the record that it keeps in an annotation of the child.

Whoever may edit the child may write that record. One that is not about the child, or has another form than what is
applied, counts as unreadable: then the child is not as it is desired, and is kept as it is found.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from aimlib.api.base import ObjectName
from aimlib.api.meta import Raw
from aimlib.memo import Memo, memoized
from aimlib.protocol.metacontroller import prune

LAST_APPLIED = "metacontroller.k8s.io/last-applied-configuration"
SELECTED_BY = "controller-uid"
"""The label by which Metacontroller finds the children of a parent."""
RECORD_LEVELS = 64
"""Levels of objects and lists in a record; children have about half as many."""
RECORDS: Memo[tuple[int, Raw | None]] = Memo(4096, weigh=lambda record: record[0], room=1 << 20)
"""Records as they are read, by text, with its length: a sync reads each several times, and so do those that follow.

They are shared, and nobody changes them.
"""
WRITTEN_BY_SERVER = frozenset(
    {"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers"}
    | {"generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"}
)
"""Metadata of an observed child that no child is desired with."""


class _Port(BaseModel):
    containerPort: Annotated[int, Field(ge=1, le=65535)]  # noqa: N815 - Kubernetes' name


class _Container(BaseModel):
    ports: list[_Port] = []


class _Claim(BaseModel):
    claimName: str  # noqa: N815 - Kubernetes' name


class _Volume(BaseModel):
    persistentVolumeClaim: _Claim | None = None  # noqa: N815 - Kubernetes' name


class _NodeField(BaseModel):
    values: list[ObjectName]


class _NodeTerm(BaseModel):
    matchFields: list[_NodeField] | None = None  # noqa: N815 - Kubernetes' name


class _RatherOn(BaseModel):
    preference: _NodeTerm


class _NodeAffinity(BaseModel):
    preferredDuringSchedulingIgnoredDuringExecution: list[_RatherOn] | None = None  # noqa: N815 - Kubernetes' name


class _Affinity(BaseModel):
    nodeAffinity: _NodeAffinity | None = None  # noqa: N815 - Kubernetes' name


class _PodSpec(BaseModel):
    affinity: _Affinity | None = None
    containers: Annotated[list[_Container], Field(min_length=1)]
    volumes: list[_Volume] = []


class _Template(BaseModel):
    spec: _PodSpec


class _DeploymentSpec(BaseModel):
    template: _Template


class _Group(BaseModel):
    leaderTemplate: _Template  # noqa: N815 - Kubernetes' name


class _GroupSetSpec(BaseModel):
    leaderWorkerTemplate: _Group  # noqa: N815 - Kubernetes' name


class _Metadata(BaseModel):
    name: str


class _Child(BaseModel):
    """The parts of any child that are read from a record."""

    kind: str
    apiVersion: str  # noqa: N815 - Kubernetes' name
    metadata: _Metadata


class _Deployment(_Child):
    """The parts of a Deployment that are read from a record."""

    spec: _DeploymentSpec


class _GroupSet(_Child):
    """The parts of a LeaderWorkerSet that are read from a record."""

    spec: _GroupSetSpec


RECORD_FORMS: dict[str, type[_Child]] = {"Deployment": _Deployment, "LeaderWorkerSet": _GroupSet}
"""The form of a record by kind, where more than its name is read."""


def is_applied(observed: Raw, desired: Raw) -> bool:
    """Whether an observed child is the one desired now, going by what was last applied to it, metadata apart."""
    text = _record(observed)
    if text is None:
        return True
    last = _parsed(text)
    if last is None or {**last, "metadata": None} != {**desired, "metadata": None}:
        return False
    # What equals a desired child has its form; so the rest is all that is left to look at.
    metadata = last.get("metadata")
    return isinstance(metadata, dict) and metadata.get("name") == desired["metadata"]["name"]


def is_written(observed: Raw | None, desired: Raw) -> bool:
    """Whether a child is there, and the last that was applied to it is all of what is desired, metadata as well."""
    last = last_applied(observed) if observed else None
    return last is not None and _marked(last) == _marked(desired)


def _marked(child: Raw) -> Raw:
    """A child with the metadata that are desired of it; Metacontroller adds a label and the namespace."""
    metadata = child["metadata"]
    labels = metadata.get("labels") or {}
    if isinstance(labels, dict):  # as in what Metacontroller writes
        labels = {key: text for key, text in labels.items() if key != SELECTED_BY}
    return {**child, "metadata": (metadata["name"], labels, metadata.get("annotations") or {})}


def last_applied(observed: Raw) -> Raw | None:
    """What was last applied to an observed child; None where no record is readable, or none is kept.

    None is kept under server-side apply.
    """
    found = _parsed(_record(observed) or "null")
    return found if found is not None and _is_about(found, observed) else None


def kept_child(observed: Raw) -> Raw:
    """An observed child as it is desired so that it stays: as it was last applied, else as it is found."""
    last = last_applied(observed)
    if last is not None:
        return last
    metadata = {key: value for key, value in observed["metadata"].items() if key not in WRITTEN_BY_SERVER}
    notes = {key: text for key, text in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    found = {key: value for key, value in observed.items() if key != "status"}
    return dict(prune({**found, "metadata": {**metadata, "annotations": notes}}))


def kept_children(children: Mapping[str, Mapping[str, Raw]]) -> list[Raw]:
    """All observed children, so that they stay."""
    return [kept_child(child) for group in children.values() for _, child in sorted(group.items())]


def _record(observed: Raw) -> str | None:
    text = (observed["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    return None if text is None else str(text)


def _parsed(text: str) -> Raw | None:
    """The object in a text; None where it has none, or one that is too deep."""
    return memoized(RECORDS, text, lambda: (len(text), _parse(text)))[1]


def _parse(text: str) -> Raw | None:
    try:
        found = from_json(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and _is_shallow(found) else None


def _is_shallow(record: Raw) -> bool:
    level: list[Any] = [record]
    for _ in range(RECORD_LEVELS):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [found for values in inner for found in values if isinstance(found, dict | list)]
        if not level:
            return True
    return False


def _is_about(record: Raw, observed: Raw) -> bool:
    try:
        read = RECORD_FORMS.get(observed["kind"], _Child).model_validate(record)
    except ValidationError:
        return False
    named = (observed["kind"], observed["apiVersion"], observed["metadata"]["name"])
    return (read.kind, read.apiVersion, read.metadata.name) == named
