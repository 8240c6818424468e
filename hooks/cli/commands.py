"""The commands: each reads its input, calls the hooks, prints their responses, and returns its exit code."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from aimlib.api.meta import Raw
from aimlib.config import Config
from hooks.cli import files, simulate, simulate_cache
from hooks.cli.errors import NOTHING_FITS_CODE, CommandError
from hooks.cli.explanation import Explanation, explanation_of
from hooks.cli.formats import as_list, json_text, one_or_list, yaml_comment, yaml_document
from hooks.cli.plan import EndpointResponse, PlanContext, PlannedObject
from hooks.cli.printing import Table, print_closest, print_explanation, print_note, print_table, print_text
from hooks.cli.simulate import SimulatedCluster
from hooks.cli.summary import (
    ENDPOINTS,
    PLAN_HEAD,
    RECIPE_HEAD,
    RECIPE_OMISSIBLE,
    WIDE_RECIPE_HEAD,
    plan_rows,
    recipe_data,
    recipe_row,
)
from hooks.cli.terminal import CHOSEN, WARNING, show_sentence
from hooks.endpoint.children import OPTIONAL

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
    namespace: str | None = None
    config: str | None = None
    live: bool = False
    context: str | None = None
    kubeconfig: str | None = None

    def connect(self) -> "LiveCluster":
        """Connects to the running cluster. The client is imported here, because that takes a second."""
        from hooks.cli.cluster import LiveCluster  # noqa: PLC0415

        return LiveCluster(self.context, self.kubeconfig, self.namespace)


def print_plan(options: CommandOptions) -> int:
    """Prints the children that caches and endpoints would get."""
    plan_input = files.read_plan_input(options.paths, options.namespace, ("AIMEndpoint", "AIMCache"))
    context, responses = _planned_endpoints(options, plan_input)
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
        if not one.fits:
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
        read = files.of_models(options.models, options.namespace) if options.models else None
        read = read or files.read_plan_input(options.paths, options.namespace)
        _, responses = _planned_endpoints(options, read)
        explanations = [response.explanation for response in responses]
    if options.output in {"json", "yaml"}:
        data = one_or_list([explanation.data() for explanation in explanations])
        print_text(json_text(data) if options.output == "json" else yaml_document(data))
    else:
        for position, one in enumerate(explanations):
            print_text("\n" * bool(position))
            print_explanation(one, wide=options.output == "wide")
    return 0 if all(one.fits for one in explanations) else NOTHING_FITS_CODE


def print_recipes(options: CommandOptions) -> int:
    """Prints the recipes; those of a cluster with the number of endpoints that each serves."""
    used: Counter[str] | None = None
    if options.live:
        cluster = options.connect()
        recipes: Iterable[Raw] = cluster.all("aimrecipes")
        statuses = (one.get("status") or {} for one in cluster.all("aimendpoints"))
        used = Counter(status["resolved"]["recipe"] for status in statuses if status.get("resolved"))
    else:
        recipes = map(
            simulate.simulate_recipe,
            files.recipe_catalogue(files.read_sources(options.recipes or (files.shipped_recipes(),))),
        )
    data = [recipe_data(recipe, used) for recipe in recipes]
    wide = options.output == "wide"
    head = (*(WIDE_RECIPE_HEAD if wide else RECIPE_HEAD), *((ENDPOINTS,) if options.live else ()))
    if options.output == "json":
        print_text(json_text(as_list(data)))
    elif options.output == "yaml":
        print_text(yaml_document(as_list(data)))
    else:
        print_table(Table(head, [recipe_row(one, head) for one in data], RECIPE_OMISSIBLE), wide=wide)
    return 0


def _planned_endpoints(
    options: CommandOptions, plan_input: files.PlanInput
) -> tuple[PlanContext, list[EndpointResponse]]:
    """Plans the endpoints of files, with all candidates; returns the context and the responses."""
    config = _settings(options)
    if options.live:
        cluster = options.connect()
        own = {recipe.name: recipe.raw for recipe in plan_input.recipes}
        live = {one["metadata"]["name"]: one for one in cluster.all("aimrecipes")}
        caches = _caches(plan_input, cluster)
        models = [*plan_input.models, *cluster.all("aimmodels")]
        context = _live_context(cluster, [*(live | own).values()], caches, config, models)
        return context, [context.respond(one) for one in plan_input.endpoints]
    texts = files.read_sources(options.recipes or (files.shipped_recipes(),))
    names = {name for endpoint in plan_input.endpoints for name in simulate.catalogue_names(endpoint)}
    names |= {name for cache in plan_input.caches for name in simulate_cache.listed_models(cache)}
    inventory = _inventory(options, config) if plan_input.endpoints else simulate.simulate_inventory(())
    recipes = files.recipe_catalogue(texts, plan_input.recipes, names)
    simulated = SimulatedCluster(inventory, recipes, plan_input.models, plan_input.caches)
    context = PlanContext(simulated, config, assumed_kinds=simulate.OPTIONAL_CHILD_KINDS)
    responses = [context.respond(one) for one in plan_input.endpoints]
    if all(response.explanation.any_considered for response in responses):
        return context, responses
    # All recipes, to suggest similar names.
    context = context._replace(cluster=simulated._replace(recipes=files.recipe_catalogue(texts, plan_input.recipes)))
    return context, [context.respond(one) for one in plan_input.endpoints]


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


def _caches(plan_input: files.PlanInput, cluster: "LiveCluster") -> list[Raw]:
    """The caches of the files, and those of the cluster in the namespaces of endpoints that may use one."""
    namespaces = {
        endpoint["metadata"]["namespace"] for endpoint in plan_input.endpoints if simulate.selects_caches(endpoint)
    }
    own = {(cache["metadata"]["namespace"], cache["metadata"]["name"]) for cache in plan_input.caches}
    live = [one for namespace in sorted(namespaces) for one in cluster.caches(namespace)]
    others = [one for one in live if (one["metadata"]["namespace"], one["metadata"]["name"]) not in own]
    return [*plan_input.caches, *others]


def _settings(options: CommandOptions) -> Config:
    """The operator's settings, without the limit of listed candidates."""
    return files.read_settings(options.config).model_copy(update={"listed_candidates": sys.maxsize})


def _inventory(options: CommandOptions, config: Config) -> Raw:
    if options.hardware:
        return simulate.simulate_inventory(simulate.usual_nodes(options.hardware, config), config)
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
            bare = {key: value for key, value in endpoint.items() if key != "status"}
            caches = cluster.caches(cluster.namespace) if simulate.selects_caches(bare) else []
            models = cluster.all("aimmodels")
            yield _live_context(cluster, catalogue, caches, config, models).respond(bare).explanation
        else:
            yield explanation_of(endpoint, status, catalogue)


def endpoint_names(args: tuple[str, ...]) -> list[str]:
    """The names in `NAME`, `aimendpoint/NAME` or `aimendpoint NAME`; CommandError for another kind."""
    named = args[1:] if len(args) > 1 and args[0] in ENDPOINT_KINDS else args
    for word in named:
        resource, slash, _ = word.rpartition("/")
        if slash and resource.split(".")[0] not in ENDPOINT_KINDS:
            raise CommandError(f"{word}: only an AIMEndpoint can be explained")
    return [word.rpartition("/")[2] for word in named]
