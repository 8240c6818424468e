"""Many broken, odd and spoiled bodies to the hooks; `make mutation` sends more, and others each time."""

import re
from random import Random

import pytest

from aimlib.api import API_VERSION
from tests import schema
from tests.mutation.judge import run
from tests.mutation.requests import KINDS
from tests.mutation.valid import text_of, value_of

BODIES = 6_000
SEED = 11


@pytest.mark.slow
def test_no_body_brings_down_a_hook_loses_a_child_or_has_two_answers():
    report = run(BODIES, SEED)
    assert report.findings == []
    assert min(report.codes["broken", 200], report.codes["broken", 400]) > BODIES // 50, "broken too much or little"
    assert report.codes["another object", 200] > BODIES // 10


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_from_a_schema_is_what_the_api_server_takes(kind):
    """By the reader of schemas that the golden cases are checked with; only rules between fields may refuse it."""
    whole = schema.schema(API_VERSION, kind)["properties"]
    for number in range(50):
        chance = Random(f"{kind}/{number}")  # noqa: S311 - to be made again
        for part in {"spec", "status"} & whole.keys():
            made = value_of(chance, whole[part], chance.choice((0.05, 0.5, 0.9)))
            assert [*schema.objections(made, whole[part])] == [], number


@pytest.mark.parametrize(
    "pattern", [r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", r"^([0-9]{1,5}(h|m|s|ms)){1,4}$", r"^https?://[^\s]+$", r"^/"]
)
def test_texts_match_the_expression_that_they_are_drawn_from(pattern):
    chance = Random(pattern)  # noqa: S311 - to be made again
    made = {text_of(chance, pattern) for _ in range(200)}
    assert all(re.search(pattern, text) for text in made)
    assert len(made) > 1 or pattern == "^/"
