"""What an endpoint records on the Services that gateways route to: names, weight, share, phase. Gateways read it here.

Whoever may edit the Service may write the record. So it counts only under the name that such a Service of its endpoint
has, and gateways look into no namespace that does not allow it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from aimlib.api import API_VERSION, GROUP
from aimlib.api.adapter import MOST_ADAPTERS
from aimlib.api.base import Model
from aimlib.api.formats import OBJECT_NAME
from aimlib.api.meta import Raw
from aimlib.api.routing import MOST_ROUTED_NAMES, RoutedName, Weight
from aimlib.api.scaling import USUAL_IDLE_SECONDS, IdleSeconds
from aimlib.naming import ENDPOINT_LABEL, FIRST_TRACK, ROUTED_LABEL, TRACKS, child_name, short_digest
from aimlib.printable import printable

RECORD_ANNOTATION = f"{GROUP}/routing"
PHASE_ANNOTATION = f"{GROUP}/phase"
LABELS_ANNOTATION = f"{GROUP}/endpoint-labels"
LONGEST_RECORD = 4096
MOST_SERVED_NAMES = 1 + MOST_ROUTED_NAMES + MOST_ADAPTERS
"""Of an endpoint: the id of its model, the names that its spec adds, and its adapters."""
METRICS_PORT = 9090
"""Of a gateway's pods: metrics, probes, and what the agents tell of the demand."""
STABLE = FIRST_TRACK
"""The track of an endpoint that has one."""
SUSPENDED = "Suspended"
"""Recorded in the place of the phase while nothing starts the endpoint, whatever is requested."""
WAITING = frozenset({"Pending", "Failed", "Stopped", "Idle", SUSPENDED})
"""Phases that are recorded. Each other one would be a write, a sync of gateways and a new table."""


def agents_name(gateway: str) -> str:
    """The name of the headless Service of a gateway's agents."""
    return child_name(gateway, "-agents")


LABELS = TypeAdapter(dict[str, str])


class RoutingRecord(Model):
    """What one Service is for."""

    model_config = ConfigDict(extra="forbid")

    track: Annotated[str, Field(pattern=f"^[{''.join(TRACKS)}]$")] = STABLE
    names: Annotated[tuple[RoutedName, ...], Field(min_length=1, max_length=MOST_SERVED_NAMES)]
    """Names by which requests ask for the model; the engine knows each."""
    weight: Weight | None = None
    """Of the endpoint, beside others that have the same name."""
    share: Annotated[int, Field(ge=0, le=100)] = 100
    """Percent of the endpoint's requests that this track gets."""
    mirror: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent of the endpoint's requests of which this track gets a copy."""
    stable: bool = True
    """Whether it answers for a track that has no ready pod."""
    idle_seconds: IdleSeconds = USUAL_IDLE_SECONDS
    """Without a request, until its demand is none (spec.scaling.idleSeconds)."""


class Routed(Model):
    """A Service that can be routed to, as a gateway finds it."""

    namespace: str
    endpoint: str
    service: str
    port: int
    created: str
    phase: str
    labels: Mapping[str, str]
    """Of the endpoint."""
    record: RoutingRecord

    def has_labels(self, wanted: Mapping[str, str]) -> bool:
        """Whether the endpoint has these labels."""
        return wanted.items() <= self.labels.items()


def pods_service(endpoint: str, track: str = STABLE) -> str:
    """The name of the Service of one track. The digest keeps it from the Service of an endpoint `<endpoint>-pods`."""
    return child_name(endpoint, f"-pods-{short_digest(endpoint, track)}")


def routed_metadata(metadata: Mapping[str, object], record: RoutingRecord) -> Raw:
    """The metadata of a Service with its record."""
    labels = metadata.get("labels")
    text = json.dumps(record.model_dump(by_alias=True, exclude_defaults=True), sort_keys=True, separators=(",", ":"))
    return {
        **metadata,
        "labels": {**(labels if isinstance(labels, dict) else {}), ROUTED_LABEL: "true"},
        "annotations": {RECORD_ANNOTATION: text},
    }


def is_routed(child: Raw) -> bool:
    """Whether it is a Service that gateways route to."""
    return child["kind"] == "Service" and ROUTED_LABEL in (child["metadata"].get("labels") or {})


def with_endpoint(children: Sequence[Raw], phase: str, labels: Mapping[str, str]) -> list[Raw]:
    """The children; Services that gateways route to with the labels and the phase of the endpoint."""
    text = json.dumps(dict(labels), sort_keys=True, separators=(",", ":"))
    notes = {PHASE_ANNOTATION: phase} if phase in WAITING else {}
    if labels and len(text) <= LONGEST_RECORD:
        notes[LABELS_ANNOTATION] = text
    return [_annotated(child, notes) if is_routed(child) else child for child in children]


def _annotated(child: Raw, notes: Mapping[str, str]) -> Raw:
    metadata = child["metadata"]
    return {**child, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **notes}}}


def read_routed(service: Raw) -> Routed | None:
    """A Service as an endpoint made it; None where it is none, or its record cannot be read."""
    metadata, spec = service["metadata"], service.get("spec") or {}
    notes = metadata.get("annotations") or {}
    endpoint = _owner(metadata)
    text = notes.get(RECORD_ANNOTATION)
    if endpoint is None or not isinstance(text, str) or len(text) > LONGEST_RECORD:
        return None
    try:
        record = RoutingRecord.model_validate_json(text)
    except ValidationError:
        return None
    headless = spec.get("clusterIP") == "None" and spec.get("type", "ClusterIP") == "ClusterIP"
    selects = ENDPOINT_LABEL in (spec.get("selector") or {})
    ports = spec.get("ports") or ()
    if metadata["name"] != pods_service(endpoint, record.track) or not (headless and selects and ports):
        return None
    return Routed(
        namespace=metadata["namespace"],
        endpoint=endpoint,
        service=metadata["name"],
        port=ports[0]["port"],
        created=str(metadata.get("creationTimestamp") or ""),
        labels=_labels(notes.get(LABELS_ANNOTATION)),
        phase=printable(str(notes.get(PHASE_ANNOTATION) or ""))[:64],
        record=record,
    )


def _labels(text: object) -> dict[str, str]:
    """The labels in an annotation; none where it cannot be read."""
    if not isinstance(text, str) or len(text) > LONGEST_RECORD:
        return {}
    try:
        return LABELS.validate_json(text)
    except ValidationError:
        return {}


def _owner(metadata: Raw) -> str | None:
    """The endpoint that controls it."""
    for owner in metadata.get("ownerReferences") or ():
        kind, name = (owner.get("apiVersion"), owner.get("kind")), str(owner.get("name"))
        if owner.get("controller") and kind == (API_VERSION, "AIMEndpoint"):
            return name if OBJECT_NAME.matches(name) else None
    return None
