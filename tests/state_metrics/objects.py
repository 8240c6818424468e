"""Objects with the statuses of the golden cases, as far as the API server would have let them in."""

from collections.abc import Iterator
from typing import Any

from aimlib.api import API_VERSION
from tests.cases import TESTDATA, cases, read
from tests.kustomize import ROOT
from tests.schema import crd, objections, plural
from tests.world import parent

Raw = dict[str, Any]
MADE = "2026-11-23T11:00:00Z"
OURS = {"endpoint", "cache", "gateway", "recipe"}


def golden() -> list[Raw]:
    """Every object of every golden sync that was answered, by the name of its case, and their recipes."""
    recipes = {one["metadata"]["name"]: one for one in _recipes()}
    return [*_synced(), *recipes.values()]


def _synced() -> Iterator[Raw]:
    for case in cases(hook="sync"):
        world, answer = case.world, case.said
        if case.kind in OURS and "body" not in world and "status" in answer:
            given = parent(case.kind, world)
            metadata = {**given["metadata"], "name": case.path.name, "creationTimestamp": MADE}
            if not [*objections({"spec": given.get("spec")}, _spec(given["kind"]))]:
                yield {**given, "metadata": metadata, "status": answer["status"]}
        for node in answer.get("attachments", ()):
            yield {**node, "metadata": {**node["metadata"], "name": case.path.name}}


def _spec(kind: str) -> Raw:
    """The schema of an object with a spec alone."""
    schema = crd(plural(kind))
    return {**schema, "properties": {"spec": schema["properties"]["spec"]}}


def _recipes() -> Iterator[Raw]:
    """Those that the golden cases choose from, and those that are shipped, which win where both have a name."""
    for folder in (TESTDATA / "shared" / "recipes", ROOT / "recipes"):
        for path in sorted(folder.glob("*.yaml")):
            recipe = read(path)
            if recipe.get("apiVersion") == API_VERSION:
                yield recipe
