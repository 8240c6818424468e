"""What the cluster has of a candidate's product and does not count, for the rejections by what does."""

from aimlib.api.node import LeftOutNodes
from aimlib.hardware.left_out import format_left_out
from aimlib.selection.candidates import Case


def product_name(case: Case) -> str:
    """The product that a candidate's recipe is for, by the name in the table."""
    hardware = case.hardware
    return hardware.name if hardware else case.recipe.hardware


def not_counted(case: Case, name: str) -> tuple[LeftOutNodes, ...]:
    """Devices that do not count and are the product, or may be it, since nobody knows what they are."""
    found = case.products.find(name, case.classes)
    prefix = f"{found.vendor}.com/" if found else ""
    return tuple(
        one
        for one in case.left_out
        if one.product == name or (prefix and one.product is None and one.resource.startswith(prefix))
    )


def and_left_out(case: Case) -> str:
    """The end of a sentence about what counts: what else of the product there is, as `, and 8 on 1 node left out (…)`.

    Empty where all of it counts.
    """
    if not case.left_out:
        return ""
    name = product_name(case)
    rows = not_counted(case, name)
    return f", and {format_left_out(rows, name)}" if rows else ""
