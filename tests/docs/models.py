"""The page of models and hardware, from recipes/."""

from collections.abc import Iterable
from typing import Any

import yaml

from aimlib.hardware.products import products
from tests.docs.markdown import page, table
from tests.kustomize import ROOT

VENDORS = {"amd": "AMD Instinct", "nvidia": "NVIDIA", "cpu": "CPU"}
INTRO = """
What the shipped recipes serve. A cell has each precision with the numbers of GPUs of one replica for which there is a
configuration, with vLLM unless SGLang stands beside it. Where a cell is empty, and for more models, configurations are
derived: [every model on every GPU](coverage.md), [a model without a recipe](any-model.md). `aim recipes` lists the
recipes, and `aim explain` those that your cluster can serve. Licences are those of the models; gated
models need [a token](own-model.md#gated-and-private-models).
"""
Recipe = dict[str, Any]


def models() -> str:
    """A table for each vendor."""
    files = sorted(path for path in (ROOT / "recipes").glob("*.yaml") if path.name != "kustomization.yaml")
    recipes = [yaml.safe_load(path.read_text())["spec"] for path in files]
    parts = []
    for vendor, title in VENDORS.items():
        hardware = [one.name for one in products() if one.vendor == vendor]
        own = [recipe for recipe in recipes if recipe["hardware"] in hardware]
        used = [name for name in hardware if any(recipe["hardware"] == name for recipe in own)]
        parts += [f"## {title}", _table(own, used)]
    count = len({recipe["modelId"] for recipe in recipes})
    return page("Models and hardware", "`recipes/`", INTRO, f"{len(recipes)} recipes for {count} models.", *parts)


def _table(recipes: list[Recipe], hardware: list[str]) -> str:
    rows = []
    for model in sorted({recipe["modelId"] for recipe in recipes}, key=str.lower):
        own = [recipe for recipe in recipes if recipe["modelId"] == model]
        licences = sorted({str(recipe["facts"]["license"]) for recipe in own})
        rows.append(
            [model, *(_cell(one for one in own if one["hardware"] == name) for name in hardware), ", ".join(licences)]
        )
    return table(("model", *hardware, "licence"), rows)


def _cell(recipes: Iterable[Recipe]) -> str:
    """Such as `bf16 1, 2, 4; fp8 1 (SGLang)`. One with a second model that drafts is a variant of another recipe."""
    parts = []
    plain = (one for one in recipes if "draft" not in one)
    for recipe in sorted(plain, key=lambda one: (one["precision"], one["backend"] != "vllm")):
        counts = [
            str(one["gpuCount"]) for one in recipe["configurations"] if one.get("enabled", True) and one["gpuCount"]
        ]
        engine = "(SGLang)" if recipe["backend"] == "sglang" else ""
        parts.append(" ".join(filter(None, (recipe["precision"], ", ".join(counts), engine))))
    return "; ".join(parts)
