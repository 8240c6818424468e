"""Answers are remembered by the versions of what they are about, and computed anew for any other version."""

from concurrent.futures import ThreadPoolExecutor
from weakref import ref

import pytest

from aimlib.memo import Memo, memoized, once_per_value, versions


def counted(memo, key, calls):
    def compute():
        calls.append(key)
        return f"answer to {key}"

    return memoized(memo, key, compute)


def test_an_answer_is_computed_once():
    memo, calls = Memo(2), []
    assert [counted(memo, "a", calls) for _ in range(3)] == ["answer to a"] * 3
    assert calls == ["a"]


def test_without_a_key_nothing_is_remembered():
    memo, calls = Memo(2), []
    assert [counted(memo, None, calls) for _ in range(2)] == ["answer to None"] * 2
    assert len(calls) == 2
    assert not memo.results


def test_the_answer_that_was_not_used_longest_is_forgotten_first():
    memo, calls = Memo(2), []
    for key in ("a", "b", "a", "c", "a", "b"):
        counted(memo, key, calls)
    assert calls == ["a", "b", "c", "b"]
    assert len(memo.results) == 2


def test_heavy_answers_are_forgotten_sooner():
    memo, calls = Memo(10, weigh=len, room=25), []  # each weighs 11
    for key in ("a", "b", "c", "b", "a"):
        counted(memo, key, calls)
    assert calls == ["a", "b", "c", "a"]
    assert memo.results.keys() == memo.weights.keys() == {"a", "b"}


def test_an_answer_that_is_too_heavy_is_not_remembered():
    memo, calls = Memo(10, weigh=len, room=10), []
    assert [counted(memo, "a", calls) for _ in range(2)] == ["answer to a"] * 2
    assert len(calls) == 2
    assert not memo.results


def test_a_failure_is_not_remembered():
    memo = Memo(2)
    with pytest.raises(ZeroDivisionError):
        memoized(memo, "a", lambda: 1 // 0)
    assert memoized(memo, "a", lambda: 1) == 1


def test_threads_get_the_answer_to_their_own_question():
    memo, calls = Memo(3), []
    keys = [number % 7 for number in range(700)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda key: counted(memo, key, calls), keys))
    assert answers == [f"answer to {key}" for key in keys]
    assert len(memo.results) == 3


def test_a_version_is_a_uid_with_a_resource_version():
    first, second = ({"metadata": {"uid": uid, "resourceVersion": "1"}} for uid in "ab")
    assert versions([first, second]) == (("a", "1"), ("b", "1"))
    assert versions([]) == ()


@pytest.mark.parametrize("metadata", [{}, {"uid": "a"}, {"resourceVersion": "1"}])
def test_an_object_from_a_file_has_no_version(metadata):
    named = {"metadata": {"uid": "a", "resourceVersion": "1"}}
    assert versions([named, {"metadata": metadata}]) is None


class Value:
    """A value that equals any other, and can be forgotten."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return isinstance(other, Value)

    __hash__ = None


def test_a_value_has_its_own_result_for_as_long_as_it_is_kept():
    calls = []

    @once_per_value
    def tenfold(value):
        calls.append(value.number)
        return [10 * value.number]

    one, other = Value(1), Value(2)
    assert tenfold(one) is tenfold(one)
    assert (tenfold(one), tenfold(other)) == ([10], [20])
    assert calls == [1, 2]
    assert tenfold.__name__ == "tenfold"


def test_nothing_is_kept_of_values_that_are_gone():
    computed = once_per_value(lambda value: Value(value.number))
    kept = Value(-1)
    results = [ref(computed(Value(number))) for number in range(100)]
    assert computed(kept) is computed(kept)
    assert [one for one in results if one() is not None] == []
