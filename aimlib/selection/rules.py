"""The rules of selection, in order: a candidate passes them one by one until the first that rejects it.

Each rule takes a candidate and returns a rejection, or the candidate with the GPU classes that pass the rule. What the
spec states is a requirement; what it leaves out is free.
"""

from collections.abc import Callable
from functools import cache

from aimlib.api.pod import EngineSettings
from aimlib.engines.architectures import not_loaded
from aimlib.hardware.products import CPU
from aimlib.hub_url import may_have_token, shown
from aimlib.printable import printable
from aimlib.selection import adapter_rules, draft_rule, memory_rules, node_rules, speed_rules
from aimlib.selection import allocation as devices
from aimlib.selection.candidates import Case, Rejection, Requirements, RuleResult, engine_image, format_gpus

NONE = EngineSettings()
KNOWN_PRODUCT = "a GPU product that the table, the setting hardware or the cluster's inventory has"
MAX_NAME = 64
"""Characters of a product's name in a message."""


def _unknown(case: Case, name: str) -> str:
    """A product's name that nothing knows, with the nearest that is known."""
    near = case.products.nearest(name, case.classes)
    return f"{_quoted(name, known=False)}{f'; did you mean {near}?' if near else ''}"


def _valid(case: Case) -> RuleResult:
    hardware, count = case.hardware, case.configuration.gpu_count
    if hardware is None:
        return Rejection(KNOWN_PRODUCT, f"hardware {_unknown(case, case.recipe.hardware)}")
    if (hardware.name == CPU) != (count == 0):
        return Rejection("gpuCount: 0 with hardware CPU only", f"gpuCount: {count} on {hardware.name}")
    launch, engine = case.launch, case.launch.engine
    if launch.problems and (problems := [one for one in launch.problems if one not in launch.own_problems]):
        return Rejection(
            f"arguments that {engine.title} {engine.version} accepts", f"arguments with errors: {'; '.join(problems)}"
        )
    return case


def _model(case: Case) -> RuleResult:
    """The model, or the repository that is loaded for it: a quantized one can be requested by its own id."""
    requested, recipe = case.requirements.model_id, case.recipe
    same = requested in {recipe.model_id, recipe.loaded}
    return case if same else Rejection(f"model {requested}", recipe.model_id)


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


def _product(case: Case) -> RuleResult:
    """The products that are requested, by any name that one has."""
    requested = case.requirements.hardware
    if requested is None:
        return case
    table = case.products
    found = {name: table.find(name, case.classes) for name in requested}
    own = case.hardware
    if own and any(one and one.name == own.name for one in found.values()):
        return case
    # The first unknown name has a hint, and no other: to look for one takes milliseconds.
    hinted = next((name for name, one in found.items() if one is None), None)
    texts = (_unknown(case, name) if name == hinted else _quoted(name, known=bool(one)) for name, one in found.items())
    return Rejection(f"hardware {' or '.join(texts)}", case.recipe.hardware)


def _quoted(name: str, *, known: bool) -> str:
    text = printable(name, MAX_NAME)
    return text if known else f"{text!r}, which is unknown"


def _revision(case: Case) -> RuleResult:
    """A revision belongs to the model's own repository, so a recipe must load that one; so does a folder instead of it.

    A recipe that runs code of the repository trusts its default branch, not each branch that anybody may propose.
    """
    requested, model, launch = case.requirements.revision, case.requirements.model_id, case.launch
    if requested is None:
        return case
    shown = f"{requested} as {model}" if "://" in requested else f"revision {requested} of {model}"
    if case.recipe.loaded != model:
        return Rejection(shown, f"checkpoint {case.recipe.loaded}")
    if launch.runs_remote_code and case.config.remote_code_revisions == "Default":
        flag = launch.engine.flags.trust_remote_code
        return Rejection(shown, f"{flag}, which runs code of the default branch only")
    return case


def _may_have(case: Case) -> str:
    engine = case.launch.engine
    return f"engine settings that an endpoint may have with {engine.title} {engine.version}"


def _engine_flags(case: Case) -> RuleResult:
    """The engine knows the flags that the endpoint states: a recipe of another engine is farther from what it asks."""
    unknown = case.launch.unknown_flags
    return Rejection(_may_have(case), "; ".join(case.launch.refusals)) if unknown else case


def _engine(case: Case) -> RuleResult:
    """Tenants write endpoints: what runs code, reads files or loads another model is for recipes."""
    engine = case.launch.engine
    if case.launch.refusals:
        return Rejection(_may_have(case), "; ".join(case.launch.refusals))
    if case.launch.own_problems:
        return Rejection(
            f"arguments, those of engine.args among them, that {engine.title} {engine.version} accepts",
            f"arguments with errors: {'; '.join(case.launch.own_problems)}",
        )
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
        free = has or CPU in map(str.upper, case.requirements.hardware or ())
        return case if free else Rejection("GPUs, since gpuCount is not 0", format_gpus(has))
    return case if requested == has else Rejection(format_gpus(requested), format_gpus(has))


def _enabled(case: Case) -> RuleResult:
    return case if case.configuration.enabled else Rejection("an enabled configuration", "enabled: false")


def _image(case: Case) -> RuleResult:
    if case.requirements.own_image or engine_image(case):
        return case
    return Rejection(f"an image of {case.recipe.backend} for {case.recipe.hardware}", "none; set spec.image")


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
    hardware = case.hardware
    if hardware and not hardware.serves(case.recipe.precision):
        return Rejection(
            f"{case.recipe.precision} weights", f"{hardware.name}, which supports {', '.join(hardware.served)}"
        )
    return case


def _model_architecture(case: Case) -> RuleResult:
    """What nobody validated must be of an architecture that the engine has; a recipe's author may know better."""
    name = case.recipe.facts.architecture if case.recipe.facts else None
    if not case.derived_from or case.requirements.own_image or name is None:
        return case
    engine = case.launch.engine
    found = not_loaded(case.recipe.backend, name)
    wanted = f"a model architecture that {engine.title} {engine.version} loads"
    return Rejection(wanted, found) if found else case


SELECTION_RULES: tuple[tuple[str, Callable[[Case], RuleResult]], ...] = (
    ("valid", _valid),
    ("model", _model),
    ("recipe", _recipe),
    ("backend", _backend),
    ("precision", _precision),
    ("product", _product),
    ("revision", _revision),
    ("draft", draft_rule.draft),
    ("engineFlags", _engine_flags),
    ("engine", _engine),
    ("adapters", adapter_rules.adapters),
    ("gpuCount", _gpu_count),
    ("gpuBudget", speed_rules.gpu_budget),
    ("enabled", _enabled),
    ("hardware", node_rules.hardware),
    ("allocation", devices.allocation),
    ("share", devices.share),
    ("nodeSelector", node_rules.selected_nodes),
    ("image", _image),
    ("architecture", node_rules.architecture),
    ("tokenHub", _token_hub),
    ("supported", _supported),
    ("modelArchitecture", _model_architecture),
    ("tensorParallel", memory_rules.degree),
    ("memory", memory_rules.memory),
    ("workload", speed_rules.workload),
    ("objectives", speed_rules.objectives),
    ("oneNode", node_rules.one_node),
    ("nodes", node_rules.enough_nodes),
    ("taints", node_rules.taints),
    ("room", node_rules.room),
)
USER_RULES = frozenset(
    {
        *("model", "recipe", "backend", "precision", "product", "revision", "draft"),
        *("gpuCount", "gpuBudget", "workload", "objectives", "adapters", "allocation", "share"),
    }
)
"""The rules about what the user requested; the others are about what the recipe needs."""
CLUSTER_RULES = frozenset({"hardware", "nodeSelector", "architecture", "oneNode", "nodes", "taints", "room"})
"""The rules about what the cluster has."""


def rejection_text(rule: str, requested: str, available: str) -> str:
    """A rejection in words: what the user requested, or what the recipe needs, and what there is."""
    if rule in USER_RULES:
        return f"requested {requested}, available {available}"
    return f"needs {requested}; {'the cluster has' if rule in CLUSTER_RULES else 'has'} {available}"


RECIPE_RULE_NAMES = ("valid", "supported", "tensorParallel", "memory")
"""The rules about the recipe itself, independent of the requirements and of the cluster."""
ABOUT_STATED = {
    **{name: name for name in ("recipe", "backend", "precision", "revision", "workload", "objectives", "adapters")},
    "product": "hardware",
    "share": "gpu_share",
    "gpuBudget": "gpu_budget",
}
"""Rules that reject nothing where one field of the requirements is free, and that field."""
RULE_ORDER = {name: place for place, (name, _) in enumerate(SELECTION_RULES)}
LATER_RULES = {
    stated: tuple(name for name in RULE_ORDER if RULE_ORDER[name] > RULE_ORDER[stated])
    for stated in RULE_ORDER
    if 0 < RULE_ORDER[stated] < RULE_ORDER["hardware"]
}
"""For each rule about requirements, the rules after it: they can be applied to a candidate that it rejected."""


def rules_about(requirements: Requirements) -> tuple[str, ...]:
    """The rules that may reject a candidate for these requirements."""
    free = {rule for rule, field in ABOUT_STATED.items() if getattr(requirements, field) is None}
    return tuple(name for name in RULE_ORDER if name not in free)


@cache
def _rules_named(names: tuple[str, ...]) -> tuple[tuple[str, Callable[[Case], RuleResult]], ...]:
    return tuple((name, rule) for name, rule in SELECTION_RULES if name in names)


def apply_rules(case: Case, names: tuple[str, ...] = tuple(RULE_ORDER)) -> tuple[Case, str, Rejection | None]:
    """The candidate after the rules, and the first rule that rejects it with its rejection, or "" and None."""
    for name, rule in _rules_named(names):
        result = rule(case)
        if result is case:
            continue
        if isinstance(result, Rejection):
            return case, name, result
        case = result
    return case, "", None
