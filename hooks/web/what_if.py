"""The what-if planner: what this cluster, or one of other hardware, would select for what a visitor states."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.errors import InvalidInputError
from aimlib.hardware.products import CPU, known_products
from aimlib.schema.manifests import Document, documents
from aimlib.schema.yaml_writer import yaml_text
from hooks.planning import simulate
from hooks.planning.plan import PlanContext
from hooks.planning.plan_input import PlanInput, plan_input
from hooks.planning.simulate import SimulatedCluster
from hooks.web.endpoint_view import CandidateRow, candidate_rows

MOST_TEXT_BYTES = 128 * 1024
"""Bytes of what is pasted."""
MOST_PASTED = 256
"""Objects of one text, which may name one of them thousands of times by an alias."""
MOST_ENDPOINTS = 4
"""Endpoints of one text: each is planned."""
MOST_NUMBER = 100_000_000
PASTED = "what was pasted"
WHAT_IF = "what-if"


class InvalidFormError(InvalidInputError):
    """A form that cannot be planned; the message names the field."""


class PlanningCatalogue(NamedTuple):
    """What a plan is made with: the inventory, the recipes and the models of the cluster."""

    inventory: Raw
    recipes: Sequence[Raw]
    models: Sequence[Raw]


class PlanAnswer(NamedTuple):
    """What would become of one endpoint."""

    title: str
    fits: bool
    message: str
    warnings: Sequence[str]
    candidates: Sequence[CandidateRow]
    considered: int
    manifest: str
    """The endpoint, as YAML."""
    children: Sequence[tuple[str, str]]
    """Kind and name of what would be created."""
    rendered: str
    """That as YAML."""


class NumberField(NamedTuple):
    """A field of the form with a number, and where that belongs in a spec."""

    name: str
    label: str
    path: Sequence[str]
    least: int
    most: int
    hint: str
    stops: Sequence[int]
    """The numbers at which its slider stops, after the first position, which states none."""


POWERS = tuple(2**power for power in range(18))
WORKLOAD = ("recipe", "workload")
NUMBERS = (
    NumberField("gpus", "GPUs per replica", ("gpuCount",), 0, 64, "the fewest that fit", (0, 1, 2, 4, 8, 16)),
    NumberField("prompt", "Tokens of a prompt", (*WORKLOAD, "inputTokens"), 1, MOST_NUMBER, "1024", POWERS[5:]),
    NumberField("answer", "Tokens of an answer", (*WORKLOAD, "outputTokens"), 1, MOST_NUMBER, "512", POWERS[4:16]),
    NumberField("concurrency", "Requests at once", (*WORKLOAD, "concurrency"), 1, 100_000, "by the goal", POWERS[:11]),
)
PRECISIONS = ("bf16", "fp16", "fp8", "fp4", "int8", "int4")
GOALS_OF_FORM = ("latency", "throughput", "cost")


def gpu_products(config: Config) -> tuple[str, ...]:
    """The names of the known GPU products."""
    return tuple(one.name for one in known_products(config.hardware).all if one.name != CPU)


def form_endpoint(form: Mapping[str, str]) -> Raw:
    """The AIMEndpoint that a form requests. InvalidFormError."""
    spec: Raw = {"modelId": form.get("model", "").strip()}
    if not spec["modelId"]:
        raise InvalidFormError("Model: name one, such as Qwen/Qwen3-32B")
    for field in NUMBERS:
        if text := form.get(field.name, "").strip():
            _place(spec, field.path, _number(field, text))
    for name, path, known in (
        ("precision", ("precision",), PRECISIONS),
        ("goal", ("recipe", "goal"), GOALS_OF_FORM),
    ):
        if value := form.get(name):
            if value not in known:
                raise InvalidFormError(f"{name.capitalize()}: one of {', '.join(known)}")
            _place(spec, path, value)
    return {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": WHAT_IF}, "spec": spec}


def _number(field: NumberField, text: str) -> int:
    if (
        len(text) <= len(str(MOST_NUMBER))
        and text.isascii()
        and text.isdigit()
        and (field.least <= int(text) <= field.most)
    ):
        return int(text)
    raise InvalidFormError(f"{field.label}: a whole number from {field.least} to {field.most}")


def _place(spec: Raw, path: Sequence[str], value: object) -> None:
    *above, last = path
    for key in above:
        spec = spec.setdefault(key, {})
    spec[last] = value


def plan_form(
    form: Mapping[str, str], hardware: Sequence[str], catalogue: PlanningCatalogue, config: Config
) -> PlanAnswer:
    """What would become of what a form requests: on this cluster, or on one usual node of each of these products.

    InvalidInputError.
    """
    endpoint = form_endpoint(form)
    read = plan_input([Document("the form", endpoint)], "the form", None)
    if hardware:
        nodes = simulate.usual_nodes(hardware, config)
        catalogue = catalogue._replace(inventory=simulate.simulate_inventory(nodes, config))
    [answer] = _answers(read, catalogue, config)
    return answer._replace(manifest=yaml_text(endpoint))


def plan_text(text: str, catalogue: PlanningCatalogue, config: Config) -> list[PlanAnswer]:
    """What would become of the endpoints in a text, with the recipes, models and caches in it. InvalidInputError."""
    content = text.encode()
    if len(content) > MOST_TEXT_BYTES:
        raise InvalidFormError(f"{PASTED} has more than {MOST_TEXT_BYTES // 1024} KiB")
    try:
        read = plan_input(_bounded(documents(PASTED, content)), PASTED, None)
    except RecursionError as error:
        raise InvalidFormError(f"{PASTED} is nested too deeply") from error
    if len(read.endpoints) > MOST_ENDPOINTS:
        raise InvalidFormError(f"{PASTED} has {len(read.endpoints)} AIMEndpoints, and {MOST_ENDPOINTS} are planned")
    return _answers(read, catalogue, config)


def _bounded(found: Iterable[Document]) -> Iterator[Document]:
    for count, one in enumerate(found, 1):
        if count > MOST_PASTED:
            raise InvalidFormError(f"{PASTED} has more than {MOST_PASTED} objects")
        yield one


def _answers(read: PlanInput, catalogue: PlanningCatalogue, config: Config) -> list[PlanAnswer]:
    own = {one.name: one.raw for one in read.recipes}
    recipes = {one["metadata"]["name"]: one for one in catalogue.recipes} | own
    models = [*catalogue.models, *read.models]
    cluster = SimulatedCluster(catalogue.inventory, [*recipes.values()], models, read.caches, read.gateways)
    all_listed = config.model_copy(update={"listed_candidates": sys.maxsize})
    context = PlanContext(cluster, all_listed, assumed_kinds=simulate.OPTIONAL_CHILD_KINDS)
    return [_answer(context, endpoint) for endpoint in read.endpoints]


def _answer(context: PlanContext, endpoint: Raw) -> PlanAnswer:
    response = context.respond(endpoint)
    planned, explained = context.plan_endpoint(response), response.explanation
    children = planned.children if planned.fits else []
    return PlanAnswer(
        planned.title,
        planned.fits,
        planned.message,
        planned.warnings,
        candidate_rows(explained),
        explained.selection.considered if explained.selection else 0,
        "",
        tuple((child["kind"], child["metadata"]["name"]) for child in children),
        "---\n".join(map(yaml_text, children)),
    )
