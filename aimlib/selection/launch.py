"""Parses the arguments of a configuration: how it starts its engine."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

from aimlib.api.adapter import Adapter
from aimlib.api.draft import RecipeDraft
from aimlib.api.model_facts import ModelFacts
from aimlib.api.pod import EngineSettings
from aimlib.api.recipe import Configuration, EnvVar, RecipeSpec
from aimlib.engines.adapters import reserved_rank, reserving_arguments
from aimlib.engines.catalogue import Engine, ParsedArgs, engine, parse_args
from aimlib.engines.draft_arguments import DRAFT_FLAGS
from aimlib.engines.endpoint_settings import literal_args, literal_variable, parse_settings, refusals, unknown_flags
from aimlib.selection.degrees import degree_problems, engine_tensor, parallel_degrees
from aimlib.selection.gpu_memory import BF16_BYTES, Layout, RequiredMemory, required_memory
from aimlib.selection.parallel import Parallel, unchecked_blocks

CACHE_BYTES = {
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "fp8_ds_mla": 1.0,
    "int8_per_token_head": 1.0,
    "nvfp4": 0.5,
}
"""Bytes per value in the KV cache by --kv-cache-dtype; 2 (bf16) for others. Scales are not counted."""

LEAST_CONTEXT = 2048
"""Context length that must fit when the engine selects the length itself (-1, auto)."""

MOST_TOKENS = 2**31 - 1
"""The largest number of tokens that is computed with; no engine takes as many."""

LONGER_CONTEXT = (
    *("--hf-overrides", "VLLM_ALLOW_LONG_MAX_MODEL_LEN"),
    *("--json-model-override-args", "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"),
)
"""Flags and variables by which vLLM 0.33 and SGLang 0.5.23 accept a context length above the model's."""

IGNORED_ENV = {
    "HIP_VISIBLE_DEVICES": "the device plugin assigns GPUs to containers",
    "ROCR_VISIBLE_DEVICES": "the device plugin assigns GPUs to containers",
    "CUDA_VISIBLE_DEVICES": "the device plugin assigns GPUs to containers",
    "NVIDIA_VISIBLE_DEVICES": "the device plugin assigns GPUs to containers",
}
"""Variables of earlier recipes that would break a pod, with the reason; they are dropped and reported."""


SIZES_KEPT = 16
"""Sizes of devices for which required memory is kept: a class of GPUs has one, nodes without GPUs have several."""


@dataclass(frozen=True, eq=False)
class Launch:
    """The parsed arguments of one configuration; what follows from them is computed once."""

    engine: Engine
    facts: ModelFacts | None
    """Facts of the checkpoint, if they are known."""
    args: tuple[str, ...]
    """Canonical arguments, without those that the operator sets."""
    parallel: Parallel
    max_length: int
    """Context length, in tokens."""
    stated_fraction: float | None
    """The fraction of a device's memory that the engine may use, if the arguments state it."""
    cache_bytes: float
    """Bytes per value in the KV cache."""
    batched_tokens: int | None
    """Tokens that one step computes, if the arguments state it."""
    graphs: bool
    """Whether the engine captures graphs within its fraction."""
    windows: bool
    """Whether layers that attend to the last tokens only keep no more."""
    drafted: int
    """Tokens that are drafted in each step."""
    env: tuple[EnvVar, ...]
    problems: tuple[str, ...]
    """Errors of the arguments."""
    draft: RecipeDraft | None
    """The second model that drafts them; None where the checkpoint's own layers do."""
    notes: tuple[str, ...]
    """Notes about what of the recipe was dropped or replaced."""
    refusals: tuple[str, ...] = ()
    """Why the endpoint may not have what it states for the engine."""
    unknown_flags: tuple[str, ...] = ()
    """What the endpoint states that is no flag of this engine; of another, it may be one."""
    adapters: int = 0
    """LoRA adapters that it reserves room for."""
    adapter_rank: int = 0
    """The rank that each of them may have."""
    own_problems: tuple[str, ...] = ()
    """Those of the errors that the recipe has not by itself: of what the endpoint states."""

    @property
    def runs_remote_code(self) -> bool:
        """Whether the engine runs code that is among the model's files."""
        return self.engine.flags.trust_remote_code in self.args

    @cached_property
    def layout(self) -> Layout:
        """What its memory depends on."""
        lengths = (self.max_length, self.cache_bytes, self.batched_tokens)
        drafts = self.drafted, self.draft.facts if self.draft else None
        adapters = self.adapters, self.adapter_rank
        return Layout(self.parallel, *lengths, self.graphs, self.windows, *drafts, *adapters)

    @cached_property
    def required(self) -> Callable[[float], RequiredMemory] | None:
        """The required memory per device, by GiB of a device; None where the facts are unknown."""
        found = partial(required_memory, self.facts, self.layout) if self.facts else None
        return lru_cache(SIZES_KEPT)(found) if found else None

    @cached_property
    def fits(self) -> Callable[[float], bool]:
        """Whether devices of a size in GiB have room for it, as far as the facts are known."""
        required = self.required
        return lru_cache(SIZES_KEPT)(lambda size: required is None or required(size).total <= self.usable(size))

    def usable(self, memory_gib: float) -> float:
        """GiB that the engine uses on a device of that size; 0 where the size is unknown, which is 0, too."""
        if not memory_gib:
            return 0.0
        ranks = self.parallel.expert_ranks * self.parallel.pipeline
        groups = self.parallel.data if self.parallel.shares_experts else 1
        fraction = self.stated_fraction or self.engine.default_memory_fraction(memory_gib, ranks, groups)
        return memory_gib * fraction


def _unless(parsed: ParsedArgs, flag: str | None) -> bool:
    """Whether the engine does what a flag turns off; not where it has no such flag."""
    return flag is not None and not parsed.value(flag, bool)


def _drafted(parsed: ParsedArgs, flag: str | None) -> int:
    """Tokens that layers of the checkpoint itself draft in each step; 0 where a model of its own does, or nothing."""
    stated: dict[str, Any] = {}
    for one in parsed.arguments:
        if one.flag == flag:
            stated |= one.value if isinstance(one.value, dict) else {one.key: one.value}
    number = str(stated.get("num_speculative_tokens", ""))
    own = stated.get("method") == OWN_DRAFTS and "model" not in stated
    return min(int(number), MOST_DRAFTED) if own and number.isdecimal() else 0


OWN_DRAFTS = "mtp"
"""The method of vLLM's --speculative-config by which layers of the checkpoint draft."""
MOST_DRAFTED = 32
"""More is not computed with."""


def _stated_twice(recipe: RecipeSpec, parsed: ParsedArgs) -> list[str]:
    """The flags about drafts of a recipe whose second model has them: its files are known by that alone."""
    named = (one.name for one in parsed.arguments if one.flag.startswith(DRAFT_FLAGS))
    return [f"{name} and draft of the recipe: the operator sets it from draft" for name in named if recipe.draft]


def _extends_context(parsed: ParsedArgs, env: tuple[EnvVar, ...]) -> bool:
    """Whether the model's context length is extended, or the engine accepts a longer one."""
    given = {argument.flag for argument in parsed.arguments} | {variable.name for variable in env}
    return not given.isdisjoint(LONGER_CONTEXT)


def operator_flags(backend: Engine, *, adapters: bool = False) -> dict[str, str]:
    """The flags that the operator itself sets, and where their values are from; those of adapters where there are any.

    Those by which processes on several nodes find each other are among them on one node, too: it is not to wait there.
    """
    flags = backend.flags
    return {
        flags.model: "the recipe's checkpoint is loaded",
        flags.served_model_name: "the endpoint's modelId is served",
        flags.host: "listen of the operator's settings decides",
        flags.port: "service.targetPort of the endpoint decides",
        flags.revision: "model.revision of the endpoint decides",
        **({flags.adapters.paths: "adapters of the endpoint decides"} if adapters and flags.adapters else {}),
        **dict.fromkeys(flags.group.all, "nodes of the configuration decides"),
    }


NOTHING = EngineSettings()


def _replaced(recipe: ParsedArgs, own: ParsedArgs) -> list[str]:
    """Notes about the arguments of a recipe that an endpoint has otherwise."""
    return [
        f"engine.args: {one.name} {one.text} replaces {before.name} {before.text} of the recipe"
        for one in own.arguments
        for before in recipe.arguments
        if before.is_replaced_by(one)
    ]


def _unchecked(recipe: RecipeSpec, parallel: Parallel) -> list[str]:
    """A note where it is not known whether the degree cuts quantised blocks apart, which engines refuse to load."""
    missing = unchecked_blocks(recipe.facts, parallel, recipe.precision) if recipe.facts else ""
    what = f"whether tensor parallel {parallel.tensor} cuts quantised blocks apart"
    return [f"{what} was not checked: facts of the recipe have no {missing}"] if missing else []


def launch(
    recipe: RecipeSpec,
    configuration: Configuration,
    stated: EngineSettings = NOTHING,
    adapters: tuple[Adapter, ...] = (),
) -> Launch:
    """Parses one configuration, with what an endpoint states for the engine, and room for its LoRA adapters.

    Errors are returned, never raised.
    """
    backend = engine(recipe.backend)
    flags = backend.flags
    written, own_args = parse_args(recipe.backend, configuration.args), parse_settings(recipe.backend, stated)
    parsed = written.overridden_by(literal_args(own_args))
    reserving = reserving_arguments(backend, adapters)
    parsed = parsed.overridden_by(parse_args(recipe.backend, reserving)) if reserving else parsed
    named = {variable.name: literal_variable(variable) for variable in stated.env}
    env = ({variable.name: variable for variable in configuration.env} | named).values()
    kept_env = tuple(variable for variable in env if variable.name not in IGNORED_ENV)
    devices = max(configuration.gpu_count, 1)
    parallel = parallel_degrees(parsed, backend, recipe.facts, devices, configuration.nodes)
    own = operator_flags(backend, adapters=bool(reserving))
    ours = parsed.without(*own, flags.tensor_parallel)
    tensor = engine_tensor(parallel, backend)
    degree = (flags.tensor_parallel, str(tensor)) if tensor > 1 else ()
    longest = recipe.facts.max_context if recipe.facts else 0
    stated_length, stated_batch = (parsed.value(flag, int) for flag in (flags.max_model_len, flags.max_batched_tokens))
    length, batched = min(stated_length or longest, MOST_TOKENS), stated_batch and min(stated_batch, MOST_TOKENS)
    ignored = [variable.name for variable in configuration.env if variable.name in IGNORED_ENV]
    problems = list(parsed.errors)
    numbers = ((flags.max_model_len, stated_length), (flags.max_batched_tokens, stated_batch))
    problems += [f"{flag} is above {MOST_TOKENS}" for flag, number in numbers if (number or 0) > MOST_TOKENS]
    problems += degree_problems(parsed, backend, parallel, configuration.gpu_count)
    problems += _stated_twice(recipe, parsed)
    if 0 < longest < length and not _extends_context(parsed, kept_env):
        problems.append(f"{flags.max_model_len} {length} is longer than the model's context of {longest} tokens")
    fraction = parsed.value(flags.memory_fraction, float)
    if fraction is not None and not 0 < fraction <= 1:
        problems.append(
            f"{flags.memory_fraction} {fraction:g} is not a fraction of a device's memory: above 0, at most 1"
        )
    return Launch(
        engine=backend,
        facts=recipe.facts,
        args=(*degree, *ours.render()),
        parallel=parallel,
        max_length=length if length > 0 else min(longest, LEAST_CONTEXT),
        stated_fraction=fraction,
        cache_bytes=CACHE_BYTES.get(parsed.value(flags.kv_cache_dtype, str) or "", BF16_BYTES),
        batched_tokens=batched,
        graphs=configuration.gpu_count > 0 and _unless(parsed, flags.no_graphs),
        windows=_unless(parsed, flags.full_windows),
        drafted=recipe.draft.tokens if recipe.draft else _drafted(parsed, flags.drafting),
        adapters=len(adapters) if reserving else 0,
        adapter_rank=reserved_rank(backend, adapters) if reserving else 0,
        env=kept_env,
        problems=tuple(problems),
        draft=recipe.draft,
        notes=(
            *(f"{name} is dropped: {IGNORED_ENV[name]}" for name in ignored),
            *(f"{one.name} {one.text} is dropped: {own[one.flag]}" for one in written.arguments if one.flag in own),
            *_replaced(written, own_args),
            *(f"engine.env: {one.name} replaces that of the recipe" for one in configuration.env if one.name in named),
            *_unchecked(recipe, parallel),
        ),
        refusals=tuple(refusals(own_args, stated, own)),
        unknown_flags=unknown_flags(recipe.backend, stated),
        own_problems=_own_problems(recipe, configuration, problems) if stated.args else (),
    )


def _own_problems(recipe: RecipeSpec, configuration: Configuration, problems: list[str]) -> tuple[str, ...]:
    """The errors that a configuration has with what an endpoint states, and not by itself."""
    before = launch(recipe, configuration).problems if problems else ()
    return tuple(one for one in problems if one not in before)
