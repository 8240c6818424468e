"""The checkpoints that AIMModels describe, for endpoints of a namespace."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.described_model import ModelSpec
from aimlib.api.inspection import Inspection
from aimlib.api.meta import Raw
from aimlib.api.model_facts import ModelFacts
from aimlib.api.source import SourceAccess
from aimlib.derive.rules import precision_of
from aimlib.derive.sources import Checkpoint
from aimlib.naming import full_digest


class ServedFrom(NamedTuple):
    """Where an AIMModel has the files of its model."""

    model_id: str
    source: str
    access: SourceAccess | None


class Described(NamedTuple):
    """What AIMModels give an endpoint, and what about the others it should know."""

    checkpoints: tuple[Checkpoint, ...]
    remarks: tuple[str, ...]
    servers: tuple[ServedFrom, ...] = ()
    """Where files are that are not in a repository of a hub."""

    @property
    def key(self) -> tuple[object, ...]:
        """What differs where any of it does, as a key of what was computed before."""
        stated = ((one.origin, one.model_id, one.repository, full_digest(one.facts.wire())) for one in self.checkpoints)
        places = ((one.model_id, one.source, one.access and full_digest(one.access.wire())) for one in self.servers)
        return (*stated, *places, *self.remarks)

    def server_of(self, checkpoint: str) -> ServedFrom | None:
        """Where the files of a checkpoint are, if not in the hub's repository of that id."""
        return next((one for one in self.servers if one.model_id == checkpoint), None)


NOTHING_DESCRIBED = Described((), ())


def described_checkpoint(name: str, spec: ModelSpec, found: ModelFacts | None = None) -> Checkpoint | None:
    """The checkpoint of an AIMModel; None without facts. `found` are those in its files: what the spec states wins."""
    facts = spec.facts or found
    if facts is None:
        return None
    return Checkpoint(spec.model_id, spec.loaded, precision_of(facts), facts, f"AIMModel {name}")


def inspected_checkpoint(model_id: str, inspection: Inspection) -> Checkpoint | None:
    """The checkpoint whose files were read for an endpoint; None before its facts are found."""
    facts = inspection.facts
    if facts is None:
        return None
    origin = f"{FILES_OF} {inspection.repository} at {(inspection.commit or '')[:SHOWN_DIGITS]}"
    return Checkpoint(model_id, inspection.repository, precision_of(facts), facts, origin)


FILES_OF = "the files of"
"""What the origin of a checkpoint begins with whose files were read for an endpoint."""
SHOWN_DIGITS = 12
"""Digits of a commit in a message."""


def _inspection(raw: Raw, spec: ModelSpec) -> Inspection | None:
    """What the status of an AIMModel has about the files that its spec names."""
    try:
        found = Inspection.model_validate((raw.get("status") or {}).get("inspection"))
    except ValidationError:  # there is none, or it is of another release
        return None
    return found if (found.repository, found.source) == (spec.loaded, spec.server) else None


def described_models(models: Iterable[Raw], model_id: str, namespace: str) -> Described:
    """What those of the AIMModels give that are for this namespace and serve or load this model, ordered by name."""
    found: list[Checkpoint] = []
    servers: list[ServedFrom] = []
    remarks: list[str] = []
    for raw in sorted(models, key=lambda one: str(one["metadata"]["name"])):
        name = raw["metadata"]["name"]
        try:
            spec = ModelSpec.model_validate(raw.get("spec"))
        except ValidationError:
            remarks.append(f"AIMModel {name} cannot be read; its status has the reason")
            continue
        inspection = _inspection(raw, spec)
        one = described_checkpoint(name, spec, inspection.facts if inspection else None)
        if model_id not in {spec.model_id, spec.loaded}:
            continue
        if spec.allowed_namespaces and namespace not in spec.allowed_namespaces:
            remarks.append(f"AIMModel {name} is for other namespaces (allowedNamespaces)")
            continue
        if spec.server:
            servers.append(ServedFrom(spec.model_id, spec.server, spec.access))
        if one is None:
            why = (
                inspection.message
                if inspection and inspection.message
                else f"aim model inspect {spec.place} prints them"
            )
            remarks.append(f"AIMModel {name} has no facts yet: {why}")
        else:
            found.append(one)
    return Described(tuple(found), tuple(remarks), tuple(servers))
