"""A candidate of selection: one configuration of a recipe, for an endpoint in a cluster; and how a rule answers."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from aimlib.api.adapter import Adapter
from aimlib.api.draft import RequestedDraft
from aimlib.api.endpoint_choice import Objectives, RequestedWorkload
from aimlib.api.endpoint_parts import Resources
from aimlib.api.node import GpuClass, LeftOutNodes, NodeShape
from aimlib.api.pod import EngineSettings, Toleration
from aimlib.api.recipe import Configuration, RecipeSpec
from aimlib.api.room import FreeCapacity, FullHardware
from aimlib.config import Config
from aimlib.hardware.products import CPU, Product, Products, known_products
from aimlib.hardware.shapes import shapes_of
from aimlib.kube.quantity import to_gib
from aimlib.selection.corrections import SpeedModel
from aimlib.selection.launch import Launch


class Requirements(NamedTuple):
    """The requirements of an endpoint; None leaves a field free."""

    model_id: str
    recipe: str | None = None
    backend: str | None = None
    precision: str | None = None
    hardware: tuple[str, ...] | None = None
    gpu_count: int | None = None
    revision: str | None = None
    own_image: bool = False
    engine: EngineSettings | None = None
    tolerations: tuple[Toleration, ...] | None = None
    gpu_budget: int | None = None
    workload: RequestedWorkload | None = None
    objectives: Objectives | None = None
    validated_only: bool = False
    draft: RequestedDraft | None = None
    adapters: tuple[Adapter, ...] | None = None
    allocation: str | None = None
    gpu_share: str | None = None
    time_sliced: bool = False


class Room(NamedTuple):
    """What is known of the room that the cluster has for an endpoint's pods."""

    full: tuple[FullHardware, ...] = ()
    """Hardware on which the scheduler found no room for this endpoint."""
    free: FreeCapacity | None = None
    """What was free when the endpoint's configuration was selected; None where nobody looked."""


NOTHING_KNOWN = Room()
"""What is known of the room where nobody looked."""


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
    room: Room = NOTHING_KNOWN
    """What is known of the room for its pods."""
    speeds: SpeedModel = SpeedModel()
    """What the speed of the model's candidates is computed with."""
    derived_from: str = ""
    """What it is derived from; empty where a recipe has it."""
    node_selector: Mapping[str, str] = {}
    """Labels of the nodes on which its pods may run."""
    listed: Product | None = None
    """The product that the recipe is for, where a table has it and it was looked up."""
    inventory: tuple[GpuClass, ...] = ()
    """All classes of the cluster."""
    groups: bool = True
    """Whether the cluster has what runs a replica on several nodes."""

    @property
    def devices(self) -> int:
        """GPUs of one replica, and 1 where it runs on processors."""
        return max(self.configuration.gpu_count, 1)

    @property
    def nodes(self) -> int:
        """Nodes that a replica is on."""
        return self.configuration.nodes

    @property
    def devices_per_node(self) -> int:
        """GPUs of a replica on each of its nodes; 0 where it runs on processors."""
        return self.configuration.gpu_count // self.nodes

    @property
    def replicas(self) -> int:
        """Replicas that the budget pays for and the cluster has devices for; 1 without a budget."""
        budget = self.requirements.gpu_budget
        if budget is None:
            return 1
        there = sum(one.total for one in self.classes) // self.devices
        return max(min(budget // self.devices, there), 1)

    @property
    def first_class(self) -> GpuClass:
        """The class that is selected of those that fit: whole GPUs before partitions, and large ones of these first."""
        return min(self.classes, key=_place)

    @property
    def products(self) -> Products:
        """The table with the products of the settings."""
        return known_products(self.config.hardware)

    @property
    def hardware(self) -> Product | None:
        """The product that the recipe is for, by the table with the settings, or as the inventory describes it."""
        return self.listed or self.products.find(self.recipe.hardware, self.classes)

    @property
    def largest_gib(self) -> float:
        """GiB of the largest devices left to it, as far as the engine may use them."""
        return max(map(self.engine_gib, self.classes))

    @property
    def share_gib(self) -> float | None:
        """GiB of the share of a device that is requested; None where it is the whole."""
        stated = self.requirements.gpu_share
        return to_gib(stated) if stated else None

    def engine_gib(self, one: GpuClass) -> float:
        """GiB of a device that the engine may use: what it sees, or the share that is requested."""
        share = self.share_gib
        return self.products.seen_gib(one) if share is None else share

    def narrowed(self, keep: Callable[[GpuClass], bool]) -> "Case":
        kept = tuple(one for one in self.classes if keep(one))
        return self if len(kept) == len(self.classes) else self._replace(classes=kept)

    def on_nodes(self, keep: Callable[[NodeShape], bool]) -> "Case":
        """Narrowed to the nodes of each class that have what is needed together."""
        if all(one.product != CPU and all(map(keep, shapes_of(one))) for one in self.classes):
            return self
        kept = [(one, tuple(shape for shape in shapes_of(one) if keep(shape))) for one in self.classes]
        return self._replace(classes=tuple(_with_shapes(one, shapes) for one, shapes in kept if shapes))


def _place(one: GpuClass) -> tuple[bool, bool, float, str, bool, str]:
    """Sort key of classes, first the best: with its memory for itself, whole, large, and by a resource of the node."""
    part = one.partition or ""
    claimed = one.dynamic is not None and one.dynamic.extended_resource is None
    return one.shared, bool(part), -one.memory_gib if part else 0.0, part, claimed, one.resource


def _with_shapes(one: GpuClass, shapes: tuple[NodeShape, ...]) -> GpuClass:
    """A class of these nodes; memory that is the nodes' own is that of the largest."""
    sizes = [shape.memory_gib for shape in shapes if shape.memory_gib is not None]
    memory = max(sizes) if one.product == CPU and sizes else one.memory_gib
    return one.model_copy(update={"shapes": shapes, "memory_gib": memory})


class Rejection(NamedTuple):
    """Why a rule rejected a candidate: what is requested and what is available."""

    requested: str
    found: str | Callable[[], str]
    """What is available; a function where the words take a while, and most candidates are never listed."""

    @property
    def available(self) -> str:
        """What is available, in words."""
        return self.found if isinstance(self.found, str) else self.found()


RuleResult = Case | Rejection


def format_gpus(count: int) -> str:
    """A number of GPUs, such as `4 GPUs`."""
    return "CPUs only" if count == 0 else f"{count} GPU{'s' * (count > 1)}"


def engine_image(case: Case) -> str | None:
    """The name by which the engine's image is pulled; None where there is none."""
    image = published_image(case)
    return case.config.pulled(image) if image else None


def published_image(case: Case) -> str | None:
    """The engine's image: the recipe's, the one in the settings, or the default for this architecture or vendor."""
    if case.recipe.image:
        return f"{case.recipe.image.repository}:{case.recipe.image.tag}"
    hardware = case.hardware
    if hardware is None:
        return None
    if images := case.config.images:
        targets = (f"{case.recipe.backend}/{hardware.architecture}", f"{case.recipe.backend}/{hardware.vendor}")
        if own := next((images[target] for target in targets if target in images), None):
            return own
    return case.launch.engine.image(hardware.vendor, hardware.architecture)
