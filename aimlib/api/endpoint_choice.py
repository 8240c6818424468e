"""What an AIMEndpoint asks for: the model, and how to choose the recipe that serves it."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, GpuCount, Model, ModelId, Name, ObjectName, Ruled
from aimlib.api.precision import RequestedPrecision

RequestedBackend = Literal["auto", "vllm", "sglang"]
"""A serving engine, or `auto` to leave it free."""


class TokenSecret(Model):
    """The Secret that holds a Hugging Face token. Only its name is used here; its content is never read."""

    name: ObjectName
    """The Secret's name, in the endpoint's namespace."""
    key: Name = "token"
    """The key in it."""


class ModelRef(Model):
    """Which model."""

    id: ModelId | None = None
    """Its id at the Hugging Face hub, such as Qwen/Qwen3-32B."""
    revision: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Branch, tag or commit of its repository; the default branch when left out."""
    version: Annotated[str, Field(max_length=63)] | None = None
    """A version of your own; it labels the pods (app.kubernetes.io/version) and changes nothing else."""
    token_secret: TokenSecret | None = None
    """The Secret with a token for gated models; huggingface-token, key token, if present, when left out."""


class CustomRecipe(Model):
    """One AIMRecipe by name."""

    name: ObjectName
    """The recipe's name."""
    namespace: Name | None = None
    """Accepted for resources of the earlier API; recipes are cluster-scoped now, so the name alone decides."""


class Fallback(Ruled):
    """One step back from what was asked: each field given here replaces the one asked for."""

    rules = (
        FieldRule(
            "has(self.gpuCount) || has(self.precision) || has(self.backend)",
            "a fallback says what to ask for instead: gpuCount, precision or backend",
            lambda raw: bool({"gpuCount", "precision", "backend"} & set(raw)),
        ),
    )

    gpu_count: GpuCount | None = None
    """Ask for this many GPUs instead."""
    precision: RequestedPrecision | None = None
    """Ask for this precision instead; auto leaves it free."""
    backend: RequestedBackend | None = None
    """Ask for this engine instead; auto leaves it free."""


class RecipeChoice(Model):
    """How to choose the recipe. What is stated is a requirement; what is left out is free."""

    auto_select: bool = True
    """Choose what is left out. With false everything is stated: gpuCount and precision, or customRecipe."""
    backend: RequestedBackend | None = None
    """The serving engine."""
    precision: RequestedPrecision | None = None
    """The format of the weights: bf16, fp16, fp8, fp4, int8, int4 or auto; synonyms are accepted."""
    gpu_count: GpuCount | None = None
    """GPUs of one replica; 0 asks for CPUs. The fewest that fit when left out."""
    custom_recipe: CustomRecipe | None = None
    """Use this recipe and no other."""
    goal: Literal["latency", "throughput", "cost"] | None = None
    """Rank what fits by published figures: latency per token, tokens per second, or tokens per second and GPU.
    Left out, the fewest GPUs win."""
    fallback: Annotated[tuple[Fallback, ...], Field(max_length=8)] = ()
    """What to ask for instead when nothing fits, in this order."""
    update_policy: Literal["Pinned", "Auto"] = "Pinned"
    """Pinned keeps a running endpoint on its choice and reports a better one; Auto moves to it."""
