"""What StartsFast tells of each part of a start."""

import pytest

from aimlib.api.startup import Startup
from hooks.endpoint.startup import SHORTER, USE_CACHE, starts_fast


def found(**parts):
    total = sum(parts.values())
    return Startup.model_validate({"p50Seconds": total, "p90Seconds": total, "count": 3, "parts": parts})


def message(startup, target, *, cached=True):
    [verdict] = starts_fast(startup, target, cached=cached)
    return verdict.reason, verdict.message


def test_before_the_first_start_there_is_no_condition():
    assert list(starts_fast(None, 600, cached=True)) == []


@pytest.mark.parametrize(("target", "reason"), [(100, "Fast"), (99, "Slow")])
def test_the_target_itself_is_fast(target, reason):
    assert message(found(load=60, image=40), target)[0] == reason


@pytest.mark.parametrize("part", SHORTER)
def test_the_largest_part_is_named_with_what_shortens_it(part):
    others = {one: 1 for one in SHORTER if one != part}
    what, shorter = SHORTER[part]
    words = message(found(**others, **{part: 900}), 600)[1]
    took, most = words.split(": ")
    assert took == "nine in ten of the last 3 starts took at most 15m 3s of 10m"
    assert most == f"{what} takes most of it, 15m; shorter with {shorter}"


def test_a_model_that_each_replica_downloads_is_for_a_cache():
    assert message(found(load=900), 600, cached=False)[1].endswith(USE_CACHE)
    assert USE_CACHE not in message(found(image=900), 600, cached=False)[1]
