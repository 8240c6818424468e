"""The command `aim models`: what recipes serve, by model, and what is described without one."""

from hooks.cli import files
from hooks.cli.commands import CommandOptions, read_catalogue
from hooks.cli.formats import as_list
from hooks.cli.printing import Table, print_table, printed_as_data
from hooks.planning.model_summary import summarize_models

MODELS_HEAD = ("MODEL", "RECIPES", "PRECISION", "HARDWARE")
HERE_HEAD = (*MODELS_HEAD[:-1], "HERE", "HARDWARE")


def print_model_list(options: CommandOptions) -> int:
    """Prints a row per model; of a cluster with whether it has the hardware of a recipe."""
    products: set[str] | None = None
    if options.live:
        cluster = options.connect()
        recipes, described = cluster.all("aimrecipes"), cluster.all("aimmodels")
        classes = (cluster.inventory().get("status") or {}).get("classes") or ()
        products = {one["product"] for one in classes}
    else:
        recipes = [*read_catalogue(options)]
        described = [] if options.recipes else [*files.model_catalogue()]
    data = summarize_models(recipes, described, products)
    if not printed_as_data(options.output, lambda: as_list(data)):
        head = MODELS_HEAD if products is None else HERE_HEAD
        keys = [title.lower() for title in head]
        print_table(Table(head, [[_cell(one[key]) for key in keys] for one in data], ("PRECISION",)))
    return 0


def _cell(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
