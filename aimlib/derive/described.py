"""The checkpoints that AIMModels describe, for endpoints of a namespace."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.described_model import ModelSpec
from aimlib.api.meta import Raw
from aimlib.derive.rules import precision_of
from aimlib.derive.sources import Checkpoint
from aimlib.naming import full_digest


class Described(NamedTuple):
    """What AIMModels give an endpoint, and what about the others it should know."""

    checkpoints: tuple[Checkpoint, ...]
    remarks: tuple[str, ...]

    @property
    def key(self) -> tuple[object, ...]:
        """What differs where any of it does, as a key of what was computed before."""
        stated = ((one.origin, one.repository, full_digest(one.facts.wire())) for one in self.checkpoints)
        return (*stated, *self.remarks)


NOTHING_DESCRIBED = Described((), ())


def described_checkpoint(name: str, spec: ModelSpec) -> Checkpoint | None:
    """The checkpoint of an AIMModel; None without facts."""
    if spec.facts is None:
        return None
    return Checkpoint(spec.model_id, spec.loaded, precision_of(spec.facts), spec.facts, f"AIMModel {name}")


def described_models(models: Iterable[Raw], model_id: str, namespace: str) -> Described:
    """What those of the AIMModels give that are of this model and for this namespace, in the order of their names."""
    found: list[Checkpoint] = []
    remarks: list[str] = []
    for raw in sorted(models, key=lambda one: str(one["metadata"]["name"])):
        name = raw["metadata"]["name"]
        try:
            spec = ModelSpec.model_validate(raw.get("spec"))
        except ValidationError:
            remarks.append(f"AIMModel {name} cannot be read, as its status says")
            continue
        one = described_checkpoint(name, spec)
        if spec.model_id != model_id:
            continue
        if spec.allowed_namespaces and namespace not in spec.allowed_namespaces:
            remarks.append(f"AIMModel {name} is for other namespaces (allowedNamespaces)")
        elif one is None:
            remarks.append(f"AIMModel {name} has no facts; aim model inspect prints them")
        else:
            found.append(one)
    return Described(tuple(found), tuple(remarks))
