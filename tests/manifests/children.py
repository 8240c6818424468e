"""What the operator makes: the children of all golden cases."""

from functools import cache
from typing import Any

from tests.cases import cases


@cache
def children() -> list[tuple[str, dict[str, Any]]]:
    """Every child of every golden case, with the name of the case."""
    return [(str(case), child) for case in cases(hook="sync") for child in case.said.get("children", ())]
