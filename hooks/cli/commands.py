"""The commands: each reads its input, calls the hooks, prints their responses, and returns its exit code."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aimlib.api.meta import Raw
from aimlib.config import Config
from hooks.cli import files
from hooks.cli.errors import NOTHING_FITS_CODE, CommandError
from hooks.cli.formats import as_list, json_text, one_or_list, yaml_comment, yaml_document
from hooks.cli.printing import (
    Table,
    print_closest,
    print_explanation,
    print_note,
    print_table,
    print_text,
    printed_as_data,
)
from hooks.cli.scaling_report import scaling_sums
from hooks.cli.summary import PLAN_HEAD, plan_rows
from hooks.cli.terminal import CHOSEN, WARNING, show_sentence
from hooks.endpoint.children import OPTIONAL
from hooks.planning import simulate, simulate_cache
from hooks.planning.explanation import Explanation, explanation_of
from hooks.planning.plan import EndpointResponse, PlanContext, PlannedObject
from hooks.planning.plan_input import PlanInput, of_models
from hooks.planning.simulate import SimulatedCluster

if TYPE_CHECKING:
    from hooks.cli.cluster import LiveCluster

ENDPOINT_KINDS = frozenset({"aimendpoint", "aimendpoints", "aimep"})


class CommandOptions(NamedTuple):
    """The options that several commands share."""

    output: str
    paths: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    hardware: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    namespace: str | None = None
    config: str | None = None
    live: bool = False
    context: str | None = None
    kubeconfig: str | None = None
    compare: tuple[str, ...] = ()

    def connect(self) -> "LiveCluster":
        """Connects to the running cluster. The client is imported here, because that takes a second."""
        from hooks.cli.cluster import LiveCluster  # noqa: PLC0415

        return LiveCluster(self.context, self.kubeconfig, self.namespace)


def print_plan(options: CommandOptions) -> int:
    """Prints the children that caches and endpoints would get."""
    plan_input = files.read_plan_input(options.paths, options.namespace, ("AIMEndpoint", "AIMCache"))
    context, responses = planned_endpoints(options, plan_input)
    planned = [context.plan_cache(cache, responses) for cache in plan_input.caches]
    planned += [context.plan_endpoint(response) for response in responses]
    fitting = [one for one in planned if one.fits]
    children = [child for one in fitting for child in one.children]
    if options.output == "json":
        print_text(json_text(as_list(children)))
    elif options.output == "table":
        _print_children(children)
        for one in planned:
            show_sentence(f"{one.title}: {one.message}", style=CHOSEN if one.fits else WARNING)
    else:
        for one in planned:
            _print_documents(one)
    for one in planned:
        for warning in one.warnings:
            print_note(f"{one.title}: {warning}")
        if not one.fits and options.output != "table":
            print_note(f"{one.title}: {one.message}")
        if not one.fits and one.explanation:
            print_closest(one.explanation)
    return 0 if len(fitting) == len(planned) else NOTHING_FITS_CODE


def _print_children(children: list[Raw]) -> None:
    """Prints a row per child; in a narrow terminal without the namespace, where it is the same for all."""
    omissible = PLAN_HEAD[:1] if len({child["metadata"]["namespace"] for child in children}) == 1 else ()
    if children:
        print_table(Table(PLAN_HEAD, plan_rows(children), omissible))
        print_text("\n")


def _print_documents(one: PlannedObject) -> None:
    """Prints the children as YAML, the first under the object's title; the title alone where nothing fits."""
    title = f"{one.title}: {one.message}"
    if one.fits:
        print_text("".join(map(yaml_document, one.children, (title, *[""] * len(one.children)))))
    else:
        print_text(yaml_comment(title))


def print_explanations(options: CommandOptions, args: tuple[str, ...], *, fresh: bool) -> int:
    """Prints the candidates of endpoints in files, or of endpoints in the cluster."""
    if args:
        explanations = list(_live_explanations(options, args, fresh=fresh))
    else:
        _, responses = planned_endpoints(options, _explained(options))
        explanations = [response.explanation for response in responses]
    if not printed_as_data(options.output, lambda: one_or_list([one.data() for one in explanations])):
        for position, one in enumerate(explanations):
            print_text("\n" * bool(position))
            print_explanation(one, wide=options.output == "wide")
    return 0 if all(one.fits for one in explanations) else NOTHING_FITS_CODE


def print_scaling(options: CommandOptions, args: tuple[str, ...]) -> int:
    """Prints what the autoscalers of endpoints in the cluster measured, and what they want."""
    names = endpoint_names(args)
    cluster = options.connect()
    scaled = [cluster.endpoint(name) for name in names]
    data = [(one.get("status") or {}).get("scaling") or {} for one in scaled]
    if not printed_as_data(options.output, lambda: one_or_list(data)):
        print_text("\n\n".join(map(scaling_sums, scaled)) + "\n")
    return 0


def _explained(options: CommandOptions) -> PlanInput:
    """The endpoints of files, and one for each model that is named: files need no endpoint then."""
    if not options.models:
        return files.read_plan_input(options.paths, options.namespace)
    requested = of_models(options.models, options.namespace)
    if not options.paths:
        return requested
    read = files.read_plan_input(options.paths, options.namespace, ())
    return read._replace(endpoints=(*read.endpoints, *requested.endpoints))


def read_catalogue(options: CommandOptions) -> tuple[Raw, ...]:
    """The recipes of files, or the shipped ones."""
    return files.recipe_catalogue(files.read_sources(options.recipes or (files.shipped_recipes(),)))


def planned_endpoints(options: CommandOptions, plan_input: PlanInput) -> tuple[PlanContext, list[EndpointResponse]]:
    """Plans the endpoints of files, with all candidates; returns the context and the responses."""
    config = _settings(options)
    if options.live:
        cluster = options.connect()
        own = {recipe.name: recipe.raw for recipe in plan_input.recipes}
        live = {one["metadata"]["name"]: one for one in cluster.all("aimrecipes")}
        caches = _beside(plan_input, plan_input.caches, cluster.caches, "aimcaches")
        described = [*plan_input.models, *cluster.all("aimmodels")]
        context = _live_context(cluster, [*(live | own).values()], caches, config, described)
        gateways = _beside(plan_input, plan_input.gateways, cluster.gateways, "aimgateways")
        context = context._replace(cluster=context.cluster._replace(gateways=gateways))
        return context, [context.respond(one) for one in plan_input.endpoints]
    texts = files.read_sources(options.recipes or (files.shipped_recipes(),))
    names = {name for endpoint in plan_input.endpoints for name in simulate.catalogue_names(endpoint)}
    names |= {name for cache in plan_input.caches for name in simulate_cache.listed_models(cache)}
    inventory = _inventory(options, config) if plan_input.endpoints else simulate.simulate_inventory(())
    recipes = files.recipe_catalogue(texts, plan_input.recipes, names)
    models = _models(options, plan_input, names)
    simulated = SimulatedCluster(inventory, recipes, models, plan_input.caches, plan_input.gateways)
    context = PlanContext(simulated, config, assumed_kinds=simulate.OPTIONAL_CHILD_KINDS)
    responses = [context.respond(one) for one in plan_input.endpoints]
    if all(response.explanation.any_considered for response in responses):
        return context, responses
    # All recipes and models, to suggest similar names.
    recipes, models = files.recipe_catalogue(texts, plan_input.recipes), _models(options, plan_input)
    context = context._replace(cluster=simulated._replace(recipes=recipes, models=models))
    return context, [context.respond(one) for one in plan_input.endpoints]


def _models(options: CommandOptions, plan_input: PlanInput, names: Iterable[str] = ()) -> Sequence[Raw]:
    """The AIMModels of the files, and the shipped ones unless others' recipes take the place of what is shipped."""
    return plan_input.models if options.recipes else files.model_catalogue(plan_input.models, names)


def _live_context(
    cluster: "LiveCluster", recipes: list[Raw], caches: list[Raw], config: Config, models: list[Raw]
) -> PlanContext:
    """Plans with the cluster's inventory, and with the optional kinds that its controller declares."""
    declared = cluster.declared_children()
    simulated = SimulatedCluster(cluster.inventory(), recipes, models, caches)
    if declared is None:
        return PlanContext(simulated, config, assumed_kinds=simulate.OPTIONAL_CHILD_KINDS)
    kinds = tuple(child.kind for child in OPTIONAL if child.declared_as in declared)
    return PlanContext(simulated._replace(optional_kinds=kinds), config)


def _beside(plan_input: PlanInput, own: Sequence[Raw], listed: Callable[[str], list[Raw]], resource: str) -> list[Raw]:
    """Objects of the files, and those of the cluster in the namespaces of endpoints that may use one."""
    namespaces = {one["metadata"]["namespace"] for one in plan_input.endpoints if simulate.selects(one, resource)}
    names = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in own}
    live = [one for namespace in sorted(namespaces) for one in listed(namespace)]
    return [*own, *(one for one in live if (one["metadata"]["namespace"], one["metadata"]["name"]) not in names)]


def _settings(options: CommandOptions) -> Config:
    """The operator's settings, without the limit of listed candidates."""
    return files.read_settings(options.config).model_copy(update={"listed_candidates": sys.maxsize})


def _inventory(options: CommandOptions, config: Config) -> Raw:
    if options.hardware:
        return simulate.simulate_inventory(files.hardware_nodes(options.hardware, config), config)
    if not options.cluster:
        print_note(
            "without --cluster: planned for one node of every known GPU product; "
            "`kubectl get nodes -o yaml > nodes.yaml` and --cluster nodes.yaml plan for a real one"
        )
        return simulate.simulate_inventory(simulate.ideal_nodes(config), config)
    cluster_inventory = files.read_inventory(options.cluster, config)
    for note in cluster_inventory.notes:
        print_note(note)
    return cluster_inventory.inventory


def _live_explanations(options: CommandOptions, args: tuple[str, ...], *, fresh: bool) -> Iterator[Explanation]:
    """The stored explanations, or new ones with the cluster's present recipes and inventory.

    Where nothing was ever selected, no decision is pinned, and a new explanation shows every candidate.
    """
    names = endpoint_names(args)
    cluster = options.connect()
    config = _settings(options)
    catalogue = cluster.all("aimrecipes")
    for name in names:
        endpoint = cluster.endpoint(name)
        status = endpoint.get("status") or {}
        if fresh or not (status.get("selection") and status.get("resolved")):
            yield _explain_anew(cluster, endpoint, catalogue, config)
        else:
            yield explanation_of(endpoint, status, catalogue)


def explain_in(cluster: "LiveCluster", endpoint: Raw) -> Explanation:
    """What a cluster would select for an endpoint that it does not have like this. CommandError without the right."""
    return _explain_anew(cluster, endpoint, cluster.all("aimrecipes"), files.read_settings(None))


def _explain_anew(cluster: "LiveCluster", endpoint: Raw, catalogue: list[Raw], config: Config) -> Explanation:
    bare = {key: value for key, value in endpoint.items() if key != "status"}
    caches = cluster.caches(cluster.namespace) if simulate.selects(bare, "aimcaches") else []
    models = cluster.all("aimmodels")
    return _live_context(cluster, catalogue, caches, config, models).respond(bare).explanation


def endpoint_names(args: tuple[str, ...]) -> list[str]:
    """The names in `NAME`, `aimendpoint/NAME` or `aimendpoint NAME`; CommandError for another kind."""
    named = args[1:] if len(args) > 1 and args[0] in ENDPOINT_KINDS else args
    for word in named:
        resource, slash, _ = word.rpartition("/")
        if slash and resource.split(".")[0] not in ENDPOINT_KINDS:
            raise CommandError(f"{word}: only an AIMEndpoint can be explained")
    return [word.rpartition("/")[2] for word in named]
