"""The parts that all Kubernetes objects share: metadata and conditions."""

from typing import Annotated, Any, Literal

from pydantic import Field

from aimlib.api.base import Model, Timestamp


class ObjectMeta(Model):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Condition(Model):
    """One aspect of the object's state, in the form of metav1.Condition."""

    type: Annotated[str, Field(max_length=316)]
    """Type of the condition; True is the healthy state."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: Annotated[str, Field(max_length=1024)]
    """Why, in one CamelCase word, such as NothingFits."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Details, for people."""
    observed_generation: int | None = None
    """The generation of the object that the condition was computed from."""
    last_transition_time: Timestamp | None = None
    """When the status last changed."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]


class K8sObject(Model):
    """The fields of every object, whatever its kind."""

    api_version: str
    kind: str
    metadata: ObjectMeta

    @property
    def name(self) -> str:
        return self.metadata.name


Raw = dict[str, Any]
"""A Kubernetes object as plain JSON data."""
