"""AIMModel: facts of a model that no recipe describes, from which candidates are derived."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import MessageText, Model, ModelId, Name, Ruled, Text
from aimlib.api.meta import Conditions, K8sObject
from aimlib.api.model_facts import ModelFacts
from aimlib.api.recipe import FACTS_RULES, Backend


class ModelSpec(Ruled):
    """A model, and what is known of the files that are loaded for it."""

    rules = FACTS_RULES

    model_id: ModelId
    """Id of the model that endpoints request."""
    source: ModelId | None = None
    """The repository that is loaded for the model, such as a quantised one; modelId when left out."""
    facts: ModelFacts | None = None
    """Facts of the checkpoint, as `aim model inspect` prints them; without them nothing is derived."""
    allowed_namespaces: Annotated[tuple[Name, ...], Field(max_length=256)] = ()
    """Namespaces whose endpoints are served by what is derived from it; all when left out."""

    @property
    def loaded(self) -> str:
        """The repository whose files are loaded."""
        return self.source or self.model_id


class ModelCandidate(Model):
    """What fits on this cluster."""

    hardware: Name
    """The GPU product."""
    backend: Backend
    """The engine."""
    gpu_counts: Text
    """Numbers of GPUs, such as 1,2,4,8."""


class ModelStatus(Model):
    """Which candidates are derived from it on this cluster."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Literal["Pending", "Ready", "Invalid"] | None = None
    """Pending: nothing fits on this cluster, or there are no facts. Ready. Invalid, with the reason in Ready."""
    precision: Text | None = None
    """The format of the weights."""
    hardware: Text | None = None
    """The GPU products that something fits on."""
    candidates: Annotated[tuple[ModelCandidate, ...], Field(max_length=64)] = ()
    """What fits on this cluster, whatever else an endpoint requests."""
    message: MessageText | None = None
    """What is wrong, or what fits."""
    conditions: Conditions = ()
    """The condition Ready."""


class AIMModel(K8sObject):
    """Facts of a model that no recipe describes, from which candidates are derived."""

    spec: ModelSpec
    status: ModelStatus | None = None
