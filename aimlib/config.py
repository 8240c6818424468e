"""The operator's settings: one file with its defaults, read once and never changed at run time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator

from aimlib.api.base import Model, Name, Quantity
from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.node import Taint
from aimlib.api.pod import CaBundle, LabelKey, Labels
from aimlib.api.product import CPU, MOST_UNKNOWN, Product
from aimlib.api.routing import RoutedName
from aimlib.errors import InvalidInputError
from aimlib.hub_url import HUGGING_FACE, parse_hub
from aimlib.image_registry import REGISTRY_FORM, mirrored
from aimlib.naming import full_digest
from aimlib.setting_keys import image_targets, product_names, unknown_fields, unknown_keys, vendors


def vendor_taints() -> Mapping[str, tuple[Name, ...]]:
    """The usual taints that keep other pods off GPU nodes, as NVIDIA and KubeAI document them."""
    return {"amd": ("amd.com/gpu",), "nvidia": ("nvidia.com/gpu",)}


ImageName = Annotated[str, Field(min_length=1, max_length=1024)]
"""The name of an image, with its tag or digest."""


def _token_hub(text: str) -> str:
    if not parse_hub(text).is_private:
        raise ValueError(f"{text} is not https: a token is sent over https only")
    return text


TokenHub = Annotated[str, AfterValidator(_token_hub)]
"""The URL of a hub that gets tokens."""


def _known(keys: Mapping[str, object], known: Iterable[str]) -> None:
    if unknown := unknown_keys(keys, known):
        raise ValueError("; ".join(unknown))


def _image_keys(images: Mapping[str, str]) -> Mapping[str, str]:
    _known(images, image_targets())
    return images


V = TypeVar("V")


def _vendor_keys(values: Mapping[str, V]) -> Mapping[str, V]:
    _known(values, vendors())
    return values


class ComingNodes(Model):
    """Nodes that may come: a pool of an autoscaler, at zero nodes."""

    model_config = ConfigDict(extra="forbid")

    product: Name
    """The GPU product, of the table or of the setting hardware."""
    gpus_per_node: Annotated[int, Field(ge=1, le=MOST_UNKNOWN)]
    """GPUs of a node."""
    labels: Annotated[Labels, Field(min_length=1)]
    """Labels that the pool's template has, by which pods choose its nodes: no others, since a template of a node that
    is not there lacks what labellers set."""
    cpus: Annotated[float | None, Field(gt=0)] = None
    """CPUs of a node that pods can have; not checked when left out."""
    memory_gib: Annotated[float | None, Field(gt=0, alias="memoryGiB")] = None
    """Memory of a node that pods can have, in GiB; not checked when left out."""
    taints: Annotated[tuple[Taint, ...], Field(max_length=16)] = ()
    """Taints of its nodes."""


class TokenPrice(Model):
    """What tokens of one model cost."""

    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Of a million tokens of prompts."""
    generated: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Of a million tokens of answers."""


def _product_keys(prices: Mapping[str, float], settings: ValidationInfo) -> Mapping[str, float]:
    own = (name for one in settings.data.get("hardware", ()) for name in (one.name, *one.aliases))
    _known(prices, (*product_names(), *own))
    return prices


def _different_products(own: tuple[Product, ...]) -> tuple[Product, ...]:
    twice = sorted(name for name, count in Counter(one.name.casefold() for one in own).items() if count > 1)
    if twice:
        raise ValueError(f"hardware names a product twice: {', '.join(twice)}")
    return own


class Config(Model):
    """Settings of the operator, read once when the hook server starts."""

    model_config = ConfigDict(extra="forbid")

    images: Annotated[Mapping[str, ImageName], AfterValidator(_image_keys)] = Field(default_factory=dict)
    """Images instead of the default ones, by engine and architecture or vendor: `vllm/gfx942`, `vllm/amd`."""
    image_registry: Annotated[str, Field(max_length=255, pattern=f"^$|{REGISTRY_FORM}")] = ""
    """Registry from which all images are pulled, such as registry.example.com/mirror, under the paths that they have
    where they are published: those of engines, downloads and gateways. Images at its host stay as they are named.
    Empty, each comes from where it is published. As with images, what is pinned stays."""
    hardware: Annotated[tuple[Product, ...], Field(max_length=64), AfterValidator(_different_products)] = ()
    """GPU products that the table `aimlib/data/hardware.yaml` lacks, or knows otherwise, with the same keys: name,
    vendor, architecture, deviceIds or labels to know them by, memoryGiB, bandwidthTBs, tflops, precisions, and so on.
    Recipes and endpoints may name them; a name of the table replaces the facts that are stated."""
    hardware_may_come: Annotated[tuple[ComingNodes, ...], Field(max_length=64)] = ()
    """Pools at zero nodes, whose hardware counts where nothing fits on the nodes that are there: product, gpusPerNode
    and labels of the pool's template; cpus, memoryGiB and taints where they matter."""
    tolerated_taints: Annotated[Mapping[str, tuple[Name, ...]], AfterValidator(_vendor_keys)] = Field(
        default_factory=vendor_taints
    )
    """Keys of the taints that model servers tolerate, by vendor."""
    runtime_class_names: Annotated[Mapping[str, Name], AfterValidator(_vendor_keys)] = Field(default_factory=dict)
    """RuntimeClass of model servers by vendor, such as `nvidia: nvidia` on k3s; the cluster's default one without."""
    node_selector: Labels = Field(default_factory=dict)
    """Labels of the nodes on which model servers may run; nodeSelector of an endpoint adds to them."""
    inventory_labels: Annotated[tuple[LabelKey, ...], Field(max_length=8)] = ()
    """Keys of node labels by which the inventory tells nodes apart, such as that of a pool, besides those of
    nodeSelector: selection then knows which hardware an endpoint's nodeSelector leaves. Few values each, since each
    makes classes."""
    ca_bundle: CaBundle | None = None
    """ConfigMap and key, in the namespace of each endpoint and cache, with the authorities that engines and downloads
    trust."""
    token_secret: TokenSecret = TokenSecret(name="huggingface-token")
    """The Secret with a Hugging Face token in the endpoint's namespace, used if it exists."""
    token_hubs: Annotated[tuple[TokenHub, ...], Field(max_length=64)] = (HUGGING_FACE,)
    """Hubs to which a Hugging Face token is sent, by URL, with all paths below it; https only. A cache that names a
    token for another hub downloads nothing, and the default token is not sent there."""
    gpu_hour_prices: Annotated[Mapping[str, Annotated[float, Field(gt=0)]], AfterValidator(_product_keys)] = Field(
        default_factory=dict
    )
    """Price of an hour of one GPU by product, one of `hardware` too, such as `MI300X: 2.0`, in a currency of your own.
    With a price for every product in question the goal cost compares prices of tokens, without one GPUs."""
    token_prices: Annotated[Mapping[RoutedName, TokenPrice], Field(max_length=256)] = Field(default_factory=dict)
    """Prices of a million tokens of prompts and of answers, by the name that requests state, such as
    `Qwen/Qwen3-32B: {prompt: 0.2, generated: 0.8}`, in a currency of your own; each alias has its own. What clients of
    gateways have used costs so much in `aim:gateway_cost:increase1d`; a name without a price is not in it."""
    cpu_per_device: Annotated[int, Field(ge=1)] = 4
    """CPUs requested per GPU where neither endpoint nor recipe states them."""
    memory_per_device: Quantity = "32Gi"
    """Memory requested per GPU where neither endpoint nor recipe states it."""
    shared_memory: Quantity = "8Gi"
    """Size limit of /dev/shm, by which the ranks of a replica exchange data."""
    cache_size: Quantity = "100Gi"
    """Size of a cache claim where neither the endpoint nor the recipe's facts state it."""
    downloader_image: ImageName = "ghcr.io/aim-engine/aim-downloader:0.1.0"
    """Image of the Jobs that download models into caches and clean caches up."""
    gateway_image: ImageName = "docker.io/envoyproxy/envoy:v1.40.0"
    """Image of Envoy in the pods of gateways, with its tag or digest."""
    gateway_agent_image: ImageName = "ghcr.io/aim-engine/aim-hooks:0.1.0"
    """Image of the agent beside it, which is that of the hook server."""
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 75
    """Seconds that a replica serves on after it was told to stop: requests under way end, and none comes any more."""
    listen: Literal["0.0.0.0", "::"] = "0.0.0.0"  # noqa: S104 - the pod's own network
    """Address that engines listen on: `::` in a cluster whose pods have IPv6 addresses, which vLLM takes as both."""
    startup_seconds: Annotated[int, Field(ge=10)] = 3600
    """Seconds that a model server may take to download, load and compile before it is restarted."""
    startup_target_seconds: Annotated[int, Field(ge=1, le=86400)] = 600
    """Seconds within which replicas should be ready; where they take longer, StartsFast is False and has the reason."""
    full_after_seconds: Annotated[int, Field(ge=10, le=86400)] = 120
    """Seconds for which an endpoint that has never been ready waits for room on the selected hardware before it takes
    the next candidate (recipe.whenFull). More than a new node takes, where an autoscaler adds nodes."""
    prometheus_url: Annotated[str, Field(alias="prometheusURL", max_length=512, pattern=r"^https?://[!-~]+$")] = (
        "http://prometheus-operated.monitoring.svc:9090"
    )
    """URL of the Prometheus that KEDA asks for the load of endpoints."""
    prometheus_authentication: Annotated[Name | None, Field(max_length=253)] = None
    """ClusterTriggerAuthentication by which KEDA authenticates there; none where nobody asks for it."""
    keda_polling_seconds: Annotated[int, Field(ge=5, le=300)] | None = None
    """How often KEDA asks for the load of each endpoint, in seconds; its HorizontalPodAutoscaler gets what was found
    last. Left out, both ask: every 10 s to start and stop, every 15 s for the number of replicas. State 15 or 30 where
    hundreds of endpoints are scaled, for half as many queries or fewer."""
    external_load_metrics: bool = False
    """Whether a metrics adapter serves the recorded series of endpoints as External metrics, under their names and with
    the labels namespace and aimendpoint. Targets on load then need no KEDA."""
    listed_candidates: Annotated[int, Field(ge=1, le=100)] = 20
    """Number of candidates that status.selection lists; the others are counted only."""
    route_scheme: Literal["http", "https"] = "http"
    """Scheme of the URLs in status.endpoints.external of routed endpoints: https where the Gateways terminate TLS."""
    remote_code_revisions: Literal["Default", "Any"] = "Default"
    """Which code recipes with --trust-remote-code run: that of the default branch, or of any revision that an endpoint
    or its cache names."""
    derive: Literal["Always", "RegisteredOnly", "Never"] = "Always"
    """Whether endpoints are served by configurations that no recipe has, where no recipe fits: derived for every model,
    whose facts a Job finds where nobody stated them; for models with an AIMModel only; or never."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that the hook server logs; debug has the syncs that change nothing, too."""
    admission: Literal["warn", "enforce"] = "warn"
    """Whether an endpoint for which nothing fits is accepted with a warning or refused, in all namespaces."""

    @model_validator(mode="before")
    @classmethod
    def _fields_are_known(cls, raw: object) -> object:
        if unknown := unknown_fields(cls, raw):
            raise ValueError("; ".join(unknown))
        return raw

    @model_validator(mode="after")
    def _products_are_known(self) -> Self:
        products = {*product_names(), *(one.name for one in self.hardware)} - {CPU}
        coming = (one.product for one in self.hardware_may_come)
        if unknown := unknown_keys(coming, products, "hardwareMayCome: "):
            raise ValueError("; ".join(unknown))
        return self

    def pulled(self, image: str) -> str:
        """The name by which an image is pulled."""
        return mirrored(image, self.image_registry)

    @cached_property
    def kept_labels(self) -> tuple[str, ...]:
        """The keys of node labels that the inventory keeps."""
        return tuple(sorted({*self.inventory_labels, *self.node_selector}))

    @cached_property
    def digest(self) -> str:
        """A digest of these settings."""
        return full_digest(self.model_dump(mode="json"))


DEFAULT_CONFIG = Config()
"""The settings of an empty file."""


class ConfigError(InvalidInputError, RuntimeError):
    """Settings that cannot be used. A RuntimeError, because gunicorn prints the message of one and stops."""
