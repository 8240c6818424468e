"""AIMModel: facts of a model that no recipe describes, from which candidates are derived."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import MessageText, Model, ModelId, Name, Ruled, Text
from aimlib.api.cache import HubSpec
from aimlib.api.inspection import Inspection
from aimlib.api.meta import Conditions, K8sObject
from aimlib.api.model_facts import FACTS_RULES, ModelFacts
from aimlib.api.recipe import Backend
from aimlib.api.source import ACCESS_RULES, RepositoryOrServer, SourceAccess


class ModelSpec(Ruled):
    """A model, and what is known of the files that are loaded for it."""

    rules = (*FACTS_RULES, *ACCESS_RULES)

    model_id: ModelId
    """Id of the model that endpoints request."""
    source: RepositoryOrServer | None = None
    """The repository that is loaded for the model, such as a quantised one; modelId when left out. Or where its files
    are instead of a hub, as in an AIMCache: s3://bucket/folder, oci://registry/repository:tag, mlflow://name@alias or
    mlflow://name/version; an endpoint of the model then downloads them from there."""
    access: SourceAccess | None = None
    """How the server of the source is reached. The secret is one of the operator's namespace for the Job, and one of
    the same name in its own namespace for each endpoint."""
    facts: ModelFacts | None = None
    """Facts of the checkpoint, as `aim model inspect` prints them. When left out, a Job in the operator's namespace
    reads them from the hub, without the weights; status.inspection has what it finds."""
    hub: HubSpec = HubSpec()
    """The hub that the Job reads from. A tokenSecret is one of the operator's namespace."""
    allowed_namespaces: Annotated[tuple[Name, ...], Field(max_length=256)] = ()
    """Namespaces whose endpoints are served by what is derived from it; all when left out."""

    @property
    def loaded(self) -> str:
        """The repository whose files are loaded; of files on a server of their own, the id by which they are stored."""
        return self.model_id if self.server else self.source or self.model_id

    @property
    def place(self) -> str:
        """What `aim model inspect` is told, so that it prints the facts."""
        return f"{self.server} --as {self.model_id}" if self.server else self.loaded

    @property
    def server(self) -> str | None:
        """The source, where that is no repository of a hub."""
        return self.source if self.source and "://" in self.source else None


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
    """Pending: nothing fits on this cluster, or there are no facts yet. Ready. Invalid, with the reason in Ready."""
    precision: Text | None = None
    """The format of the weights."""
    hardware: Text | None = None
    """The GPU products that something fits on."""
    inspection: Inspection | None = None
    """What was found in the model's files, when and at which commit, where spec.facts is left out."""
    candidates: Annotated[tuple[ModelCandidate, ...], Field(max_length=64)] = ()
    """What fits on this cluster, whatever else an endpoint requests."""
    message: MessageText | None = None
    """What is wrong, or what fits."""
    conditions: Conditions = ()
    """The condition Ready; Stalled while the phase is Invalid."""


class AIMModel(K8sObject):
    """Facts of a model that no recipe describes, from which candidates are derived."""

    spec: ModelSpec
    status: ModelStatus | None = None
