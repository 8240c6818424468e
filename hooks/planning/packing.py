"""How well a fleet is packed: GPUs by namespace and model, and what would need fewer of them.

Suggestions are found by the selection itself, for a spec that requests less; nothing applies them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from aimlib.api.endpoint import ENDPOINT_SPELLINGS, EndpointSpec
from aimlib.api.endpoint_status import Candidate, EndpointStatus
from aimlib.api.meta import Raw
from aimlib.api.spelling import MISSING, lookup
from aimlib.kube.duration import format_duration
from hooks.planning.numbers import numbers_of
from hooks.planning.stored import read_status

REQUESTS_OF_GPUS = ("gpuCount", "goal", "objectives", "gpuBudget", "customRecipe", "autoSelect")
"""Fields of `recipe` that may request more GPUs than the fewest that fit."""
LOSSY = "fp8"
"""Quantised weights that are suggested: engines' makers publish most of them, and they lose least."""
WIDE_PRECISIONS = frozenset({"bf16", "fp16"})
STARTS = "requests wait for a start; needs KEDA and an AIMGateway"


class Running(NamedTuple):
    """An endpoint that has a configuration on GPUs."""

    endpoint: Raw
    status: EndpointStatus

    @property
    def place(self) -> tuple[str, str]:
        metadata = self.endpoint["metadata"]
        return metadata["namespace"], metadata["name"]

    @property
    def gpus(self) -> int:
        """GPUs per replica."""
        return self.status.resolved.gpu_count if self.status.resolved else 0

    @property
    def replicas(self) -> int:
        """How many are requested."""
        return self.status.replicas.desired or 0 if self.status.replicas else 0

    @property
    def ready(self) -> int:
        return self.status.replicas.ready or 0 if self.status.replicas else 0

    @property
    def requests(self) -> float | None:
        """Requests that run and wait; None where nobody has measured them."""
        metrics = self.status.metrics
        if metrics is None or metrics.requests_running is None:
            return None
        return metrics.requests_running + (metrics.requests_waiting or 0)

    @property
    def numbers(self) -> Mapping[str, float | int]:
        """The numbers of what was selected: memory, predicted speed."""
        resolved, selection = self.status.resolved, self.status.selection
        return _numbers(selection.candidates if selection else (), resolved.recipe if resolved else "", self.gpus)


class Suggestion(NamedTuple):
    """What would need fewer GPUs, and what it costs."""

    namespace: str
    name: str
    saves: int
    """GPUs of all replicas."""
    what: str
    cost: str
    patch: Raw
    """The merge patch of the endpoint that does it."""


def running(endpoints: Iterable[Raw]) -> Iterator[Running]:
    """Those with a configuration on GPUs, whose status can be read."""
    read = ((one, read_status(one)) for one in endpoints)
    found = (Running(one, status) for one, status in read if status)
    yield from (one for one in found if one.gpus)


def packing(found: Iterable[Running]) -> list[Raw]:
    """A row for each namespace, model and GPU product; what is not measured is absent."""
    rows: dict[tuple[str, str, str], Raw] = {}
    for one in found:
        resolved, metrics = one.status.resolved, one.status.metrics
        title = (one.place[0], one.status.model or "", resolved.product if resolved else "")
        row = rows.setdefault(title, {"gpus": 0, "readyGpus": 0})
        row["gpus"] += one.gpus * one.replicas
        row["readyGpus"] += one.gpus * one.ready
        if one.requests is not None:
            row["idleGpus"] = row.get("idleGpus", 0) + (0 if one.requests else one.gpus * one.ready)
        used = {
            "kvCacheUtilization": metrics and metrics.kv_cache_utilization,
            "gpuUtilization": metrics and metrics.gpu_utilization,
        }
        row.update({name: max(value, row.get(name, 0)) for name, value in used.items() if value is not None})
        if "memoryGiB" in one.numbers:
            free = round(one.numbers["usableMemoryGiB"] - one.numbers["memoryGiB"], 1)
            row["freeMemoryGiB"] = min(free, row.get("freeMemoryGiB", free))
    return [
        {"namespace": namespace, "model": model, "hardware": product, **rows[namespace, model, product]}
        for namespace, model, product in sorted(rows)
    ]


def smaller(one: Running) -> Iterator[tuple[str, Raw, Raw]]:
    """Specs that may need fewer GPUs: in words, as an endpoint that nothing is pinned for, and as a merge patch."""
    spec = EndpointSpec.normalised(one.endpoint["spec"])
    requested: Raw = dict.fromkeys(name for name in REQUESTS_OF_GPUS if name in (spec.get("recipe") or {}))
    if requested:
        yield "the fewest GPUs that fit", *_changed(one.endpoint, requested)
    if one.status.resolved and one.status.resolved.precision in WIDE_PRECISIONS:
        yield f"{LOSSY} weights", *_changed(one.endpoint, {**requested, "precision": LOSSY})


def _changed(endpoint: Raw, changes: Raw) -> tuple[Raw, Raw]:
    """The endpoint with other fields of `recipe`, without those that are None; and the patch, spelt as the spec is."""
    spec: Raw = endpoint["spec"]
    patch: Raw = {}
    for field, value in changes.items():
        short = (one.path for one in ENDPOINT_SPELLINGS if one.means == ("recipe", field))
        stated = [path for path in (*short, ("recipe", field)) if lookup(spec, path) is not MISSING]
        for path in stated or [("recipe", field)]:
            place = patch
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[path[-1]] = value
    long = EndpointSpec.normalised(spec)
    recipe = {name: value for name, value in {**(long.get("recipe") or {}), **changes}.items() if value is not None}
    bare = {key: value for key, value in endpoint.items() if key != "status"}
    return {**bare, "spec": {**long, "recipe": recipe}}, {"spec": patch}


def saved_by(one: Running, words: str, patch: Raw, other: EndpointStatus) -> Suggestion | None:
    """What another configuration would save; None where it saves nothing."""
    resolved = other.resolved
    saves = (one.gpus - resolved.gpu_count) * one.replicas if resolved else 0
    if resolved is None or saves <= 0 or not resolved.gpu_count:
        return None
    found = _numbers(other.selection.candidates if other.selection else (), resolved.recipe, resolved.gpu_count)
    before, after = _per_replica(one.numbers, one.gpus), _per_replica(found, resolved.gpu_count)
    cost = f"{before:,.0f} to {after:,.0f} tokens/s per replica (predicted)" if before and after else "not predicted"
    what = f"{words}: {resolved.recipe} with {resolved.gpu_count} x {resolved.product} instead of {one.gpus}"
    return Suggestion(*one.place, saves, what, cost, patch)


def to_zero(one: Running) -> Suggestion | None:
    """That an endpoint without requests needs no replicas; None where it has some, or scales to zero already."""
    scaling = (one.endpoint.get("spec") or {}).get("scaling") or {}
    if one.requests != 0 or not one.replicas or scaling.get("minReplicas") == 0:
        return None
    started = one.status.startup
    cost = f"{STARTS}, {format_duration(started.p90_seconds)} by the last ones" if started else STARTS
    return Suggestion(
        *one.place,
        one.gpus * one.replicas,
        "no replicas while no request comes (it has none now)",
        cost,
        {"spec": {"scaling": {"minReplicas": 0}}},
    )


def in_order(found: Iterable[Suggestion | None]) -> list[Suggestion]:
    """Those that save most first."""
    return sorted(filter(None, found), key=lambda one: (-one.saves, one.namespace, one.name, one.what))


def _per_replica(numbers: Mapping[str, float | int], gpus: int) -> float | None:
    """Predicted tokens per second of a replica."""
    if "tokensPerSecond" in numbers:
        return float(numbers["tokensPerSecond"])
    each = numbers.get("tokensPerSecondPerGPU")
    return None if each is None else float(each) * gpus


def _numbers(candidates: Iterable[Candidate], recipe: str, gpus: int) -> Mapping[str, float | int]:
    found = (one for one in candidates if (one.recipe, one.gpu_count) == (recipe, gpus) and one.rule is None)
    return next(map(numbers_of, found), {})
