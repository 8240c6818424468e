"""What the engine's container requests of its node besides GPUs: of the pod, and of selection."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from aimlib.api.endpoint_parts import Resources
from aimlib.config import Config
from aimlib.hardware.shapes import HostRequest
from aimlib.kube.quantity import canonical_quantity, from_gib, parse_quantity, to_gib

EPHEMERAL_STORAGE = "ephemeral-storage"


class Stated(Protocol):
    """What a recipe states."""

    @property
    def requests(self) -> Mapping[str, str]: ...
    @property
    def limits(self) -> Mapping[str, str]: ...


class ContainerResources(NamedTuple):
    """Requests and limits, as the API server spells quantities; None is a limit that there is not."""

    requests: dict[str, str]
    limits: dict[str, str | None]


def container_resources(requested: Resources, recipe: Stated, gpu_count: int, config: Config) -> ContainerResources:
    """What the endpoint requests, else what the recipe states, else so much per GPU."""
    cpu, memory = _cpu_and_memory(requested, recipe, gpu_count, config)
    return ContainerResources(
        {"cpu": cpu[0], "memory": memory[0], **_others(recipe.requests)},
        {"cpu": cpu[1], "memory": memory[1], **_others(recipe.limits)},
    )


def host_request(requested: Resources, recipe: Stated, gpu_count: int, config: Config) -> HostRequest:
    """The same as the scheduler compares it with a node."""
    (cpu, _), (memory, _) = _cpu_and_memory(requested, recipe, gpu_count, config)
    storage = recipe.requests.get(EPHEMERAL_STORAGE) or recipe.limits.get(EPHEMERAL_STORAGE) or "0"
    return HostRequest(float(parse_quantity(cpu)), to_gib(memory), to_gib(canonical_quantity(storage)))


RequestAndLimit = tuple[str, str | None]
"""Request and limit of one resource."""


def _cpu_and_memory(
    requested: Resources, recipe: Stated, gpu_count: int, config: Config
) -> tuple[RequestAndLimit, RequestAndLimit]:
    devices = max(gpu_count, 1)
    usual_memory = from_gib(to_gib(config.memory_per_device) * devices)
    return (
        _pair(requested.cpu, requested.cpu_limit, recipe, "cpu", str(config.cpu_per_device * devices)),
        _pair(requested.memory, requested.memory_limit, recipe, "memory", usual_memory),
    )


def _pair(request: str | None, limit: str | None, recipe: Stated, name: str, usual: str) -> RequestAndLimit:
    """Request and limit of one resource; a limit never lies below a request that the endpoint did not state."""
    chosen = request or recipe.requests.get(name) or usual
    bound = limit or (None if request else recipe.limits.get(name))
    if bound and not request and parse_quantity(bound) < parse_quantity(chosen):
        chosen = bound
    return canonical_quantity(chosen), canonical_quantity(bound) if bound else None


def _others(amounts: Mapping[str, str]) -> dict[str, str]:
    """Resources beside CPU, memory and GPUs, such as ephemeral-storage or hugepages."""
    ours = ("cpu", "memory", "amd.com/", "nvidia.com/")
    return {name: canonical_quantity(amount) for name, amount in sorted(amounts.items()) if not name.startswith(ours)}
