"""What an engine's makers recommend for a model: arguments and variables of the recipes inside its published source.

Nothing is taken that a derived candidate may not have (`own` in derive.yaml), and of the rest only what `recommended`
there lists: flags about the model and about kernels. tests/tools/engine_recipes.py writes the data.
"""

from collections.abc import Iterable
from functools import reduce

from aimlib.api.recipe import EnvVar
from aimlib.data import entries, load_entry
from aimlib.derive.rules import Settings, rules
from aimlib.engines.catalogue import Engine, ParsedArgs, parse_args
from aimlib.hardware.products import Product

NOTHING_RECOMMENDED = Settings((), ())


def recommended(engine: Engine, repositories: Iterable[str], target: Product) -> Settings:
    """What is recommended for the first of these repositories that has a recipe, on a product."""
    data = f"engines/{engine.name}-{engine.version}-recipes"
    known = entries(data) if engine.name in rules().recommended else {}  # none where none can be read
    repository = next((name for name in repositories if name in known), None)
    if repository is None:
        return NOTHING_RECOMMENDED
    found = load_entry(data, repository)
    parts = [found, *(found.get(group, {}) for group in _groups(target))]
    env = {name: value for part in parts for name, value in part.get("env", {}).items()}
    args = reduce(ParsedArgs.overridden_by, (parse_args(engine.name, part.get("args", ())) for part in parts))
    return Settings(args.render(), tuple(EnvVar(name=name, value=env[name]) for name in env))


def _groups(target: Product) -> list[str]:
    """What the engine's recipes call the hardware that a product is."""
    return [name for name, architectures in rules().groups.items() if target.architecture in architectures]
