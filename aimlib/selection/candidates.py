"""A candidate of selection: one configuration of a recipe, for an endpoint in a cluster; and how a rule answers."""

from collections.abc import Callable
from typing import NamedTuple

from aimlib.api.endpoint_parts import Resources
from aimlib.api.node import GpuClass, LeftOutNodes, NodeShape
from aimlib.api.pod import EngineSettings, Toleration
from aimlib.api.recipe import Configuration, RecipeSpec
from aimlib.config import Config
from aimlib.hardware.products import CPU, product
from aimlib.hardware.shapes import shapes_of
from aimlib.selection.launch import Launch


class Requirements(NamedTuple):
    """The requirements of an endpoint; None leaves a field free."""

    model_id: str
    recipe: str | None = None
    backend: str | None = None
    precision: str | None = None
    gpu_count: int | None = None
    revision: str | None = None
    own_image: bool = False
    engine: EngineSettings | None = None
    tolerations: tuple[Toleration, ...] | None = None
    validated_only: bool = False


class Case(NamedTuple):
    """A candidate: one configuration of a recipe, and the GPU classes that have passed the rules so far."""

    requirements: Requirements
    config: Config
    name: str
    recipe: RecipeSpec
    configuration: Configuration
    launch: Launch
    classes: tuple[GpuClass, ...]
    left_out: tuple[LeftOutNodes, ...] = ()
    """What the cluster has that does not count."""
    resources: Resources = Resources()
    """CPU and memory that the endpoint states."""
    downloads: bool = False
    """Whether the model is downloaded to the node, into an emptyDir."""
    derived_from: str = ""
    """What it is derived from; empty where a recipe has it."""

    def narrowed(self, keep: Callable[[GpuClass], bool]) -> "Case":
        return self._replace(classes=tuple(one for one in self.classes if keep(one)))

    def on_nodes(self, keep: Callable[[NodeShape], bool]) -> "Case":
        """Narrowed to the nodes of each class that have what is needed together."""
        kept = [(one, tuple(shape for shape in shapes_of(one) if keep(shape))) for one in self.classes]
        return self._replace(classes=tuple(_with_shapes(one, shapes) for one, shapes in kept if shapes))


def _with_shapes(one: GpuClass, shapes: tuple[NodeShape, ...]) -> GpuClass:
    """A class of these nodes; memory that is the nodes' own is that of the largest."""
    sizes = [shape.memory_gib for shape in shapes if shape.memory_gib is not None]
    memory = max(sizes) if one.product == CPU and sizes else one.memory_gib
    return one.model_copy(update={"shapes": shapes, "memory_gib": memory})


class Rejection(NamedTuple):
    """Why a rule rejected a candidate: what is requested and what is available."""

    requested: str
    available: str


RuleResult = Case | Rejection


def format_gpus(count: int) -> str:
    """A number of GPUs, such as `4 GPUs`."""
    return "CPUs only" if count == 0 else f"{count} GPU{'s' * (count > 1)}"


def engine_image(case: Case) -> str | None:
    """The engine's image: the recipe's, the one in the settings, or the default for this architecture or vendor."""
    if case.recipe.image:
        return f"{case.recipe.image.repository}:{case.recipe.image.tag}"
    hardware = product(case.recipe.hardware)
    if hardware is None:
        return None
    targets = (f"{case.recipe.backend}/{hardware.architecture}", f"{case.recipe.backend}/{hardware.vendor}")
    own = next((case.config.images[target] for target in targets if target in case.config.images), None)
    return own or case.launch.engine.image(hardware.vendor, hardware.architecture)
