"""Reports about the facts of a model: whoever may write the ConfigMap may write anything."""

import json

import pytest

from aimlib.derive.inspection_reports import inspection_key, read_inspection
from tests.aimlib.make import SMALL_FACTS as FACTS

FOUND = {
    "id": "acme/mine",
    "revision": "main",
    "state": "Found",
    "commit": "3f1c",
    "foundAt": "2026-11-23T11:58:00Z",
    "facts": FACTS,
}
KEY = inspection_key("acme/mine", "main")


def read(text):
    return read_inspection({KEY: text}, "acme/mine", "main")


def test_a_report_is_read():
    assert read(json.dumps(FOUND)).facts.layers == 36
    assert read(json.dumps({**FOUND, "state": "Reading", "facts": None})).state == "Reading"
    assert read_inspection({}, "acme/mine", "main") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "acme/other"},
        {"revision": "v2"},
        {"state": "Done"},
        {"commit": None},
        {"foundAt": None},
        {"foundAt": "2026-02-31T00:00:00Z"},
        {"facts": None},
        {"facts": {**FACTS, "layers": 0}},
        {"facts": {**FACTS, "hiddenSize": 10**400}},
        {"facts": {**FACTS, "linearAttention": {"layers": 1, "stateKiB": 1e300}}},
        {"facts": {**FACTS, "weightsGiB": float("nan")}},
        {"facts": {**FACTS, "headDim": None}},
        {"facts": {**FACTS, "latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64}}},
        {"facts": {**FACTS, "slidingWindow": {"layers": 37, "tokens": 4096}}},
        {"message": "x" * 5000},
    ],
    ids=str,
)
def test_what_is_not_whole_or_beyond_bounds_is_none(changes):
    assert read(json.dumps({**FOUND, **changes})) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 10_000, "null", '"x"', 5, " " * (1 << 18)], ids=lambda text: str(text)[:5]
)
def test_what_is_no_report_is_none(text):
    assert read(text) is None


def test_control_characters_are_left_out():
    found = read(json.dumps({**FOUND, "state": "Failed", "message": "no\x1b[31m way\nhere"}))
    assert found.message == "no[31m way here"
