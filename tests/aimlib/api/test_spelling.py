"""Two spellings of one thing: either is enough, both must agree, and the work is done with one."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aimlib.api import cache, endpoint
from aimlib.api.cache import CacheSpec
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.spelling import MISSING, Spelling, agreement, lookup, one_spelling, spelling

VALUES = {
    "modelId": ("Qwen/Qwen3-32B", "microsoft/phi-4"),
    "gpuCount": (4, 0),
    "resources.gpuCount": (2, 1),
    "precision": ("fp8", "bfloat16"),
    "backend": ("sglang", "auto"),
    "autoSelect": (True, False),
    "size": ("100Gi", "64Gi"),
    "cachePath": ("/data", "/cache"),
    "cache.storage.size": ("100Gi", "64Gi"),
    "cache.storage.storageClass": ("fast", ""),
    "cache.storage.accessMode": ("ReadWriteMany", "ReadOnlyMany"),
    "cache.storage.mountPath": ("/data", "/cache"),
}
"""Two values of every field that has a twin."""
EVERY = [
    pytest.param(model, least, one, id=f"{'.'.join(one.path)} means {'.'.join(one.means)}")
    for model, least, table in (
        (EndpointSpec, {"modelId": "Qwen/Qwen3-32B"}, endpoint.ENDPOINT_SPELLINGS),
        (CacheSpec, {"size": "100Gi"}, cache.CACHE_SPELLINGS),
    )
    for one in table
]
PAIRS = [
    pytest.param(model, least, rule, id=rule.message.partition(" are ")[0])
    for model, least, table in (
        (EndpointSpec, {"modelId": "Qwen/Qwen3-32B"}, endpoint.ENDPOINT_SPELLINGS),
        (CacheSpec, {"size": "100Gi"}, cache.CACHE_SPELLINGS),
    )
    for rule in agreement(table)
]


def put(raw, path, value):
    """`raw` with a value at a dotted path."""
    result = deepcopy(raw)
    *outer, last = path.split(".")
    inner = result
    for step in outer:
        inner = inner.setdefault(step, {})
    inner[last] = value
    return result


def without(raw, one: Spelling):
    """The least spec, unless the field under test is its only content."""
    return {} if ".".join(one.path) in raw else raw


@pytest.mark.parametrize(("model", "least", "one"), EVERY)
def test_either_spelling_is_the_same_spec(model, least, one):
    for value in VALUES[".".join(one.path)]:
        rest = {**without(least, one), "gpuCount": 1, "precision": "fp8"} if one.path == ("autoSelect",) else least
        rest = without(rest, one)
        short, long = (put(rest, ".".join(path), value) for path in one)
        assert model.model_validate(short) == model.model_validate(long)
        assert model.model_validate(short) == model.model_validate({**short, **put(short, ".".join(one.means), value)})


@pytest.mark.parametrize(("model", "least", "rule"), PAIRS)
def test_two_different_values_are_refused_with_both_paths(model, least, rule):
    left, _, right = rule.message.partition(" are ")[0].partition(" and ")
    first, second = VALUES[left]
    with pytest.raises(ValidationError, match="are the same setting and have different values; keep one") as error:
        model.model_validate(put(put(least, left, first), right, second))
    assert f"{left} and {right} are" in str(error.value)


def test_every_pair_with_one_meaning_has_a_rule_also_two_short_ones():
    messages = [rule.message for rule in agreement(endpoint.ENDPOINT_SPELLINGS)]
    assert any(message.startswith("gpuCount and resources.gpuCount are") for message in messages)
    assert len(messages) == len(endpoint.ENDPOINT_SPELLINGS) + 1


@pytest.mark.parametrize(("model", "least", "rule"), PAIRS)
def test_the_cel_rule_asks_for_every_step_before_it_compares(model, least, rule):
    left, _, right = rule.message.partition(" are ")[0].partition(" and ")
    for path in (left, right):
        steps = path.split(".")
        for depth in range(1, len(steps) + 1):
            assert f"has(self.{'.'.join(steps[:depth])})" in rule.cel
    assert rule.cel.endswith(f"|| self.{left} == self.{right}")
    assert least
    assert model.rules


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
)
documents = st.dictionaries(st.sampled_from("abcd"), json_values, max_size=4)
TABLE = (spelling("a", "b.c"), spelling("d", "b.c"), spelling("b.a.d", "b.d"))


@given(documents)
def test_normalising_is_settled_the_first_time_and_changes_nothing_that_it_was_given(raw):
    before = deepcopy(raw)
    once = one_spelling(raw, TABLE)
    assert raw == before
    assert one_spelling(once, TABLE) == once
    assert not any(lookup(once, path) is not MISSING for path, _ in TABLE)


@given(documents)
def test_a_rule_holds_exactly_when_one_is_missing_or_both_are_equal(raw):
    for rule, (left, right) in zip(
        agreement(TABLE),
        [("a", "b.c"), ("a", "d"), ("d", "b.c"), ("b.a.d", "b.d")],
        strict=True,
    ):
        values = [lookup(raw, tuple(path.split("."))) for path in (left, right)]
        assert rule.holds(raw) == (MISSING in values or values[0] == values[1])


def test_what_stands_in_the_way_of_a_long_path_is_left_for_its_own_type_to_refuse():
    assert one_spelling({"a": 1, "b": "text"}, TABLE) == {"b": "text"}
    with pytest.raises(ValidationError, match=r"model\n.*valid dictionary"):
        EndpointSpec.model_validate({"modelId": "a/b", "model": "a/b"})


@pytest.mark.parametrize(
    ("path", "found"), [(("b", "c"), 1), (("b",), {"c": 1}), (("x",), MISSING), (("b", "c", "d"), MISSING)]
)
def test_a_value_is_looked_up_step_by_step(path, found):
    assert lookup({"b": {"c": 1}}, path) == found
