"""The recipes that selection looks at, each read once: its spec, how it starts its engine, what was published of it."""

from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.recipe import RecipeSpec
from aimlib.hardware.products import Product, Products, known_products
from aimlib.schema.error_messages import validation_messages
from aimlib.selection.launch import Launch, launch
from aimlib.selection.speeds import Published, published


class CatalogueEntry(NamedTuple):
    """A recipe: its spec and parsed arguments, or why it cannot be read."""

    name: str
    spec: RecipeSpec | None
    launches: tuple[Launch, ...] = ()
    error: str = ""
    published: Published = Published()
    """Its published figures, beside what is predicted for each."""
    derived_from: str = ""
    """What it is derived from, where it is no recipe."""
    hardware: Product | None = None
    """The product that it is for; None where no table has it."""


def read_entry(name: str, raw: object, table: Products | None = None) -> CatalogueEntry:
    """Parses a recipe's spec; `table` has the products, built-in ones if left out.

    A recipe that cannot be read is a rejected candidate and no error of the endpoint.
    """
    try:
        spec = RecipeSpec.model_validate(raw)
    except ValidationError as error:
        return CatalogueEntry(name, None, error="; ".join(validation_messages(error))[:1024])
    launches = tuple(launch(spec, configuration) for configuration in spec.configurations)
    hardware = (table or known_products()).product(spec.hardware)
    figures = published(name, spec, launches, hardware)
    return CatalogueEntry(name, spec, launches, published=figures, hardware=hardware)
