"""The rules of selection, in order: a candidate passes them one by one until the first that rejects it.

Each rule takes a candidate and returns a rejection, or the candidate with the GPU classes that pass the rule. What the
spec states is a requirement; what it leaves out is free.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from aimlib.api.endpoint_parts import Resources
from aimlib.api.node import GpuClass, LeftOutNodes, NodeShape, Taint
from aimlib.api.pod import EngineSettings, Toleration
from aimlib.api.recipe import Configuration, RecipeSpec
from aimlib.config import Config
from aimlib.hardware.left_out import format_left_out
from aimlib.hardware.placement import keeps_away
from aimlib.hardware.products import CPU, product
from aimlib.hardware.shapes import HostRequest, amounts, shapes_of
from aimlib.hub_url import may_have_token, shown
from aimlib.selection.container_resources import host_request
from aimlib.selection.gpu_memory import illegal_degree, required_memory
from aimlib.selection.launch import Launch

NONE = EngineSettings()


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


def _valid(case: Case) -> RuleResult:
    hardware, count = product(case.recipe.hardware), case.configuration.gpu_count
    if hardware is None:
        return Rejection("a known GPU product", f"hardware {case.recipe.hardware!r}, which is unknown")
    if (hardware.name == CPU) != (count == 0):
        return Rejection("gpuCount: 0 with hardware CPU only", f"gpuCount: {count} on {hardware.name}")
    if case.launch.problems:
        engine = case.launch.engine
        return Rejection(
            f"arguments that {engine.title} {engine.version} accepts",
            f"arguments with errors: {'; '.join(case.launch.problems)}",
        )
    return case


def _model(case: Case) -> RuleResult:
    same = case.recipe.model_id == case.requirements.model_id
    return case if same else Rejection(f"model {case.requirements.model_id}", case.recipe.model_id)


def _recipe(case: Case) -> RuleResult:
    return (
        case
        if case.requirements.recipe in {None, case.name}
        else Rejection(f"recipe {case.requirements.recipe}", case.name)
    )


def _backend(case: Case) -> RuleResult:
    free = case.requirements.backend in {None, case.recipe.backend}
    return case if free else Rejection(f"engine {case.requirements.backend}", case.recipe.backend)


def _precision(case: Case) -> RuleResult:
    free = case.requirements.precision in {None, case.recipe.precision}
    return case if free else Rejection(f"precision {case.requirements.precision}", case.recipe.precision)


def _revision(case: Case) -> RuleResult:
    """A revision belongs to the model's own repository, so a recipe must load that one.

    A recipe that runs code of the repository trusts its default branch, not each branch that anybody may propose.
    """
    requested, model, launch = case.requirements.revision, case.requirements.model_id, case.launch
    if requested is None:
        return case
    if case.recipe.loaded != model:
        return Rejection(f"revision {requested} of {model}", f"checkpoint {case.recipe.loaded}")
    if launch.runs_remote_code and case.config.remote_code_revisions == "Default":
        flag = launch.engine.flags.trust_remote_code
        return Rejection(f"revision {requested} of {model}", f"{flag}, which runs code of the default branch only")
    return case


def _engine(case: Case) -> RuleResult:
    """Tenants write endpoints: what runs code, reads files or loads another model is for recipes."""
    engine = case.launch.engine
    if case.launch.refusals:
        wanted = f"engine settings that an endpoint may have with {engine.title} {engine.version}"
        return Rejection(wanted, "; ".join(case.launch.refusals))
    hub = next((one for one in (case.requirements.engine or NONE).env if one.name == "HF_ENDPOINT"), None)
    if hub is None or may_have_token(hub.value or "unknown", case.config.token_hubs):
        return case
    hubs = ", ".join(case.config.token_hubs) or "none"
    return Rejection(
        f"a hub of tokenHubs of the settings ({hubs})", f"engine.env: HF_ENDPOINT {shown(hub.value or 'by valueFrom')}"
    )


def _gpu_count(case: Case) -> RuleResult:
    requested, has = case.requirements.gpu_count, case.configuration.gpu_count
    if requested is None:
        return case if has else Rejection("GPUs, since gpuCount is not 0", format_gpus(has))
    return case if requested == has else Rejection(format_gpus(requested), format_gpus(has))


def _enabled(case: Case) -> RuleResult:
    return case if case.configuration.enabled else Rejection("an enabled configuration", "enabled: false")


def _product_name(case: Case) -> str:
    hardware = product(case.recipe.hardware)
    return hardware.name if hardware else case.recipe.hardware


def _hardware(case: Case) -> RuleResult:
    name = _product_name(case)
    left = case.narrowed(lambda one: one.product == name)
    if not left.classes:
        return Rejection(name, _instead_of(case, name))
    own = left.narrowed(lambda one: not one.shared)
    if not own.classes:
        return Rejection(f"{name} that are not time-sliced", "shared GPUs only")
    alone = case.configuration.gpu_count < 2
    joined = own.narrowed(lambda one: alone or one.vendor != "nvidia" or one.partition is None)
    return joined if joined.classes else Rejection(f"{name} that one replica can combine", "MIG devices only")


NO_GPUS = "no GPUs (a pool of nodes that is scaled to zero counts from its first node on)"


def _left_out(case: Case, name: str) -> tuple[LeftOutNodes, ...]:
    """Devices that do not count and are the product, or may be it, since nobody knows what they are."""
    found = product(name)
    prefix = f"{found.vendor}.com/" if found else ""
    return tuple(
        one
        for one in case.left_out
        if one.product == name or (prefix and one.product is None and one.resource.startswith(prefix))
    )


def _instead_of(case: Case, name: str) -> str:
    """What the cluster has instead of a product, and what of it does not count."""
    present = ", ".join(sorted({one.product for one in case.classes if one.product != CPU}))
    if name == CPU:
        return f"no node that can be used: {format_left_out(case.left_out)}" if case.left_out else "no nodes"
    own, any_left_out = _left_out(case, name), [one for one in case.left_out if one.product != CPU]
    if own:
        return f"{present or 'none that can be used'}: {format_left_out(own, name)}"
    if present:
        return present
    if any_left_out:
        return f"no GPUs that can be used: {format_left_out(any_left_out)}"
    return NO_GPUS


def may_have_hardware(case: Case) -> bool:
    """Whether the cluster has, or may have, the product of a candidate among what does not count."""
    return bool(_left_out(case, _product_name(case)))


def hardware_distance(case: Case) -> int:
    """How far a candidate is from the cluster's hardware, nearest first."""
    hardware = product(case.recipe.hardware)
    if hardware is None:
        return 5
    own = _left_out(case, hardware.name)
    table = (
        any(one.product == hardware.name for one in case.classes),
        any(one.product == hardware.name for one in own),
        own,
        any(one.architecture == hardware.architecture for one in case.classes if one.product != CPU),
        any(one.vendor == hardware.vendor for one in case.classes),
    )
    return next((place for place, applies in enumerate(table) if applies), len(table))


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


def _image(case: Case) -> RuleResult:
    if case.requirements.own_image or engine_image(case):
        return case
    return Rejection(f"an image of {case.recipe.backend} for {case.recipe.hardware}", "none; set spec.image")


def _architecture(case: Case) -> RuleResult:
    """The engine's own image has binaries for some architectures; of another image, nothing is known."""
    hardware, launched = product(case.recipe.hardware), case.launch
    if hardware is None or case.requirements.own_image:
        return case
    if engine_image(case) != launched.engine.image(hardware.vendor, hardware.architecture):
        return case
    built = launched.engine.architectures(hardware.vendor)
    left = case.on_nodes(lambda shape: shape.architecture in {None, *built})
    if left.classes:
        return left
    found = sorted({shape.architecture or "" for one in case.classes for shape in shapes_of(one)})
    return Rejection(f"{case.recipe.hardware} on {' or '.join(built)}, as its image is", f"them on {', '.join(found)}")


def _token_hub(case: Case) -> RuleResult:
    """Tenants name a Secret, and a recipe may name a hub: its pods get a token only for the hubs of the settings."""
    env = {one.name: one for one in case.launch.env}
    hub, token = env.get("HF_ENDPOINT"), env.get("HF_TOKEN")
    literal = token is not None and token.value_from is None
    if hub is None or literal or may_have_token(hub.value or "unknown", case.config.token_hubs):
        return case
    found = f"HF_ENDPOINT {shown(hub.value or 'by valueFrom')}"
    return Rejection(
        f"a hub that gets a token ({', '.join(case.config.token_hubs) or 'none'}, by tokenHubs of the settings)",
        f"{found}; HF_TOKEN '' in the recipe's env uses it without one",
    )


def _supported(case: Case) -> RuleResult:
    hardware = product(case.recipe.hardware)
    if hardware and not hardware.serves(case.recipe.precision):
        return Rejection(
            f"{case.recipe.precision} weights", f"{hardware.name}, which supports {', '.join(hardware.served)}"
        )
    return case


def _degree(case: Case) -> RuleResult:
    facts, tensor = case.recipe.facts, case.launch.parallel.tensor
    found = illegal_degree(facts, tensor, case.launch.expert_degree) if facts else ""
    return Rejection(f"tensor parallel {tensor}", found) if found else case


def _memory(case: Case) -> RuleResult:
    facts, launch = case.recipe.facts, case.launch
    if facts is None:
        return case
    needed = required_memory(facts, launch.parallel, launch.max_length, launch.cache_bytes)
    left = case.narrowed(lambda one: needed.total <= launch.usable(one.memory_gib))
    if left.classes:
        return left
    largest = max(one.memory_gib for one in case.classes)
    return Rejection(
        f"{needed} for {launch.max_length} tokens",
        f"{launch.usable(largest):.1f} GiB usable of {largest:g} GiB on {case.recipe.hardware}",
    )


def _one_node(case: Case) -> RuleResult:
    """Devices, CPUs, memory and storage of one and the same node: those of several do not add up."""
    count = case.configuration.gpu_count
    enough = case.on_nodes(lambda shape: shape.devices >= count)
    if not enough.classes:
        most = max(shape.devices for one in case.classes for shape in shapes_of(one))
        return Rejection(f"{format_gpus(count)} on one node", f"at most {most}")
    request = _requested_of_host(case)
    room = enough.on_nodes(partial(_has_room, case))
    left = room.on_nodes(request.fits)
    if left.classes:
        return left
    without_storage = request._replace(ephemeral_storage_gib=0)
    if room.on_nodes(without_storage.fits).classes:
        largest = max(_known(enough, lambda shape: shape.ephemeral_storage_gib))
        return Rejection(
            f"{request.ephemeral_storage_gib:.0f} GiB of ephemeral storage on one node"
            f"{', where the model is downloaded' * case.downloads}",
            f"at most {largest:g} GiB{'; a cache (cache.enabled: true, or an AIMCache) is a volume' * case.downloads}",
        )
    gpus = f"{format_gpus(count)} with " if count else ""
    return Rejection(f"{gpus}{_host_text(request.cpus, request.memory_gib)} on one node", _largest(enough))


def _has_room(case: Case, shape: NodeShape) -> bool:
    """Whether a node has the memory that a model needs on processors; that of GPUs is equal in a class."""
    facts, launch, memory = case.recipe.facts, case.launch, shape.memory_gib
    if facts is None or memory is None or case.configuration.gpu_count:
        return True
    needed = required_memory(facts, launch.parallel, launch.max_length, launch.cache_bytes)
    return needed.total <= launch.usable(memory)


def _requested_of_host(case: Case) -> HostRequest:
    """What a replica requests of its node, and what it downloads there."""
    facts, configuration = case.recipe.facts, case.configuration
    request = host_request(case.resources, configuration.resources, configuration.gpu_count, case.config)
    if facts and case.downloads:
        request = request._replace(ephemeral_storage_gib=max(request.ephemeral_storage_gib, facts.weights_gib))
    return request


def _known(case: Case, amount: Callable[[NodeShape], float | None]) -> list[float]:
    """An amount of the nodes that report it."""
    found = (amount(shape) for one in case.classes for shape in shapes_of(one))
    return [size for size in found if size is not None]


def _largest(case: Case) -> str:
    """The largest nodes, which are several where one has more CPUs and another more memory."""
    shapes = [shape for one in case.classes for shape in shapes_of(one)]
    largest = sorted({amounts(shape)[1:3] for shape in shapes}, reverse=True)
    texts = [
        _host_text(*size)
        for size in largest
        if not any(size != other and size[0] <= other[0] and size[1] <= other[1] for other in largest)
    ]
    return f"at most {' or '.join(texts[:LARGEST_SHOWN])}"


LARGEST_SHOWN = 3


def _host_text(cpus: float, memory_gib: float) -> str:
    return f"{cpus:.4g} CPU{'s' * (cpus != 1)} and {round(memory_gib, 1):g} GiB"


def _taints(case: Case) -> RuleResult:
    keys, stated = case.config.tolerated_taints, case.requirements.tolerations or ()

    def keeps(one: GpuClass, taint: Taint) -> bool:
        return keeps_away(taint, keys.get(one.vendor, ()), stated)

    left = case.narrowed(lambda one: not any(keeps(one, taint) for taint in one.taints))
    if left.classes:
        return left
    away = [(one, taint) for one in case.classes for taint in one.taints if keeps(one, taint)]
    texts = ", ".join(sorted({str(taint) for _, taint in away}))
    vendor = case.classes[0].vendor
    remedy = f"toleratedTaints.{vendor} of the settings, or the endpoint's tolerations, have what is tolerated"
    only = "; NoExecute only by the endpoint's" * any(taint.effect == "NoExecute" for _, taint in away)
    nodes = sum(one.nodes for one in case.classes)
    return Rejection(
        "nodes without taints that it does not tolerate",
        f"{nodes} node{'s' * (nodes > 1)} tainted {texts} ({remedy}{only})",
    )


SELECTION_RULES: tuple[tuple[str, Callable[[Case], RuleResult]], ...] = (
    ("valid", _valid),
    ("model", _model),
    ("recipe", _recipe),
    ("backend", _backend),
    ("precision", _precision),
    ("revision", _revision),
    ("engine", _engine),
    ("gpuCount", _gpu_count),
    ("enabled", _enabled),
    ("hardware", _hardware),
    ("image", _image),
    ("architecture", _architecture),
    ("tokenHub", _token_hub),
    ("supported", _supported),
    ("tensorParallel", _degree),
    ("memory", _memory),
    ("oneNode", _one_node),
    ("taints", _taints),
)
USER_RULES = frozenset({"model", "recipe", "backend", "precision", "revision", "gpuCount"})
"""The rules about what the user requested; the others are about what the recipe needs."""
CLUSTER_RULES = frozenset({"hardware", "architecture", "oneNode", "taints"})
"""The rules about what the cluster has."""


def rejection_text(rule: str, requested: str, available: str) -> str:
    """A rejection in words: what the user requested, or what the recipe needs, and what there is."""
    if rule in USER_RULES:
        return f"requested {requested}, available {available}"
    return f"needs {requested}; {'the cluster has' if rule in CLUSTER_RULES else 'has'} {available}"


RECIPE_RULE_NAMES = ("valid", "supported", "tensorParallel", "memory")
"""The rules about the recipe itself, independent of the requirements and of the cluster."""
RULE_ORDER = {name: place for place, (name, _) in enumerate(SELECTION_RULES)}
LATER_RULES = {
    stated: tuple(name for name in RULE_ORDER if RULE_ORDER[name] > RULE_ORDER[stated])
    for stated in RULE_ORDER
    if 0 < RULE_ORDER[stated] < RULE_ORDER["hardware"]
}
"""For each rule about requirements, the rules after it: they can be applied to a candidate that it rejected."""


def apply_rules(case: Case, names: tuple[str, ...] = tuple(RULE_ORDER)) -> tuple[Case, str, Rejection | None]:
    """The candidate after the rules, and the first rule that rejects it with its rejection, or "" and None."""
    for name, rule in SELECTION_RULES:
        if name in names:
            result = rule(case)
            if isinstance(result, Rejection):
                return case, name, result
            case = result
    return case, "", None
