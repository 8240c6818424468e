"""What an AIMEndpoint requests: the model, and how the recipe that serves it is selected."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import FieldRule, GpuCount, Key, Model, ModelId, Name, ObjectName, Revision, Ruled
from aimlib.api.draft import RequestedDraft
from aimlib.api.precision import RequestedPrecision
from aimlib.api.source import ACCESS_RULES, SourceAccess, SourceText, parse_source

RequestedBackend = Literal["auto", "vllm", "sglang"]
"""An engine, or `auto` for any."""


RequestedHardware = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=16)]
"""Names of GPU products, any one of which will do."""


class TokenSecret(Model):
    """The Secret with a Hugging Face token. The operator passes its name on and never reads its content."""

    name: ObjectName
    """Name of the Secret, in the same namespace."""
    key: Key = "token"
    """Key of the token in the Secret."""


class ImageVolume(Model):
    """An image of a registry, mounted as a volume."""

    folder: Annotated[str, formats.IMAGE_FOLDER.field] = ""
    """The folder of the image that has the model's files, such as models; its root when left out."""


class ModelRef(Ruled):
    """The model to serve."""

    rules = (
        FieldRule(
            "!has(self.source) || !has(self.revision)",
            "a source has its own revision, such as hf://org/name@v1: leave out revision",
            lambda raw: "source" not in raw or "revision" not in raw,
        ),
        FieldRule(
            "!has(self.source) || !has(self.tokenSecret) || self.source.startsWith('hf://')",
            "tokenSecret is for the hub, which only a source hf:// is at: leave it out; keys for a server are in "
            "access.secret",
            lambda raw: not {"source", "tokenSecret"} <= set(raw) or str(raw["source"]).startswith("hf://"),
        ),
        FieldRule(
            "!has(self.imageVolume) || (has(self.source) && self.source.startsWith('oci://'))",
            "imageVolume mounts an image of a registry: it goes with a source such as oci://registry/repository:tag",
            lambda raw: "imageVolume" not in raw or str(raw.get("source", "")).startswith("oci://"),
        ),
        *ACCESS_RULES,
    )

    id: ModelId | None = None
    """Id of the model on the Hugging Face Hub, such as Qwen/Qwen3-32B; with a source, the name that it is served by."""
    source: SourceText | None = None
    """Where its files come from, if not from the hub's repository of that id. s3://bucket/folder,
    oci://registry/repository:tag or @sha256:..., mlflow://name@alias or mlflow://name/version, and
    hf://org/name@revision are downloaded to an AIMCache of this endpoint, which cache.size and the like are about.
    pvc://claim/folder is a folder on a PersistentVolumeClaim of this namespace, which pods mount read only: nothing is
    downloaded or copied, and where nobody described the model, a Job reads its facts there. An administrator's list
    (existingClaims of aim-admission) bounds the claims."""
    access: SourceAccess | None = None
    """How the server of the source is reached."""
    image_volume: ImageVolume | None = None
    """Mount the image of a source oci:// into the pods, read only, instead of downloading its files: {} where they are
    at its root. It needs Kubernetes 1.35 (before that, the feature gate ImageVolume) and a container runtime that
    mounts images. A tag is resolved to a digest once, at access.endpoint where that is stated, and pods mount that."""
    revision: Revision | None = None
    """Branch, tag or commit of the model's repository; the default branch when left out."""
    version: Annotated[str, Field(max_length=63)] | None = None
    """A version of your own. It becomes the label app.kubernetes.io/version of the pods and has no other effect."""
    token_secret: TokenSecret | None = None
    """The Secret with a token for gated models; key token of huggingface-token, if it exists, when left out.
    An administrator's list (tokenSecrets of aim-admission) bounds the names."""

    @property
    def pinned(self) -> str | None:
        """Which files of the model are stated: a revision of its repository, or a source instead of it."""
        return self.revision or self.source

    @property
    def mounted(self) -> bool:
        """Whether its files are a folder on a claim, which is mounted where it is."""
        return self.source is not None and parse_source(self.source).kind == "pvc"

    @property
    def downloaded(self) -> bool:
        """Whether a source is stated whose files are downloaded to a cache of the endpoint."""
        return self.source is not None and not self.mounted and self.image_volume is None


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
            "has(self.gpuCount) || has(self.precision) || has(self.backend) || has(self.hardware)",
            "a fallback states what to request instead: gpuCount, precision, backend or hardware",
            lambda raw: bool({"gpuCount", "precision", "backend", "hardware"} & set(raw)),
        ),
    )

    gpu_count: GpuCount | None = None
    """Request this many GPUs per replica instead."""
    precision: RequestedPrecision | None = None
    """Request this precision instead; auto accepts any."""
    backend: RequestedBackend | None = None
    """Request this engine instead; auto accepts any."""
    hardware: RequestedHardware | None = None
    """Request one of these GPU products instead; an empty list accepts any."""


Latency = Annotated[str, formats.LATENCY.field]
"""A length of time in milliseconds or seconds, such as 500ms or 2s."""


class RequestedWorkload(Model):
    """What the endpoint is for. Speed is predicted for it; what is left out has a usual value, which scores show."""

    input_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """Tokens of a prompt; 1024 when left out. With outputTokens, the context must have room for it."""
    output_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """Tokens of an answer; 512 when left out."""
    concurrency: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Requests at once for each replica, or for all replicas of gpuBudget together. Stated, it is a requirement: the KV
    cache must have room for as many. When left out, 8 for the goal latency, 256 for throughput and cost, else 32."""


class Objectives(Model):
    """How fast an endpoint must be for its workload, by published figures or, where there are none, by prediction."""

    time_to_first_token: Latency | None = None
    """The longest mean time to the first token, such as 500ms or 2s."""
    time_per_output_token: Latency | None = None
    """The longest mean time per output token after it, such as 40ms."""


class RecipeChoice(Model):
    """How the recipe is selected. A field that is set is a requirement; a field that is left out is free."""

    auto_select: bool = True
    """Select whatever is left out. With false, set gpuCount and precision, or customRecipe."""
    backend: RequestedBackend | None = None
    """The engine: vllm, sglang, or auto for any."""
    precision: RequestedPrecision | None = None
    """The format of the weights: bf16, fp16, fp8, fp4, int8, int4, or auto for any; synonyms are accepted."""
    hardware: RequestedHardware | None = None
    """GPU products, such as MI325X: one of them has to serve the model. Any when left out. A name is that of the table
    of products, of the operator's setting hardware, or of the inventory; CPU requests processors."""
    gpu_count: GpuCount | None = None
    """GPUs per replica; 0 requests CPUs. When left out, the fewest that fit."""
    custom_recipe: CustomRecipe | None = None
    """Use this recipe and no other."""
    goal: Literal["latency", "throughput", "cost"] | None = None
    """Rank candidates by speed for the workload: latency is the time of a request per output token, throughput is
    output tokens per second, cost is the same per GPU or by the settings' price. When left out, the fewest GPUs win."""
    workload: RequestedWorkload | None = None
    """What the endpoint is for: lengths of prompts and answers, and requests at once."""
    objectives: Objectives | None = None
    """How fast it must be; whoever is slower is rejected, with both numbers."""
    gpu_budget: Annotated[int, Field(ge=1, le=4096)] | None = None
    """GPUs of all replicas together. Candidates are compared by what as many replicas as that makes do together, so two
    replicas with 4 GPUs may beat one with 8; status.selection has how many. spec.replicas stays as it is."""
    fallback: Annotated[tuple[Fallback, ...], Field(max_length=8)] = ()
    """What to request instead when nothing fits, tried in this order."""
    draft: RequestedDraft | None = None
    """Serve with a second model that drafts tokens (speculative decoding), one that a recipe of the model has: {} for
    any. Both checkpoints are then downloaded, or in the cache. When left out, no second model is loaded, unless
    customRecipe has one."""
    when_full: Literal["Wait", "Next"] | None = None
    """What an endpoint does that has never been ready, and for whose pods the scheduler finds no room. Next, the
    default, takes the next candidate on other hardware or with fewer GPUs; Wait waits for room."""
    validated_only: bool = False
    """Whether only configurations of AIMRecipes are candidates. With false, those that the operator derives from the
    facts of the model are, too, where no recipe fits."""
    update_policy: Literal["Pinned", "Auto"] = "Pinned"
    """Pinned keeps a running endpoint on its configuration and reports a better one; Auto changes to the better one."""
