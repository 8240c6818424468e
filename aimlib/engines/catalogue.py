"""The engines: how each is started, and its flags, images and metrics."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from aimlib.api.base import Model
from aimlib.data import load_data
from aimlib.engines.arguments import Argument, ParsedArgs, parse_args
from aimlib.engines.flags import Dialect

__all__ = ["Argument", "Engine", "ParsedArgs", "engine", "engines", "parse_args"]

Word = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(gt=0, le=1)]


class AdapterFlags(Model):
    """The flags by which an engine serves LoRA adapters under names of their own."""

    model_config = ConfigDict(extra="forbid")

    enable: Word
    most: Word
    rank: Word
    paths: Word
    """Followed by name=folder for each."""


class GroupFlags(Model):
    """The flags by which the processes of a replica on several nodes find each other."""

    model_config = ConfigDict(extra="forbid")

    nodes: Word
    rank: Word
    address: Word
    port: int | None
    """Follows the address of the first, behind a colon; None where a flag of its own has it."""
    worker: Word | None
    """What the others have besides; None where they have nothing."""
    data_address: Word | None = None
    """Another one for the address of the first, of data parallel ranks; the engine takes `address` without it."""
    balanced_outside: tuple[Word, ...] = ()
    """Flags by which each process answers for its own data parallel ranks alone."""
    local_data: Word | None = None
    """The data parallel ranks of one node; the engine counts them without it."""
    servers: Word | None = None
    """The number of API servers, which `worker` does not go with."""
    executors: Mapping[Word, tuple[Word, ...]] = Field(default_factory=dict)
    """Flags about what starts the processes, and their values that go with several nodes."""

    @property
    def all(self) -> tuple[str, ...]:
        """Those that only the operator sets."""
        return tuple(filter(None, (self.nodes, self.rank, self.address, self.data_address, self.worker)))


class EngineFlags(Model):
    """The engine's names of the flags that the operator sets or reads; None where it has no such flag."""

    model_config = ConfigDict(extra="forbid")

    model: Word
    served_model_name: Word
    host: Word
    port: Word
    tensor_parallel: Word
    pipeline_parallel: Word
    data_parallel: Word
    data_attention: Word | None
    prefill_context_parallel: Word | None
    decode_context_parallel: Word | None
    expert_parallel: Word
    max_model_len: Word
    max_running: Word
    max_batched_tokens: Word
    drafting: Word | None
    no_graphs: Word | None
    full_windows: Word | None
    memory_fraction: Word
    kv_cache_dtype: Word
    load_format: Word
    dtype: Word
    quantization: Word
    revision: Word
    trust_remote_code: Word
    device: Word | None
    metrics: Word | None
    group: GroupFlags
    adapters: AdapterFlags | None
    """None for an engine that does not answer requests by the name of an adapter."""


class Reserve(Model):
    """The sizes of an engine's buffers on devices with less memory than this."""

    model_config = ConfigDict(extra="forbid")

    below_gib: Annotated[float, Field(alias="belowGiB")] = float("inf")
    tokens: int
    batch: int

    def mib(self, ranks: int, groups: int) -> float:
        """MiB reserved on each device, without the minimum of large devices; more with groups of DP attention."""
        padding = (4.5 if self.batch > LARGE_BATCH else 3.0) * self.batch * groups if groups > 1 else 0.0
        return 512 + 1.5 * self.tokens + 1024 * ranks / 8 + 2 * self.batch + 1536 + padding


class MemoryFraction(Model):
    """The fraction of a device's memory that an engine uses by default: fixed, or what a reserve leaves."""

    model_config = ConfigDict(extra="forbid")

    fixed: Fraction | None = None
    reserve: tuple[Reserve, ...] = ()

    @model_validator(mode="after")
    def one_of_both(self) -> "MemoryFraction":
        if bool(self.fixed) == bool(self.reserve):
            raise ValueError("either fixed or reserve")
        return self


class Paths(Model):
    """Paths of the engine's HTTP server."""

    model_config = ConfigDict(extra="forbid")

    health: Word
    metrics: Word
    models: Word


class EngineMetrics(Model):
    """Names of the engine's metrics, some with label selectors in braces."""

    model_config = ConfigDict(extra="forbid")

    running: Word
    waiting: Word
    cache_usage: Word
    preemptions: Word
    prefix_queries: Word
    prefix_hits: Word
    requests: Word
    answers: Word
    server_errors: Word
    prompt_tokens: Word
    generation_tokens: Word
    time_to_first_token: Word
    inter_token_latency: Word
    end_to_end_latency: Word
    queue_time: Word


class FormerMetrics(Model):
    """Names of the same metrics in earlier versions; None where the name never changed."""

    model_config = ConfigDict(extra="forbid")

    cache_usage: Word | None = None
    inter_token_latency: Word | None = None


class Engine(Dialect):
    """One serving engine at one version."""

    model_config = ConfigDict(extra="forbid")

    name: Literal["vllm", "sglang"]
    command: tuple[Word, ...]
    model_words: tuple[Word, ...]
    port: int
    """The port that it listens on by default."""
    flags: EngineFlags
    even_experts: bool
    """Whether every rank must have as many experts as the others."""
    several_names: bool
    """Whether served_model_name takes several; an engine that takes one answers whatever a request names."""
    memory_fraction: MemoryFraction
    paths: Paths
    images: Mapping[str, Mapping[str, Word | None]]
    image_architectures: Mapping[str, tuple[Word, ...]] = Field(default_factory=dict)
    """Processor architectures that the images of a vendor are built for, where they are not for amd64 alone."""
    compile_caches: Mapping[Word, Word]
    """Variables by which it finds the folders for what it compiles, and the names of these folders."""
    metrics: EngineMetrics
    former_metrics: FormerMetrics

    def start(self, model: str) -> tuple[str, ...]:
        """The command line up to and including the model; arguments follow."""
        return (*self.command, *self.model_words, model)

    def image(self, vendor: str, architecture: str | None) -> str | None:
        """The image for a GPU architecture (gfx942, sm_90) of a vendor (amd, nvidia, cpu); None when there is none."""
        images = self.images.get(vendor, {})
        return images.get(architecture or "*", images.get("*"))

    def architectures(self, vendor: str) -> tuple[str, ...]:
        """The processor architectures that the images for this vendor's devices are built for."""
        return self.image_architectures.get(vendor, ("amd64",))

    def default_memory_fraction(self, memory_gib: float, ranks: int, groups: int = 1) -> float:
        """The fraction of a device's memory that the engine uses by default.

        `ranks` is tensor x pipeline degree, `groups` the data parallel groups within the tensor parallel ones.
        Where it depends on what the operator cannot know (graph capture, attention), the smaller value; 0 to 1.
        """
        if self.memory_fraction.fixed:
            return self.memory_fraction.fixed
        tiers = self.memory_fraction.reserve
        reserve = next((tier for tier in tiers if memory_gib < tier.below_gib), tiers[-1])
        floor = LARGE_DEVICE_RESERVE_MIB if memory_gib > LARGE_DEVICE_GIB else 0
        return max(0.0, round(1 - max(reserve.mib(ranks, groups), floor) / (memory_gib * 1024), 3))


LARGE_BATCH = 300
"""Sequences of a captured graph above which SGLang reserves more for DP attention (its memory_hook.py)."""
LARGE_DEVICE_GIB = 60
LARGE_DEVICE_RESERVE_MIB = 10 * 1024
"""SGLang's minimum reserve on devices larger than that (source: its memory_hook.py)."""


@cache
def engines() -> tuple[Engine, ...]:
    """All engines, in the order of the data file."""
    return tuple(
        Engine.model_validate({"name": name, **facts}) for name, facts in load_data("engines/backends").items()
    )


@cache
def engine(name: str) -> Engine:
    """The engine of that name, vllm or sglang; KeyError for another."""
    return {found.name: found for found in engines()}[name]  # type: ignore[index]
