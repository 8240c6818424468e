"""Remembered answers of pure functions about objects that have not changed since.

An object's uid and resourceVersion name its content, so an answer about the same versions is the same answer. Objects
without them, as in files, are never remembered.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Generic, TypeVar

from aimlib.api.meta import Raw

_T = TypeVar("_T")


class Memo(Generic[_T]):
    """The latest `size` answers by key."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.answers: OrderedDict[Hashable, _T] = OrderedDict()
        self.lock = Lock()


def versions(objects: Iterable[Raw]) -> tuple[tuple[str, str], ...] | None:
    """What names the content of these objects; None where one of them cannot be named."""
    names = tuple((one["metadata"].get("uid"), one["metadata"].get("resourceVersion")) for one in objects)
    return None if any(None in name for name in names) else names


def memoized(memo: Memo[_T], key: Hashable | None, compute: Callable[[], _T]) -> _T:
    """The answer for `key`, computed if it is not remembered; a key of None always computes."""
    if key is None:
        return compute()
    with memo.lock:
        if key in memo.answers:
            memo.answers.move_to_end(key)
            return memo.answers[key]
    answer = compute()
    with memo.lock:
        memo.answers[key] = answer
        while len(memo.answers) > memo.size:
            memo.answers.popitem(last=False)
    return answer
