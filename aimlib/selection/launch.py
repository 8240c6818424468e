"""How one configuration of a recipe starts its engine: its arguments, read once and understood."""

from typing import NamedTuple

from aimlib.api.recipe import Configuration, EnvVar, RecipeSpec
from aimlib.engines.catalogue import Engine, ParsedArgs, engine, parse_args
from aimlib.selection.gpu_memory import Parallel

CACHE_BYTES = {
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "fp8_ds_mla": 1.0,
    "int8_per_token_head": 1.0,
    "nvfp4": 0.5,
}
"""Bytes per value in the KV cache by --kv-cache-dtype; two (bf16) where it is not listed. Scales are not counted."""

BF16_BYTES = 2.0
LEAST_CONTEXT = 2048
"""Tokens that must fit where the engine itself is told to choose the length (-1, auto)."""

LONGER_CONTEXT = (
    *("--hf-overrides", "VLLM_ALLOW_LONG_MAX_MODEL_LEN"),
    *("--json-model-override-args", "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"),
)
"""Flags and variables with which vLLM 0.33 and SGLang 0.5.23 start although the length is above the model's context."""

IGNORED_ENV = {
    "HIP_VISIBLE_DEVICES": "the device plugin decides which GPUs a container sees",
    "ROCR_VISIBLE_DEVICES": "the device plugin decides which GPUs a container sees",
    "CUDA_VISIBLE_DEVICES": "the device plugin decides which GPUs a container sees",
    "NVIDIA_VISIBLE_DEVICES": "the device plugin decides which GPUs a container sees",
}
"""Variables of earlier recipes that would break a pod, with the reason; they are left out and reported."""


class Launch(NamedTuple):
    """What the arguments of one configuration say."""

    engine: Engine
    args: tuple[str, ...]
    """Canonical arguments, without the ones that the operator sets."""
    parallel: Parallel
    max_length: int
    """The longest sequence, in tokens."""
    stated_fraction: float | None
    """The part of a device's memory that the engine may use, where the arguments say."""
    cache_bytes: float
    """Bytes per value in the KV cache."""
    env: tuple[EnvVar, ...]
    problems: tuple[str, ...]
    """What is wrong with the arguments, as sentences."""
    notes: tuple[str, ...]
    """What was left out."""

    def usable(self, memory_gib: float) -> float:
        """GiB that the engine plans with on a device of that size; none where the size is not known and so 0."""
        if not memory_gib:
            return 0.0
        ranks = self.parallel.tensor * self.parallel.pipeline
        fraction = self.stated_fraction or self.engine.default_memory_fraction(memory_gib, ranks)
        return memory_gib * fraction


def _degrees(parsed: ParsedArgs, backend: Engine, devices: int) -> Parallel:
    """The parallel degrees: as given, and whatever is left over goes to tensor parallel."""
    flags = backend.flags
    pipeline = max(parsed.value(flags.pipeline_parallel, int) or 1, 1)
    data = max(parsed.value(flags.data_parallel, int) or 1, 1)
    tensor = parsed.value(flags.tensor_parallel, int) or devices // (pipeline * data)
    return Parallel(max(tensor, 1), pipeline, data)


def _stretched(parsed: ParsedArgs, configuration: Configuration) -> bool:
    """Whether the recipe stretches the model's context, or tells the engine to accept a longer one as it is."""
    given = {argument.flag for argument in parsed.arguments} | {variable.name for variable in configuration.env}
    return not given.isdisjoint(LONGER_CONTEXT)


def launch(recipe: RecipeSpec, configuration: Configuration) -> Launch:
    """Read one configuration. Nothing is raised: what is wrong stands in `problems`."""
    backend = engine(recipe.backend)
    flags = backend.flags
    parsed = parse_args(recipe.backend, configuration.args)
    devices = max(configuration.gpu_count, 1)
    parallel = _degrees(parsed, backend, devices)
    ours = parsed.without(
        flags.model, flags.served_model_name, flags.host, flags.port, flags.revision, flags.tensor_parallel
    )
    degree = (flags.tensor_parallel, str(parallel.tensor)) if parallel.tensor > 1 else ()
    longest = recipe.facts.max_context if recipe.facts else 0
    length = parsed.value(flags.max_model_len, int) or longest
    ignored = [variable.name for variable in configuration.env if variable.name in IGNORED_ENV]
    problems = list(parsed.errors)
    if parallel.devices != devices:
        problems.append(f"{parallel} make {parallel.devices} ranks for {configuration.gpu_count} GPUs")
    if 0 < longest < length and not _stretched(parsed, configuration):
        problems.append(f"{flags.max_model_len} {length} is longer than the model's context of {longest} tokens")
    fraction = parsed.value(flags.memory_fraction, float)
    if fraction is not None and not 0 < fraction <= 1:
        problems.append(f"{flags.memory_fraction} {fraction:g} is no part of a device's memory: above 0, at most 1")
    return Launch(
        engine=backend,
        args=(*degree, *ours.render()),
        parallel=parallel,
        max_length=length if length > 0 else min(longest, LEAST_CONTEXT),
        stated_fraction=fraction,
        cache_bytes=CACHE_BYTES.get(parsed.value(flags.kv_cache_dtype, str) or "", BF16_BYTES),
        env=tuple(variable for variable in configuration.env if variable.name not in IGNORED_ENV),
        problems=tuple(problems),
        notes=tuple(f"{name} is left out: {IGNORED_ENV[name]}" for name in ignored),
    )
