"""Memoization of pure functions: of Kubernetes objects by their versions, and of values that many calls share.

An object's uid and resourceVersion identify its content, so a result for the same versions stays valid. Results for
objects without them are not stored.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from functools import wraps
from threading import Lock
from typing import Generic, TypeVar
from weakref import ref

from aimlib.api.meta import Raw

_T = TypeVar("_T")
_V = TypeVar("_V")


class Memo(Generic[_T]):
    """The `size` results that were used last, by key; fewer where they weigh more than `room` together."""

    def __init__(self, size: int, weigh: Callable[[_T], int] = lambda _: 0, room: int = 0) -> None:
        self.size, self.weigh, self.room = size, weigh, room
        self.results: OrderedDict[Hashable, _T] = OrderedDict()
        self.weights: dict[Hashable, int] = {}
        self.weight = 0
        self.lock = Lock()

    def stored(self, key: Hashable) -> _T | None:
        """The result for a key; None where there is none."""
        with self.lock:
            return self.results.get(key)

    def store(self, key: Hashable, result: _T) -> None:
        """Stores a result, and forgets those that were not used longest."""
        weight = self.weigh(result)
        with self.lock:
            self.weight += weight - self.weights.get(key, 0)
            self.results[key], self.weights[key] = result, weight
            self.results.move_to_end(key)
            while len(self.results) > self.size or self.weight > self.room:
                forgotten, _ = self.results.popitem(last=False)
                self.weight -= self.weights.pop(forgotten)


def versions(objects: Iterable[Raw]) -> tuple[tuple[str, str], ...] | None:
    """The uids and versions of objects; None where one of them has none."""
    found = tuple((item["metadata"].get("uid"), item["metadata"].get("resourceVersion")) for item in objects)
    return None if any(None in version for version in found) else found


def memoized(memo: Memo[_T], key: Hashable | None, compute: Callable[[], _T]) -> _T:
    """The result for `key`, computed if it is not stored; with a key of None always computed, and not stored."""
    if key is None:
        return compute()
    with memo.lock:
        if key in memo.results:
            memo.results.move_to_end(key)
            return memo.results[key]
    result = compute()
    memo.store(key, result)
    return result


def once_per_value(compute: Callable[[_V], _T]) -> Callable[[_V], _T]:
    """`compute`, which is called once for each immutable value, and whose result is kept as long as the value is.

    Values are told apart by identity: none is hashed or compared. The result must not hold the value itself.
    """
    found: dict[int, tuple[ref[_V], _T]] = {}

    @wraps(compute)
    def once(value: _V) -> _T:
        key = id(value)
        known = found.get(key)
        if known is not None and known[0]() is value:
            return known[1]
        result = compute(value)
        # Called before the memory of the value is given to another one, which may have the same id.
        found[key] = ref(value, lambda _: found.pop(key, None)), result
        return result

    return once
