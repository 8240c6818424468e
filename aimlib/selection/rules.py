"""The rules of selection, in their order: a candidate walks them and stops at the first that objects.

Each rule takes a candidate and answers with an objection, or with the candidate, narrowed to the GPU classes that
satisfy the rule. What the user states is a requirement; what he leaves out is free.
"""

from collections.abc import Callable
from typing import NamedTuple

from aimlib.api.node import GpuClass
from aimlib.api.recipe import Configuration, RecipeSpec
from aimlib.config import Config
from aimlib.hardware.products import CPU, product
from aimlib.kube.quantity import parse_quantity
from aimlib.selection.gpu_memory import illegal_degree, required_memory
from aimlib.selection.launch import Launch


class Requirements(NamedTuple):
    """What an endpoint requires; None leaves it free."""

    model_id: str
    recipe: str | None = None
    backend: str | None = None
    precision: str | None = None
    gpu_count: int | None = None
    revision: str | None = None
    own_image: bool = False


class Case(NamedTuple):
    """A candidate on its walk: one configuration of one recipe, and the GPU classes that still serve it."""

    ask: Requirements
    config: Config
    name: str
    recipe: RecipeSpec
    configuration: Configuration
    launch: Launch
    classes: tuple[GpuClass, ...]

    def narrowed(self, keep: Callable[[GpuClass], bool]) -> "Case":
        return self._replace(classes=tuple(one for one in self.classes if keep(one)))


class Rejection(NamedTuple):
    """Why a candidate is out: what the rule asked for and what it found."""

    asked: str
    found: str


RuleResult = Case | Rejection


def format_gpus(count: int) -> str:
    """A number of GPUs in words."""
    return "CPUs only" if count == 0 else f"{count} GPU{'s' * (count > 1)}"


def _valid(case: Case) -> RuleResult:
    hardware, count = product(case.recipe.hardware), case.configuration.gpu_count
    if hardware is None:
        return Rejection("a GPU product that is known", f"hardware {case.recipe.hardware!r}")
    if (hardware.name == CPU) != (count == 0):
        return Rejection("gpuCount: 0 with hardware CPU, and nowhere else", f"gpuCount: {count} on {hardware.name}")
    if case.launch.problems:
        engine = case.launch.engine
        return Rejection(f"arguments that {engine.title} {engine.version} accepts", "; ".join(case.launch.problems))
    return case


def _model(case: Case) -> RuleResult:
    same = case.recipe.model_id == case.ask.model_id
    return case if same else Rejection(f"model {case.ask.model_id}", case.recipe.model_id)


def _recipe(case: Case) -> RuleResult:
    return case if case.ask.recipe in {None, case.name} else Rejection(f"recipe {case.ask.recipe}", case.name)


def _backend(case: Case) -> RuleResult:
    free = case.ask.backend in {None, case.recipe.backend}
    return case if free else Rejection(f"engine {case.ask.backend}", case.recipe.backend)


def _precision(case: Case) -> RuleResult:
    free = case.ask.precision in {None, case.recipe.precision}
    return case if free else Rejection(f"precision {case.ask.precision}", case.recipe.precision)


def _revision(case: Case) -> RuleResult:
    """A revision is one of the model's own repository; a recipe that loads another has none of that name."""
    if case.ask.revision is None or case.recipe.loaded == case.ask.model_id:
        return case
    return Rejection(f"revision {case.ask.revision} of {case.ask.model_id}", f"loads {case.recipe.loaded}")


def _gpu_count(case: Case) -> RuleResult:
    wanted, has = case.ask.gpu_count, case.configuration.gpu_count
    if wanted is None:
        return case if has else Rejection("GPUs, since gpuCount: 0 was not asked for", format_gpus(has))
    return case if wanted == has else Rejection(format_gpus(wanted), format_gpus(has))


def _enabled(case: Case) -> RuleResult:
    return case if case.configuration.enabled else Rejection("an enabled configuration", "enabled: false")


def _hardware(case: Case) -> RuleResult:
    wanted = product(case.recipe.hardware)
    name = wanted.name if wanted else case.recipe.hardware
    present = sorted({one.product for one in case.classes if one.product != CPU})
    left = case.narrowed(lambda one: one.product == name)
    if not left.classes:
        return Rejection(name, f"the cluster has {', '.join(present) or 'no GPUs'}")
    own = left.narrowed(lambda one: not one.shared)
    if not own.classes:
        return Rejection(f"{name} that are not time-sliced", "shared GPUs only")
    alone = case.configuration.gpu_count < 2
    joined = own.narrowed(lambda one: alone or one.vendor != "nvidia" or one.partition is None)
    return joined if joined.classes else Rejection(f"{name} that can work together", "MIG devices only, which cannot")


def engine_image(case: Case) -> str | None:
    """The engine's image: the recipe's, the administrator's, or the shipped one, for this architecture or vendor."""
    if case.recipe.image:
        return f"{case.recipe.image.repository}:{case.recipe.image.tag}"
    hardware = product(case.recipe.hardware)
    if hardware is None:
        return None
    targets = (f"{case.recipe.backend}/{hardware.architecture}", f"{case.recipe.backend}/{hardware.vendor}")
    own = next((case.config.images[target] for target in targets if target in case.config.images), None)
    return own or case.launch.engine.image(hardware.vendor, hardware.architecture)


def _image(case: Case) -> RuleResult:
    if case.ask.own_image or engine_image(case):
        return case
    return Rejection(f"an image of {case.recipe.backend} for {case.recipe.hardware}", "none; set spec.image")


def _supported(case: Case) -> RuleResult:
    hardware = product(case.recipe.hardware)
    if hardware and not hardware.serves(case.recipe.precision):
        return Rejection(f"{case.recipe.precision} weights", f"{hardware.name} serves {', '.join(hardware.served)}")
    return case


def _degree(case: Case) -> RuleResult:
    facts, tensor = case.recipe.facts, case.launch.parallel.tensor
    found = illegal_degree(facts, tensor) if facts else ""
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
    wanted = case.configuration.gpu_count
    if wanted == 0:
        cores = parse_quantity(case.configuration.resources.requests.get("cpu", "1"))
        left = case.narrowed(lambda one: one.devices_per_node >= cores)
        return left if left.classes else Rejection(f"{float(cores):g} CPUs on one node", _most(case))
    left = case.narrowed(lambda one: one.devices_per_node >= wanted)
    return left if left.classes else Rejection(f"{format_gpus(wanted)} on one node", _most(case))


def _most(case: Case) -> str:
    return f"{max(one.devices_per_node for one in case.classes)} at most"


def _taints(case: Case) -> RuleResult:
    def open_to_us(one: GpuClass) -> bool:
        tolerated = case.config.tolerated_taints.get(one.vendor, ())
        return all(taint.key in tolerated or taint.effect == "PreferNoSchedule" for taint in one.taints)

    left = case.narrowed(open_to_us)
    if left.classes:
        return left
    found = sorted({str(taint) for one in case.classes for taint in one.taints})
    return Rejection("nodes without taints of others", ", ".join(found))


SELECTION_RULES: tuple[tuple[str, Callable[[Case], RuleResult]], ...] = (
    ("valid", _valid),
    ("model", _model),
    ("recipe", _recipe),
    ("backend", _backend),
    ("precision", _precision),
    ("revision", _revision),
    ("gpuCount", _gpu_count),
    ("enabled", _enabled),
    ("hardware", _hardware),
    ("image", _image),
    ("supported", _supported),
    ("tensorParallel", _degree),
    ("memory", _memory),
    ("oneNode", _one_node),
    ("taints", _taints),
)
RECIPE_RULE_NAMES = ("valid", "supported", "tensorParallel", "memory")
"""The rules that a recipe breaks or keeps by itself, whatever is asked and whatever the cluster has."""
RULE_ORDER = {name: place for place, (name, _) in enumerate(SELECTION_RULES)}
LATER_RULES = {
    stated: tuple(name for name in RULE_ORDER if RULE_ORDER[name] > RULE_ORDER[stated])
    for stated in RULE_ORDER
    if 0 < RULE_ORDER[stated] < RULE_ORDER["hardware"]
}
"""The rules behind each that is about what is stated: those narrow no classes, so that who broke one can walk on."""


def apply_rules(case: Case, names: tuple[str, ...] = tuple(RULE_ORDER)) -> tuple[Case, str, Rejection | None]:
    """The candidate after its walk, and the first rule that objected with its objection, or "" and None."""
    for name, rule in SELECTION_RULES:
        if name in names:
            verdict = rule(case)
            if isinstance(verdict, Rejection):
                return case, name, verdict
            case = verdict
    return case, "", None
