"""A shutdown flag in memory shared by the workers."""

import mmap

flag = mmap.mmap(-1, 1)
"""One byte, shared with the workers by fork."""


def begin() -> None:
    """Sets the flag for all processes."""
    flag[0] = 1


def has_begun() -> bool:
    """Whether the shutdown has begun."""
    return flag[0] == 1
