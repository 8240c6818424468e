"""The command group `aim recipes`: list recipes, derive some for a model that has none, and check one's own."""

import sys
from typing import Any

import click

from hooks.cli.endpoint_group import READ_CLUSTER_CODES
from hooks.cli.options import (
    CLUSTER_OPTIONS,
    CONFIG_OPTION,
    PATH,
    RECIPES_HELP,
    check_options,
    invalid_input_ends,
    output_option,
)

DERIVE_EXIT_CODES = "Exit codes: 0; 2 for bad input; 3 when nothing can be derived."
CHECK_EXIT_CODES = "Exit codes: 0; 2 for bad input; 3 when a recipe cannot be used, or not all of it."
RECIPES_EXIT_CODES = f"{READ_CLUSTER_CODES.removesuffix('.')}; 3 when no recipe is for what is named."


class RecipesGroup(click.Group):
    """A group whose first words may be ids of models instead of a command: these have a slash, and no command has."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Makes `--model ID` of each id."""
        words = self._rest(context, args)
        while words and "/" in words[0]:
            args = [*args[: len(args) - len(words)], "--model", *words]
            words = self._rest(context, args)
        return super().parse_args(context, args)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; of another word the error tells how a model is named."""
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            hint = f"The id of a MODEL has a slash; else it is --model {args[0]}."
            raise click.UsageError(f"{error.format_message()} {hint}", context) from error

    def _rest(self, context: click.Context, args: list[str]) -> list[str]:
        """The words after the options."""
        return self.make_parser(context).parse_args([*args])[1]


@click.group(
    "recipes",
    cls=RecipesGroup,
    invoke_without_command=True,
    short_help="List recipes; derive new ones, and check your own.",
    epilog=RECIPES_EXIT_CODES,
    subcommand_metavar="[MODEL...] | COMMAND [ARGS]...",
)
@click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP)
@click.option("--model", "models", multiple=True, metavar="ID", help="Those for this model alone, as is MODEL.")
@click.option("--hardware", "products", multiple=True, metavar="PRODUCT", help="Those for this GPU product alone.")
@click.option("--live", is_flag=True, help="Those of the running cluster, and how many endpoints each serves.")
@CLUSTER_OPTIONS
@output_option("table", "wide", "json", "yaml")
def recipes(**options: Any) -> None:  # noqa: ANN401 - click's parameters
    """List recipes."""
    if click.get_current_context().invoked_subcommand:
        return
    check_options(options, live=options["live"])
    with invalid_input_ends():
        from hooks.cli import commands, recipe_list  # noqa: PLC0415 - when the command runs

        sys.exit(recipe_list.print_recipes(commands.CommandOptions(**options)))


@recipes.command(short_help="Print recipes for GPUs that a model has none for, to review.", epilog=DERIVE_EXIT_CODES)
@click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    type=PATH,
    help="AIMRecipes and AIMModels of your own, besides: file, folder or - (standard input).",
)
@click.option("--model", required=True, metavar="ID", help="The model, as endpoints request it.")
@click.option("--hardware", multiple=True, metavar="NAME", help="GPU products; left out, every known one.")
@click.option("--recipes", multiple=True, type=PATH, help=RECIPES_HELP)
@CONFIG_OPTION
@output_option("yaml", "json", "table")
def derive(*, config: str | None, output: str, **options: Any) -> None:  # noqa: ANN401 - click's parameters
    """Print AIMRecipes that the operator derives for MODEL, to review, change and commit."""
    check_options({key: options[key] for key in ("paths", "recipes")}, live=False)
    with invalid_input_ends():
        from hooks.cli import recipe_commands  # noqa: PLC0415 - when the command runs

        sys.exit(recipe_commands.print_derived(recipe_commands.DeriveRequest(**options), config, output))


@recipes.command(short_help="Check AIMRecipes in files as the operator would.", epilog=CHECK_EXIT_CODES)
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="FILE...")
@CONFIG_OPTION
@output_option("table", "json", "yaml")
def check(paths: tuple[str, ...], config: str | None, output: str) -> None:
    """Check AIMRecipes: memory, degrees, and the flags of the engine. FILE is a file, a folder or -."""
    with invalid_input_ends():
        from hooks.cli import recipe_commands  # noqa: PLC0415 - when the command runs

        sys.exit(recipe_commands.print_checked(paths, config, output))
