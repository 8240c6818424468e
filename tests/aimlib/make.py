"""Builders of what the core works with; every argument has a usual value."""

from typing import Any

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.node import InventoryStatus
from aimlib.api.recipe import RecipeSpec
from aimlib.hardware.inventory import EqualNodes, inventory_status
from aimlib.hardware.nodes import node_facts
from aimlib.hardware.products import known_products
from aimlib.selection.entries import CatalogueEntry, read_entry

MODEL = "Qwen/Qwen3-32B"
FACTS = {
    "weightsGiB": 61.0,
    "layers": 64,
    "attentionHeads": 64,
    "keyValueHeads": 8,
    "headDim": 128,
    "maxContext": 40960,
}
"""Qwen/Qwen3-32B in bf16, from its config.json."""
SMALL_FACTS = {**FACTS, "weightsGiB": 15.3, "layers": 36, "attentionHeads": 32}
"""Qwen/Qwen3-8B in bf16, in the same way."""

READY = {"type": "Ready", "status": "True"}


def node(
    labels: dict | None = None,
    allocatable: dict | None = None,
    name: str = "n",
    architecture: str | None = None,
    **spec,
) -> dict[str, Any]:
    """A Node that is ready and has processors."""
    built = {"kubernetes.io/arch": architecture} if architecture else {}
    return {
        "metadata": {"name": name, "labels": {**(labels or {}), **built}},
        "spec": spec,
        "status": {
            "conditions": [dict(READY)],
            "allocatable": {"cpu": "96", "memory": "1024Gi", "pods": "110", **(allocatable or {})},
        },
    }


def amd(device: str = "74a1", count: int = 8, vram: str | None = None, allocatable=None, **spec) -> dict[str, Any]:
    """A Node with whole AMD GPUs; MI300X unless another device id is given."""
    found = known_products().by_device_id(device)
    usual = f"{found.memory_gib:g}G" if found else "48G"
    labels = {"amd.com/gpu.device-id": device, "amd.com/gpu.vram": vram or usual}
    return node(labels, {"amd.com/gpu": str(count), **(allocatable or {})}, **spec)


def nvidia(product: str = "NVIDIA-H100-80GB-HBM3", count: int = 8, memory: int | None = None, **spec) -> dict[str, Any]:
    """A Node with whole NVIDIA GPUs."""
    found = known_products().by_nvidia_product(product.removesuffix("-SHARED"))
    usual = int(found.memory_of(product) * 1024) if found else 24576
    labels = {"nvidia.com/gpu.product": product, "nvidia.com/gpu.memory": str(memory or usual)}
    return node(labels, {"nvidia.com/gpu": str(count)}, **spec)


def inventory(*nodes: dict[str, Any]) -> InventoryStatus:
    """The inventory of these Nodes."""
    return inventory_status(EqualNodes([one["metadata"]["name"]], node_facts(one)) for one in nodes)


def configuration(count: int = 1, **fields) -> dict[str, Any]:
    """A configuration for so many GPUs."""
    return {"gpuCount": count, **fields}


def raw_recipe(*configurations: dict[str, Any], **fields) -> dict[str, Any]:
    """A recipe for Qwen3-32B on MI300X with vLLM, for one GPU unless told otherwise; None leaves a field out."""
    raw = {
        "modelId": MODEL,
        "hardware": "MI300X",
        "precision": "bf16",
        "backend": "vllm",
        "facts": FACTS,
        "configurations": list(configurations) or [configuration()],
        **fields,
    }
    return {key: value for key, value in raw.items() if value is not None}


def recipe(*configurations: dict[str, Any], **fields) -> RecipeSpec:
    """The same, parsed."""
    return RecipeSpec.model_validate(raw_recipe(*configurations, **fields))


def listed(name: str = "r", *configurations: dict[str, Any], **fields) -> CatalogueEntry:
    """The same as an entry of the catalogue."""
    return read_entry(name, raw_recipe(*configurations, **fields))


def endpoint(**fields) -> EndpointSpec:
    """An endpoint that asks for Qwen3-32B and leaves the rest free."""
    return EndpointSpec.model_validate({"modelId": MODEL, **fields})
