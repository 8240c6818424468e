"""What an AIMEndpoint requests: the model, and how the recipe that serves it is selected."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, GpuCount, Key, Model, ModelId, Name, ObjectName, Revision, Ruled
from aimlib.api.precision import RequestedPrecision

RequestedBackend = Literal["auto", "vllm", "sglang"]
"""An engine, or `auto` for any."""


class TokenSecret(Model):
    """The Secret with a Hugging Face token. The operator passes its name on and never reads its content."""

    name: ObjectName
    """Name of the Secret, in the same namespace."""
    key: Key = "token"
    """Key of the token in the Secret."""


class ModelRef(Model):
    """The model to serve."""

    id: ModelId | None = None
    """Id of the model on the Hugging Face Hub, such as Qwen/Qwen3-32B."""
    revision: Revision | None = None
    """Branch, tag or commit of the model's repository; the default branch when left out."""
    version: Annotated[str, Field(max_length=63)] | None = None
    """A version of your own. It becomes the label app.kubernetes.io/version of the pods and has no other effect."""
    token_secret: TokenSecret | None = None
    """The Secret with a token for gated models; key token of huggingface-token, if it exists, when left out.
    An administrator's list (tokenSecrets of aim-admission) bounds the names."""


class CustomRecipe(Model):
    """One AIMRecipe by name."""

    name: ObjectName
    """Name of the AIMRecipe."""
    namespace: Name | None = None
    """Has no effect, since recipes are cluster-scoped; accepted for resources of the earlier API."""


class Fallback(Ruled):
    """One relaxation of the requirements: each field that is set replaces the same field of the request."""

    rules = (
        FieldRule(
            "has(self.gpuCount) || has(self.precision) || has(self.backend)",
            "a fallback states what to request instead: gpuCount, precision or backend",
            lambda raw: bool({"gpuCount", "precision", "backend"} & set(raw)),
        ),
    )

    gpu_count: GpuCount | None = None
    """Request this many GPUs per replica instead."""
    precision: RequestedPrecision | None = None
    """Request this precision instead; auto accepts any."""
    backend: RequestedBackend | None = None
    """Request this engine instead; auto accepts any."""


class RecipeChoice(Model):
    """How the recipe is selected. A field that is set is a requirement; a field that is left out is free."""

    auto_select: bool = True
    """Select whatever is left out. With false, set gpuCount and precision, or customRecipe."""
    backend: RequestedBackend | None = None
    """The engine: vllm, sglang, or auto for any."""
    precision: RequestedPrecision | None = None
    """The format of the weights: bf16, fp16, fp8, fp4, int8, int4, or auto for any; synonyms are accepted."""
    gpu_count: GpuCount | None = None
    """GPUs per replica; 0 requests CPUs. When left out, the fewest that fit."""
    custom_recipe: CustomRecipe | None = None
    """Use this recipe and no other."""
    goal: Literal["latency", "throughput", "cost"] | None = None
    """Rank candidates by published measurements: latency per token, tokens per second, or tokens per second and GPU.
    When left out, the fewest GPUs rank first."""
    fallback: Annotated[tuple[Fallback, ...], Field(max_length=8)] = ()
    """What to request instead when nothing fits, tried in this order."""
    validated_only: bool = False
    """Whether only configurations of AIMRecipes are candidates. With false, those that the operator derives from the
    facts of the model are, too, where no recipe fits."""
    update_policy: Literal["Pinned", "Auto"] = "Pinned"
    """Pinned keeps a running endpoint on its configuration and reports a better one; Auto changes to the better one."""
