"""AIMCache: models on one volume, downloaded once and shared. Its status is in `cache_status`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from aimlib.api import formats
from aimlib.api.base import FieldRule, Model, ModelId, MountPath, ObjectName, Quantity, Revision, Ruled, TransitionRule
from aimlib.api.cache_status import CacheStatus
from aimlib.api.cron import CRON_FORM
from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.endpoint_parts import AccessMode
from aimlib.api.meta import K8sObject
from aimlib.api.source import ACCESS_RULES, SourceAccess, SourceText, parse_source
from aimlib.api.spelling import MISSING, agreement, lookup, one_spelling, spelling

CACHE_SPELLINGS = (
    spelling("cachePath", "storage.mountPath"),
    spelling("size", "storage.size"),
)

Duration = Annotated[str, formats.DURATION.field]
"""A length of time with one unit, such as 30d."""

Priority = Literal["high", "medium", "low"]
Pattern = Annotated[str, formats.FILE_PATTERN.field]
Url = Annotated[str, formats.URL.field, AfterValidator(formats.URL.parse)]

DUPLICATE_FILES = ("original/*", "metal/*", "consolidated*")
"""Files that contain the same weights again, in the formats of Meta, Apple and Mistral, beside the one that engines
load (sources: KAITO's consts.go and AMD's recipes for the first; the file lists of openai/gpt-oss-120b and
mistralai/Mistral-Large-Instruct-2411 on the hub for the others)."""


def _is_sized(raw: Mapping[str, Any]) -> bool:
    given = (("size",), ("storage", "size"), ("storage", "existingClaim"), ("modelId",))
    return any(lookup(raw, path) is not MISSING for path in given) or bool(raw.get("models"))


def _is_listed_once(raw: Mapping[str, Any]) -> bool:
    listed = [model.get("id") for model in raw.get("models") or ()]
    return len(set(listed)) == len(listed) and raw.get("modelId") not in listed


CACHE_RULES = (
    FieldRule(
        "has(self.modelId) || (has(self.models) && size(self.models) > 0) || has(self.size) || "
        "(has(self.storage) && (has(self.storage.size) || has(self.storage.existingClaim)))",
        "state which models to keep (modelId or models), or how large the cache is (size or storage.size)",
        _is_sized,
    ),
    FieldRule(
        "!has(self.modelId) || !has(self.models) || self.models.all(one, one.id != self.modelId)",
        "a model is listed twice: modelId is short for an entry of models, and a model has one entry",
        _is_listed_once,
    ),
    FieldRule(
        "!has(self.storage) || !has(self.storage.existingClaim) || "
        "!(has(self.size) || has(self.storage.size) || has(self.storage.storageClass))",
        "storage.existingClaim is used as it is: leave out size and storage.storageClass",
        lambda raw: (
            lookup(raw, ("storage", "existingClaim")) is MISSING
            or all(
                lookup(raw, path) is MISSING for path in (("size",), ("storage", "size"), ("storage", "storageClass"))
            )
        ),
    ),
    FieldRule(
        "!has(self.storage) || !has(self.storage.accessMode) || self.storage.accessMode != 'ReadOnlyMany' || "
        "(has(self.storage.existingClaim) && has(self.hub) && has(self.hub.offline) && self.hub.offline)",
        "a ReadOnlyMany volume cannot be downloaded to: it needs storage.existingClaim, which holds the models, and "
        "hub.offline: true",
        lambda raw: (
            lookup(raw, ("storage", "accessMode")) != "ReadOnlyMany"
            or (lookup(raw, ("storage", "existingClaim")) is not MISSING and lookup(raw, ("hub", "offline")) is True)
        ),
    ),
    *agreement(CACHE_SPELLINGS),
)


MAX_PATTERNS = 64 << 10
"""Most characters of all patterns of a cache. Endpoints without `cache.name` are sent all caches of their namespace,
and a request has at most 16 MiB; one that had more before this bound may keep as many."""


def _pattern_characters(spec: str) -> str:
    """CEL for the number of characters of all patterns in a spec."""
    of_model = " + ".join(f"(has(m.{field}) ? m.{field}.map(p, size(p)).sum() : 0)" for field in ("include", "exclude"))
    return f"(has({spec}.models) ? {spec}.models.map(m, {of_model}).sum() : 0)"


CACHE_TRANSITIONS = (
    TransitionRule(
        f"{_pattern_characters('self')} <= {MAX_PATTERNS} || (oldSelf.hasValue() && "
        f"{_pattern_characters('self')} <= {_pattern_characters('oldSelf.value()')})",
        f"the patterns of all models (include, exclude) have at most {MAX_PATTERNS} characters together",
        on_creation=True,
    ),
    TransitionRule(
        "!(has(self.storage) && has(self.storage.existingClaim)) || "
        "(has(oldSelf.storage) && has(oldSelf.storage.existingClaim))",
        "storage.existingClaim cannot be added: the PersistentVolumeClaim of this cache has its models; create another "
        "AIMCache with it, and delete this one once nothing uses it",
    ),
)


class CacheStorageSpec(Model):
    """The volume that has the models."""

    size: Quantity | None = None
    """Size of the PersistentVolumeClaim; when left out, the size of the models and 10 % more."""
    storage_class: Annotated[str, formats.OPTIONAL_NAME.field] | None = None
    """Storage class of the PersistentVolumeClaim; the cluster's default when left out."""
    access_mode: AccessMode = "ReadWriteOnce"
    """Access mode of the PersistentVolumeClaim. With ReadWriteOnce all pods that use the cache run on one node."""
    mount_path: MountPath | None = None
    """Path at which containers mount the volume; /workspace/model-cache when left out."""
    existing_claim: ObjectName | None = None
    """A PersistentVolumeClaim of this namespace to use instead of a new one. It is not deleted with the cache.
    An administrator's list (existingClaims of aim-admission) bounds the names."""


class ProxySpec(Model):
    """Proxies through which downloads reach the hub."""

    http: Url | None = None
    """Proxy for HTTP (HTTP_PROXY)."""
    https: Url | None = None
    """Proxy for HTTPS (HTTPS_PROXY)."""
    no_proxy: Annotated[str, Field(max_length=1024)] | None = None
    """Hosts that are reached without a proxy, separated by commas (NO_PROXY)."""


class HubSpec(Model):
    """The hub from which models are downloaded."""

    endpoint: Url | None = None
    """URL of a mirror of the Hugging Face Hub (HF_ENDPOINT); https://huggingface.co when left out.
    A mirror gets no token unless the operator's setting tokenHubs lists it."""
    offline: bool = False
    """Download nothing: the models are on the volume already and are only verified."""
    token_secret: TokenSecret | None = None
    """The Secret with a token for gated models; key token of huggingface-token, if it exists, when left out.
    With a mirror that is not in tokenHubs, naming one stops the downloads.
    An administrator's list (tokenSecrets of aim-admission) bounds the names."""
    proxy: ProxySpec = ProxySpec()
    """Proxies through which downloads reach the hub."""


class DownloadSpec(Model):
    """Settings of the Jobs that download models."""

    max_workers: Annotated[int, Field(ge=1, le=64)] = 8
    """Files that one Job downloads in parallel."""
    pull_secrets: Annotated[tuple[ObjectName, ...], Field(max_length=16)] = ()
    """Names of Secrets with registry credentials for the downloader's image."""
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16)] = Field(
        default_factory=dict
    )
    """Labels of the nodes on which downloads may run. Nodes with GPUs are preferred: some volumes stay on a node."""


class CachedModelSpec(Ruled):
    """A model to keep in the cache."""

    rules = (
        FieldRule(
            "!has(self.source) || !has(self.revision)",
            "a source has its own revision, such as hf://org/name@v1: leave out revision",
            lambda raw: "source" not in raw or "revision" not in raw,
        ),
        *ACCESS_RULES,
    )

    id: ModelId
    """Id of the model on the Hugging Face Hub; with a source, the name that it is requested and stored by."""
    revision: Revision | None = None
    """Branch, tag or commit of the model's repository; the default branch when left out."""
    source: SourceText | None = None
    """Where its files come from: hf://org/name@revision, s3://bucket/folder, oci://registry/repository:tag or
    @sha256:..., mlflow://name@alias or mlflow://name/version, or pvc://claim/folder, which is a
    PersistentVolumeClaim of this namespace; the hub's repository of that id when left out.
    An administrator's list (existingClaims of aim-admission) bounds the claims."""
    access: SourceAccess | None = None
    """How the server of the source is reached."""
    include: Annotated[tuple[Pattern, ...], Field(max_length=32)] = ()
    """Download only files that match one of these patterns, such as *.safetensors; all when left out."""
    exclude: Annotated[tuple[Pattern, ...], Field(max_length=32)] | None = None
    """Skip files that match one of these patterns. When left out, those that duplicate the weights that recipes load:
    usually original/*, metal/* and consolidated*, and no file without which there would be no weights."""
    max_size: Quantity | None = None
    """Do not download the model when its files are larger than this, such as 80Gi."""
    preload: bool = True
    """Download the model at once. With false it is downloaded when an endpoint uses it."""
    priority: Priority = "medium"
    """Models of low priority are removed first when space is short, those of high priority last."""
    retention: Duration | None = None
    """Keep the model at least this long after its last use, such as 30d, 12h or 45m."""

    @property
    def of_hub(self) -> bool:
        """Whether its files come from the hub."""
        return self.source is None or parse_source(self.source).kind == "hf"


SCHEDULE_RULE = FieldRule(
    f"!has(self.schedule) || self.schedule.matches('{CRON_FORM}')",
    "schedule is not in cron format: minute, hour, day of the month, month and day of the week, such as "
    "0 2 * * *, or a name such as @daily",
    lambda raw: "schedule" not in raw or bool(re.fullmatch(CRON_FORM, raw["schedule"])),
)


class CacheUpdates(Ruled):
    """Whether it is looked for newer versions of what is cached. What is found is reported, and not downloaded."""

    rules = (SCHEDULE_RULE,)

    enabled: bool = False
    """Turns that on, for each model that names a branch, tag, alias or bucket."""
    schedule: Annotated[str, Field(max_length=128)] = "0 3 * * *"
    """When it is looked, in cron format, UTC."""


class CacheCleanup(Ruled):
    """When a clean-up runs and what it removes. A model that an endpoint uses is never removed."""

    rules = (SCHEDULE_RULE,)

    enabled: bool = False
    """Turns clean-up on."""
    schedule: Annotated[str, Field(max_length=128)] = "0 2 * * *"
    """When it runs, in cron format, UTC."""
    strategy: Literal["lru", "age", "none"] = "lru"
    """Which model is removed first: lru, the least recently used; age, the first downloaded; none removes nothing."""
    max_age: Duration | None = None
    """Remove models that were last used (lru) or were downloaded (age) longer ago than this, such as 30d."""
    min_free_space: Quantity | None = None
    """Remove models until this much of the volume is free, such as 100Gi."""


class CacheSpec(Ruled):
    """Models that are kept on one volume."""

    rules = CACHE_RULES
    transitions = CACHE_TRANSITIONS

    model_id: ModelId | None = None
    """Short for models with one entry."""
    cache_path: MountPath | None = None
    """Short for storage.mountPath."""
    size: Quantity | None = None
    """Short for storage.size."""
    storage: CacheStorageSpec = CacheStorageSpec()
    """The volume that has the models."""
    models: Annotated[
        tuple[CachedModelSpec, ...],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]}),
    ] = ()
    """The models to keep."""
    hub: HubSpec = HubSpec()
    """The hub from which models are downloaded."""
    download: DownloadSpec = DownloadSpec()
    """Settings of the Jobs that download models."""
    cleanup: CacheCleanup = CacheCleanup()
    """When a clean-up runs and what it removes."""
    updates: CacheUpdates = CacheUpdates()
    """Whether it is looked for newer versions of what is cached."""

    @classmethod
    def normalised(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        once = one_spelling(raw, CACHE_SPELLINGS)
        alone = once.pop("modelId", None)
        return once if alone is None else {**once, "models": [{"id": alone}, *(once.get("models") or ())]}


class AIMCache(K8sObject):
    """Models on one volume, downloaded once and shared by endpoints."""

    spec: CacheSpec
    status: CacheStatus | None = None
