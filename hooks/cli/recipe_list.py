"""The command `aim recipes`: the recipes of files or of a cluster, and what there is none for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from aimlib.api.meta import Raw
from aimlib.selection.near_names import meant
from hooks.cli import files
from hooks.cli.commands import CommandOptions, read_catalogue
from hooks.cli.errors import NOTHING_FITS_CODE
from hooks.cli.formats import as_list
from hooks.cli.printing import Table, print_note, print_table, printed_as_data
from hooks.cli.summary import ENDPOINTS, RECIPE_HEAD, RECIPE_OMISSIBLE, WIDE_RECIPE_HEAD, recipe_data, recipe_row
from hooks.planning import simulate


def print_recipes(options: CommandOptions) -> int:
    """Prints the recipes; those of a cluster with the number of endpoints that each serves.

    What is named and has none is a sentence; where there is nothing else, the exit code is that of nothing that fits.
    """
    used: Counter[str] | None = None
    if options.live:
        cluster = options.connect()
        recipes: Iterable[Raw] = cluster.all("aimrecipes")
        statuses = (one.get("status") or {} for one in cluster.all("aimendpoints"))
        used = Counter(status["resolved"]["recipe"] for status in statuses if status.get("resolved"))
        described: Sequence[Raw] = cluster.all("aimmodels") if options.models else ()
    else:
        recipes = map(simulate.simulate_recipe, read_catalogue(options))
        described = files.model_catalogue() if options.models and not options.recipes else ()
    everything = [recipe_data(recipe, used) for recipe in recipes]
    data = [one for one in everything if _is_requested(one, options)]
    wide = options.output == "wide"
    head = (*(WIDE_RECIPE_HEAD if wide else RECIPE_HEAD), *((ENDPOINTS,) if options.live else ()))
    missing = [*_missing(options, everything, data, described)]
    if not printed_as_data(options.output, lambda: as_list(data)) and (data or not missing):
        print_table(Table(head, [recipe_row(one, head) for one in data], RECIPE_OMISSIBLE), wide=wide)
    for note in missing:
        print_note(note)
    return NOTHING_FITS_CODE if missing and not data else 0


def _is_requested(data: Raw, options: CommandOptions) -> bool:
    """Whether a recipe is for one of the models and GPU products that are stated, where any are."""
    products = {product.upper() for product in options.products}
    of_models = not options.models or data["model"] in options.models
    return of_models and (not products or str(data["hardware"]).upper() in products)


def _missing(
    options: CommandOptions, everything: Sequence[Raw], found: Sequence[Raw], described: Sequence[Raw]
) -> Iterator[str]:
    """What is said of each model and product that no recipe is for, or of all together where each alone has some."""
    models, products = ({str(one[key]) for one in everything} for key in ("model", "hardware"))
    derived = {str(one["spec"]["modelId"]) for one in described}
    absent = [name for name in options.models if name not in models]
    unknown = [name for name in options.products if name.upper() not in {one.upper() for one in products}]
    for name in absent:
        if name in derived:
            yield f"no recipe for model {name}: candidates are derived, which `aim explain --model {name}` lists"
        else:
            yield _with_question(f"no recipe for model {name}", name, models | derived)
    for name in unknown:
        yield _with_question(f"no recipe for hardware {name}", name, products)
    if options.models and options.products and not (absent or unknown or found):
        yield f"no recipe for {' or '.join(options.models)} on {' or '.join(options.products)}"


def _with_question(text: str, name: str, known: Iterable[str]) -> str:
    return "; ".join(filter(None, (text, meant(name, known))))
