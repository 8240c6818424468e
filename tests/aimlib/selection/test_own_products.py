"""A product of the settings counts like one of the table: its speed, its memory, its price, and what has a recipe."""

import pytest

from aimlib.api.node import InventoryStatus
from aimlib.config import Config
from aimlib.derive.candidates import derived_entries
from aimlib.hardware.products import known_products
from aimlib.selection.entries import read_entry
from aimlib.selection.select import select
from tests.aimlib.make import configuration, endpoint, raw_recipe

X9 = {"name": "X9", "vendor": "nvidia", "architecture": "sm_90", "memoryGiB": 80, "bandwidthTBs": 4}
OWN = Config.model_validate({"hardware": [X9 | {"tflops": {"bf16": 900}}], "gpuHourPrices": {"X9": 1.5}})
NONE = Config()
"""Where X9 is in no table."""
DEVICE = {"product": "X9", "vendor": "nvidia", "architecture": "sm_90", "resource": "nvidia.com/gpu"}
CLUSTER = InventoryStatus.model_validate(
    {"classes": [DEVICE | {"memoryGiB": 80.4, "devicesPerNode": 8, "nodes": 1, "total": 8}]}
)
"""What the label of its memory has is a little more than what is published."""
FIGURE = {"workload": "w", "source": "s", "inputTokens": 1024, "outputTokens": 512, "concurrency": 32}


def terms(config, *configurations, **asked):
    """The score of a recipe for X9, in words."""
    raw = raw_recipe(*(configurations or (configuration(2),)), hardware="X9")
    entry = read_entry("x9", raw, known_products(config.hardware))
    [only] = select(endpoint(**asked), [entry], CLUSTER, config).selection.candidates
    return {term.name: term.value for term in only.score}


def test_its_speed_is_predicted():
    assert terms(NONE)["speed"] == "no prediction"
    assert " tokens/s per GPU (predicted; " in terms(OWN)["speed"]


def test_its_memory_is_what_is_published():
    assert " of 73.6 GiB per device" in terms(OWN)["memory"]
    assert " of 74.0 GiB per device" in terms(NONE)["memory"]


def test_its_price_counts():
    assert "at 1.5 per GPU hour" in terms(OWN, recipe={"goal": "cost"})["cost"]


def test_its_published_figures_are_taken():
    measured = configuration(2, measurements=[{**FIGURE, "tokensPerSecond": 1000}])
    assert terms(OWN, measured)["speed"].startswith("500 tokens/s per GPU (published: w; s; ")


@pytest.mark.parametrize("config", [OWN, NONE], ids=["of the settings", "of no table"])
def test_nothing_is_derived_in_place_of_its_recipe(config):
    table = known_products(config.hardware)
    recipe = read_entry("own", raw_recipe(hardware="x9"), table)
    other = read_entry("h100", raw_recipe(hardware="H100"), table)
    assert derived_entries([recipe, other], (), CLUSTER.classes, config) == ()
    assert {one.spec.hardware for one in derived_entries([other], (), CLUSTER.classes, config)} == {"X9"}
