"""The speed of a candidate: predicted for the endpoint's workload, and corrected by published figures of its model."""

from collections.abc import Iterable
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from aimlib.api.endpoint_choice import RecipeChoice
from aimlib.api.recipe import Configuration, Measurement, RecipeSpec
from aimlib.hardware.products import Product
from aimlib.selection.cache_capacity import cache_capacity
from aimlib.selection.corrections import USUAL_WORKLOAD, Corrected, Corrections, Figure, Point, SpeedModel
from aimlib.selection.launch import Launch
from aimlib.selection.roofline import Placed, Speed, Workload, predict

CONCURRENCY = {"latency": 8, "throughput": 256, "cost": 256}
"""Requests at once by goal, where none are stated: few for latency, and a full load where tokens are counted."""
COUNTED_WORKLOAD = ("input_tokens", "output_tokens", "concurrency")


def workload_of(choice: RecipeChoice) -> Workload:
    """The workload of an endpoint, with the usual value of what it leaves out."""
    usual = USUAL_WORKLOAD._replace(concurrency=CONCURRENCY.get(choice.goal or "", USUAL_WORKLOAD.concurrency))
    stated = choice.workload.model_dump(exclude_none=True) if choice.workload else {}
    return usual._replace(**stated)


class Deployed(NamedTuple):
    """One configuration, started on one kind of device."""

    launch: Launch
    precision: str
    hardware: Product | None
    """The product; None where nothing is known of it."""
    memory_gib: float
    """Memory of one device."""
    share: float = 1.0
    """Part of a whole GPU's memory and bandwidth that the device has."""
    compute_share: float = 1.0
    """Part of a whole GPU's compute that it has."""


@lru_cache(maxsize=4096)
def predicted(one: Deployed, workload: Workload) -> Speed | None:
    """The predicted speed; None without facts, or without published figures of the product."""
    facts = one.launch.facts
    if facts is None or one.hardware is None:
        return None
    parallel, element = one.launch.parallel, one.launch.cache_bytes
    drafts = one.launch.drafted, one.launch.draft
    parts = one.share, one.compute_share
    placed = Placed(one.hardware, one.precision, parallel, element, kv_room(one), *parts, *drafts)
    return predict(facts, placed, workload)


def kv_room(one: Deployed) -> int:
    """Tokens of KV cache that one replica has room for; 0 where the facts or the size of the device are unknown."""
    capacity = cache_capacity(one.launch, one.memory_gib) if one.memory_gib else None
    return capacity.tokens if capacity else 0


def point_of(name: str, recipe: RecipeSpec, configuration: Configuration) -> Point:
    """What figures of a configuration are of."""
    return Point(name, configuration.gpu_count, recipe.hardware, recipe.backend)


class Published(NamedTuple):
    """The published figures of a catalogue beside what is predicted for each, by quantity."""

    throughput: tuple[tuple[Figure, Workload], ...] = ()
    per_token: tuple[tuple[Figure, Workload], ...] = ()


def published(name: str, recipe: RecipeSpec, launches: Iterable[Launch], hardware: Product | None) -> Published:
    """The figures of one recipe; those without lengths and concurrency, and those of unknown products, do not count."""
    memory = (hardware.memory_gib if hardware else None) or 0.0
    throughput, per_token = [], []
    for configuration, launch in zip(recipe.configurations, launches, strict=True):
        point = point_of(name, recipe, configuration)
        deployed = Deployed(launch, recipe.precision, hardware, memory)
        for one in configuration.measurements:
            workload = _workload(one)
            speed = predicted(deployed, workload) if workload else None
            if workload is None or speed is None:
                continue
            figure = Figure(point, 0, 1, f"{one.workload}; {one.source}", exact=False, own_command=not one.command)
            tokens = (workload.input_tokens if one.counts_input else 0) + workload.output_tokens
            if one.tokens_per_second:
                rate = one.tokens_per_second * workload.output_tokens / tokens
                throughput.append((figure._replace(published=rate, predicted=speed.throughput), workload))
            if one.latency_ms:
                per_token.append((figure._replace(published=one.latency_ms / 1e3, predicted=speed.per_token), workload))
    return Published(tuple(throughput), tuple(per_token))


def _workload(one: Measurement) -> Workload | None:
    stated = [getattr(one, name) for name in COUNTED_WORKLOAD]
    return None if None in stated else Workload(*stated)


def speed_model(workload: Workload, found: Iterable[Published], *, own_arguments: bool = False) -> SpeedModel:
    """Of the published figures of a model. With arguments of the endpoint's own none is of a candidate's command."""
    everything = tuple(found)

    def corrections(figures: Iterable[tuple[Figure, Workload]]) -> Corrections:
        own = not own_arguments
        return Corrections(
            figure._replace(exact=own and figure.own_command and at == workload, own_command=own and figure.own_command)
            for figure, at in figures
        )

    return SpeedModel(
        workload,
        corrections(pair for one in everything for pair in one.throughput),
        corrections(pair for one in everything for pair in one.per_token),
    )


class Estimate(NamedTuple):
    """The speed of the replicas of a candidate under a workload; times are in seconds."""

    first_token: float
    per_token: float
    throughput: float
    """Output tokens per second, of all replicas together."""
    of_request: float
    """Time of a whole request per output token."""
    time: Corrected
    """Time per output token, and where it is from."""
    rate: Corrected
    """Output tokens per second of one replica, and where that is from."""


def estimate(point: Point, one: Deployed, model: SpeedModel, replicas: int = 1) -> Estimate | None:
    """The speed of so many replicas, which divide the requests; None where nothing is predicted.

    What was measured was whole GPUs with the whole workload: of anything else no figure is taken as it is.
    """
    workload = model.workload
    if replicas > 1:
        workload = workload._replace(concurrency=ceil(workload.concurrency / replicas))
    speed = predicted(one, workload)
    if speed is None:
        return None
    alone = replicas == 1 and one.share == one.compute_share == 1.0
    rate = model.throughput.corrected(point, speed.throughput, alone=alone)
    per_token = model.per_token.corrected(point, speed.per_token, alone=alone)
    first = speed.first_token * speed.throughput / rate.value
    of_request = first / workload.output_tokens + per_token.value
    return Estimate(first, per_token.value, rate.value * replicas, of_request, per_token, rate)
