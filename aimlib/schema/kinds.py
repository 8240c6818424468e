"""The kinds of this API, with the parts of their CRDs beside the schema."""

from collections.abc import Callable
from typing import NamedTuple

from aimlib.api.base import Model
from aimlib.api.cache import CACHE_SPELLINGS, AIMCache
from aimlib.api.described_model import AIMModel
from aimlib.api.endpoint import ENDPOINT_SPELLINGS, AIMEndpoint
from aimlib.api.node import AIMInventory, AIMNode
from aimlib.api.recipe import AIMRecipe
from aimlib.api.spelling import Spelling


class Column(NamedTuple):
    """A column of `kubectl get`; wide ones are shown with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


class ApiKind(NamedTuple):
    """A kind: its names, its model, and the parts of its CRD beside the schema."""

    name: str
    load: Callable[[], type[Model]]
    """Returns the model. That of a kind that few processes need is imported then: to build it takes a while."""
    plural: str
    short_names: tuple[str, ...]
    scope: str
    columns: tuple[Column, ...]
    spellings: tuple[Spelling, ...] = ()
    status: bool = True
    scale: bool = False
    listed_together: bool = True
    """Whether `kubectl get aim` prints it; not what a cluster has a hundred of that nobody there has written."""

    @property
    def model(self) -> type[Model]:
        return self.load()


def _gateway() -> type[Model]:
    from aimlib.api.gateway import AIMGateway  # noqa: PLC0415 - neither endpoints nor their explanations need it

    return AIMGateway


NOT_SYNCED = {"phase": "Pending", "observedGeneration": -1}
"""The status of an object that no hook has looked at yet, of kinds whose status has a phase. Without one, kstatus takes
an object for done."""
AGE = Column("Age", ".metadata.creationTimestamp", "date")

API_KINDS = (
    ApiKind(
        "AIMEndpoint",
        lambda: AIMEndpoint,
        "aimendpoints",
        ("aimep",),
        "Namespaced",
        (
            Column("Model", ".status.model"),
            Column("Hardware", ".status.selectedRecipe.hardware"),
            Column("GPUs", ".status.selectedRecipe.gpuCount", "integer"),
            Column("Phase", ".status.phase"),
            Column("Ready", ".status.replicas.ready", "integer"),
            AGE,
            Column("Replicas", ".status.replicas.desired", "integer", wide=True),
            Column("Recipe", ".status.selectedRecipe.name", wide=True),
            Column("Precision", ".status.selectedRecipe.precision", wide=True),
            Column("Engine", ".status.selectedRecipe.backend", wide=True),
            Column("Cache", ".status.cache.name", wide=True),
            Column("Req/s", ".status.metrics.throughput", "number", wide=True),
            Column("URL", ".status.endpoints.internal", wide=True),
            Column("Message", ".status.message", wide=True),
        ),
        ENDPOINT_SPELLINGS,
        scale=True,
    ),
    ApiKind(
        "AIMRecipe",
        lambda: AIMRecipe,
        "aimrecipes",
        ("aimr",),
        "Cluster",
        (
            Column("Model", ".spec.modelId", wide=True),
            Column("Hardware", ".spec.hardware"),
            Column("Precision", ".spec.precision"),
            Column("Engine", ".spec.backend"),
            Column("GPUs", ".status.gpuCounts"),
            Column("Phase", ".status.phase"),
            AGE,
            Column("Message", ".status.message", wide=True),
        ),
        listed_together=False,
    ),
    ApiKind(
        "AIMModel",
        lambda: AIMModel,
        "aimmodels",
        ("aimm",),
        "Cluster",
        (
            Column("Model", ".spec.modelId"),
            Column("Precision", ".status.precision"),
            Column("Hardware", ".status.hardware"),
            Column("Phase", ".status.phase"),
            AGE,
            Column("Message", ".status.message", wide=True),
        ),
        listed_together=False,
    ),
    ApiKind(
        "AIMCache",
        lambda: AIMCache,
        "aimcaches",
        ("aimc",),
        "Namespaced",
        (
            Column("Size", ".status.storage.requestedSize"),
            Column("Used", ".status.storage.usedSize"),
            Column("Models", ".status.models"),
            Column("Phase", ".status.phase"),
            Column("Progress", ".status.progress"),
            AGE,
            Column("Message", ".status.message", wide=True),
        ),
        CACHE_SPELLINGS,
    ),
    ApiKind(
        "AIMGateway",
        _gateway,
        "aimgateways",
        ("aimgw",),
        "Namespaced",
        (
            Column("Models", ".status.routes", "integer"),
            Column("Ready", ".status.replicas.ready", "integer"),
            Column("Phase", ".status.phase"),
            AGE,
            Column("URL", ".status.url", wide=True),
            Column("Message", ".status.message", wide=True),
        ),
    ),
    ApiKind(
        "AIMNode",
        lambda: AIMNode,
        "aimnodes",
        ("aimn",),
        "Cluster",
        (
            Column("Hardware", ".spec.summary"),
            Column("Usable", ".spec.usable", "boolean"),
            AGE,
            Column("Reason", ".spec.reason"),
        ),
        status=False,
        listed_together=False,
    ),
    ApiKind(
        "AIMInventory",
        lambda: AIMInventory,
        "aiminventories",
        ("aiminv",),
        "Cluster",
        (
            Column("Nodes", ".status.nodes", "integer"),
            Column("GPUs", ".status.gpus", "integer"),
            AGE,
            Column("Hardware", ".status.summary"),
        ),
    ),
)
