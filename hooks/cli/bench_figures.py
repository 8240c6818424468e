"""The figures of `aim bench` beside the published and the predicted ones, and as an entry of the recipe."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.api.recipe import Configuration, Measurement
from aimlib.api.resolved import Resolved
from aimlib.hardware.products import known_products
from aimlib.selection.entries import CatalogueEntry, read_entry
from aimlib.selection.recipe_check import model_of
from aimlib.selection.roofline import Workload
from aimlib.selection.speed_rules import three_digits
from aimlib.selection.speeds import Deployed, estimate, point_of, speed_model
from hooks.cli.tables import Cell

FIGURE_HEAD = ("FIGURE", "MEASURED", "PREDICTED", "PUBLISHED")
FIGURE_ROWS = (
    ("time to first token", "firstTokenMs", "ms"),
    ("time between tokens", "perTokenMs", "ms"),
    ("throughput", "throughput", "tokens/s"),
)
"""What is compared: its name, its key, and its unit."""


class Expected(NamedTuple):
    """What there is to compare with, by the keys of FIGURE_ROWS."""

    predicted: Mapping[str, float]
    published: Mapping[str, float]
    source: str = ""
    """Where the published figures are from."""


def expected_figures(resolved: Resolved, recipes: Iterable[Raw], workload: Workload) -> Expected:
    """The figures of a configuration for a workload; none of what no recipe has."""
    entries = [
        read_entry(one["metadata"]["name"], one["spec"]) for one in recipes if model_of(one) == resolved.model_id
    ]
    found = next((one for one in entries if one.name == resolved.recipe), None)
    configured = _configuration(found, resolved.gpu_count) if found else None
    if not (found and found.spec and configured):
        return Expected({}, {})
    place, configuration = configured
    hardware = known_products().product(resolved.product)
    deployed = Deployed(found.launches[place], resolved.precision, hardware, (hardware and hardware.memory_gib) or 0.0)
    # As with arguments of its own, so that a published figure of this workload corrects the prediction and is not it.
    model = speed_model(workload, (one.published for one in entries), own_arguments=True)
    predicted = estimate(point_of(found.name, found.spec, configuration), deployed, model)
    figures = (
        {
            "firstTokenMs": predicted.first_token * 1e3,
            "perTokenMs": predicted.per_token * 1e3,
            "throughput": predicted.throughput,
        }
        if predicted
        else {}
    )
    return Expected(figures, *_published(configuration, workload))


def _configuration(entry: CatalogueEntry, gpus: int) -> tuple[int, Configuration] | None:
    listed = entry.spec.configurations if entry.spec else ()
    return next(((place, one) for place, one in enumerate(listed) if one.gpu_count == gpus), None)


def _published(configuration: Configuration, workload: Workload) -> tuple[dict[str, float], str]:
    """The first figures for just this workload, and their source."""
    for one in configuration.measurements:
        if (one.input_tokens, one.output_tokens, one.concurrency) == workload:
            whole = workload.output_tokens + (workload.input_tokens if one.counts_input else 0)
            rate = one.tokens_per_second and one.tokens_per_second * workload.output_tokens / whole
            stated = {"throughput": rate, "perTokenMs": one.latency_ms}
            return {key: value for key, value in stated.items() if value}, one.source
    return {}, ""


def figure_rows(measured: Mapping[str, float], expected: Expected) -> list[tuple[Cell, ...]]:
    """A row under FIGURE_HEAD for each figure."""
    columns = (measured, expected.predicted, expected.published)
    return [
        (name, *(f"{three_digits(one[key])} {unit}" if key in one else None for one in columns))
        for name, key, unit in FIGURE_ROWS
    ]


def measurement_of(endpoint: Raw, measured: Mapping[str, float], workload: Workload, day: str) -> Raw:
    """An entry of `measurements` for the recipe's configuration, as the API has it."""
    resolved = Resolved.model_validate(endpoint["status"]["resolved"])
    engine = endpoint["spec"].get("engine") or {}
    stated = [*engine.get("args", ()), *(one["name"] for one in engine.get("env", ()))]
    first = three_digits(measured["firstTokenMs"])
    devices = f"{resolved.gpu_count} {resolved.product}" if resolved.gpu_count else resolved.product
    measured_here = Measurement(
        tokens_per_second=float(three_digits(measured["throughput"])),
        latency_ms=float(three_digits(measured["perTokenMs"])),
        workload=f"{workload}, {measured['completed']:g} requests of random tokens; first token after {first} ms",
        input_tokens=workload.input_tokens,
        output_tokens=workload.output_tokens,
        concurrency=workload.concurrency,
        command=" ".join(stated)[:512] or None,
        source=f"aim bench on {day}, {devices}, {resolved.image}"[:512],
    )
    return measured_here.model_dump(by_alias=True, exclude_defaults=True, mode="json")
