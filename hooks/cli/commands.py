"""What the commands do: gather what they are given, ask the hooks, and print the answer. Each returns its exit code."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.telemetry.live_metrics import format_metrics
from hooks.cli import files, simulate, simulate_cache
from hooks.cli.errors import NOTHING_FITS, CommandError
from hooks.cli.explanation import HEAD, WIDE_HEAD, Explanation, explained
from hooks.cli.formats import json_text, listed, one_or_listed, yaml_document
from hooks.cli.plan import Answer, Around
from hooks.cli.summary import ENDPOINTS, PLAN_HEAD, RECIPE_HEAD, WIDE_RECIPE_HEAD, plan_rows, recipe_data, recipe_row
from hooks.cli.tables import Cell, table

if TYPE_CHECKING:
    from hooks.cli.cluster import Live

CLOSEST = 5
"""Candidates that are shown where nobody asked for an explanation."""

ENDPOINT_WORDS = frozenset({"aimendpoint", "aimendpoints", "aimep"})


class Options(NamedTuple):
    """What the options say that several commands have."""

    output: str
    places: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    namespace: str | None = None
    config: str | None = None
    live: bool = False
    context: str | None = None
    kubeconfig: str | None = None

    def connect(self) -> "Live":
        """The running cluster. Its client takes a second to import, so only those who ask for it wait."""
        from hooks.cli.cluster import Live  # noqa: PLC0415

        return Live(self.context, self.kubeconfig, self.namespace)


def plan(options: Options) -> int:
    """Print the children that the caches and endpoints would get."""
    given = files.given(options.places, options.namespace, ("AIMEndpoint", "AIMCache"))
    around, answers = _answers(options, given)
    planned = [around.planned_cache(one, answers) for one in given.caches]
    planned += [around.planned(one) for one in answers]
    fitting = [one for one in planned if one.fits]
    children = [child for one in fitting for child in one.children]
    if options.output == "json":
        _print(json_text(listed(children)) if children else "")
    elif options.output == "table":
        _print_table(PLAN_HEAD, plan_rows(children)) if children else None
        _print("".join(f"\n{one.message}\n" for one in fitting))
    else:
        for one in fitting:
            titles = (f"{one.title}: {one.message}", *[""] * len(one.children))
            _print("".join(map(yaml_document, one.children, titles)))
    for one in planned:
        for warning in one.warnings:
            _note(f"{one.title}: {warning}")
        if not one.fits:
            _note(f"{one.title}: {one.message}")
        if not one.fits and one.explanation:
            _print_closest(one.explanation)
    return 0 if len(fitting) == len(planned) else NOTHING_FITS


def explain(options: Options, words: tuple[str, ...], *, fresh: bool) -> int:
    """Print the candidates of endpoints in files, or of endpoints in the cluster."""
    if words:
        explanations = list(_explained_live(options, words, fresh=fresh))
    else:
        _, answers = _answers(options, files.given(options.places, options.namespace))
        explanations = [one.explanation for one in answers]
    if options.output in {"json", "yaml"}:
        data = one_or_listed([one.data() for one in explanations])
        _print(json_text(data) if options.output == "json" else yaml_document(data))
    else:
        for place, one in enumerate(explanations):
            _print("\n" * bool(place))
            _print_explanation(one, wide=options.output == "wide")
    return 0 if all(one.fits for one in explanations) else NOTHING_FITS


def recipes(options: Options) -> int:
    """Print the recipes; those of a cluster with the number of endpoints that each serves."""
    used: Counter[str] | None = None
    if options.live:
        cluster = options.connect()
        found: Iterable[Raw] = cluster.all("aimrecipes")
        statuses = (one.get("status") or {} for one in cluster.all("aimendpoints"))
        used = Counter(status["resolved"]["recipe"] for status in statuses if status.get("resolved"))
    else:
        found = map(simulate.decorated, files.catalogue(files.texts(options.recipes or (files.shipped(),))))
    data = [recipe_data(one, used) for one in found]
    wide = options.output == "wide"
    head = (*(WIDE_RECIPE_HEAD if wide else RECIPE_HEAD), *((ENDPOINTS,) if options.live else ()))
    if options.output == "json":
        _print(json_text(listed(data)))
    elif options.output == "yaml":
        _print(yaml_document(listed(data)))
    else:
        _print_table(head, [recipe_row(one, head) for one in data])
    return 0


def _answers(options: Options, given: files.Given) -> tuple[Around, list[Answer]]:
    """What the hooks say to the endpoints in the files, all candidates listed, and where they are planned."""
    config = _settings(options)
    if options.live:
        cluster = options.connect()
        mine = {one.name: one.raw for one in given.recipes}
        theirs = {one["metadata"]["name"]: one for one in cluster.all("aimrecipes")}
        caches = _together(given, cluster)
        around = Around(cluster.inventory(), [*(theirs | mine).values()], caches, config)
        return around, [around.answer(one) for one in given.endpoints]
    texts = files.texts(options.recipes or (files.shipped(),))
    names = {name for one in given.endpoints for name in simulate.asked(one)}
    names |= {name for one in given.caches for name in simulate_cache.listed(one)}
    inventory = _inventory(options.cluster) if given.endpoints else simulate.added_up(())
    around = Around(inventory, files.catalogue(texts, given.recipes, names), given.caches, config)
    answers = [around.answer(one) for one in given.endpoints]
    if all(one.explanation.known for one in answers):
        return around, answers
    # All recipes, for names that are nearly the ones asked for.
    around = around._replace(recipes=files.catalogue(texts, given.recipes))
    return around, [around.answer(one) for one in given.endpoints]


def _together(given: files.Given, cluster: "Live") -> list[Raw]:
    """The caches of the files, and those of the cluster in the namespaces of endpoints that may use one."""
    namespaces = {one["metadata"]["namespace"] for one in given.endpoints if simulate.may_cache(one)}
    mine = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in given.caches}
    theirs = [one for namespace in sorted(namespaces) for one in cluster.caches(namespace)]
    others = [one for one in theirs if (one["metadata"]["namespace"], one["metadata"]["name"]) not in mine]
    return [*given.caches, *others]


def _settings(options: Options) -> Config:
    """The operator's settings, but for the length of the list that it keeps."""
    return files.settings(options.config).model_copy(update={"listed_candidates": sys.maxsize})


def _inventory(places: tuple[str, ...]) -> Raw:
    if not places:
        _note(
            "without --cluster: planned for one node of every known GPU product; "
            "`kubectl get nodes -o yaml > nodes.yaml` and --cluster nodes.yaml plan for a real one"
        )
        return simulate.added_up(simulate.ideal())
    found = files.cluster(places)
    for note in found.notes:
        _note(note)
    return found.inventory


def _explained_live(options: Options, words: tuple[str, ...], *, fresh: bool) -> Iterator[Explanation]:
    """Explanations as they are stored, or made anew from the cluster's present recipes and inventory.

    Where nothing was ever chosen there is no decision to keep to, and whoever asks wants to see every candidate.
    """
    names = endpoint_names(words)
    cluster = options.connect()
    config = _settings(options)
    catalogue = cluster.all("aimrecipes")
    for name in names:
        endpoint = cluster.endpoint(name)
        status = endpoint.get("status") or {}
        if fresh or not (status.get("selection") and status.get("resolved")):
            bare = {key: value for key, value in endpoint.items() if key != "status"}
            caches = cluster.caches(cluster.namespace) if simulate.may_cache(bare) else []
            yield Around(cluster.inventory(), catalogue, caches, config).answer(bare).explanation
        else:
            yield explained(endpoint, status, catalogue)


def endpoint_names(words: tuple[str, ...]) -> list[str]:
    """The endpoints that `NAME`, `aimendpoint/NAME` or `aimendpoint NAME` mean; CommandError for another kind."""
    named = words[1:] if len(words) > 1 and words[0] in ENDPOINT_WORDS else words
    for word in named:
        resource, slash, _ = word.rpartition("/")
        if slash and resource.split(".")[0] not in ENDPOINT_WORDS:
            raise CommandError(f"{word}: only an AIMEndpoint can be explained")
    return [word.rpartition("/")[2] for word in named]


def _print_explanation(one: Explanation, *, wide: bool) -> None:
    if rows := one.rows(wide=wide):
        _print_table(WIDE_HEAD if wide else HEAD, rows, wide=wide)
        _print("\n")
    if one.selection and len(rows) < one.selection.considered:
        _print(f"{len(rows)} of {one.selection.considered} candidates are listed; --fresh evaluates and lists all.\n")
    _print(f"{one.title}: {one.message}\n")
    said = [one.message]
    for condition in one.status.conditions if one.stored else ():
        if condition.status != "True" and condition.message not in said:
            said.append(condition.message)  # Ready repeats the condition that it fails by
            _print(f"{condition.type} is {condition.status}, {condition.reason}: {condition.message}\n")
    if one.stored and one.status.metrics:
        _print(f"Figures: {format_metrics(one.status.metrics)}\n")
    for warning in one.status.warnings:
        _print(f"Warning: {warning}\n")


def _print_closest(one: Explanation) -> None:
    rows = one.rows()
    if rows:
        click.echo(f"\n{table(HEAD, rows[:CLOSEST], _width(sys.stderr))}", err=True)
    if len(rows) > CLOSEST:
        click.echo(f"\nThe closest {CLOSEST} of {len(rows)} candidates; `aim explain` shows all.", err=True)


def _print_table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, wide: bool = False) -> None:
    _print(table(head, rows, None if wide else _width(sys.stdout)) + "\n")


def _width(stream: object) -> int | None:
    """The terminal's width; None where the text goes elsewhere and must stay in one line a row."""
    return shutil.get_terminal_size().columns if getattr(stream, "isatty", bool)() else None


def _print(text: str) -> None:
    click.echo(text, nl=False)


def _note(text: str) -> None:
    click.echo(text, err=True)
