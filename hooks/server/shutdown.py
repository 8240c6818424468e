"""The word, shared by the hook server's processes, that it stops soon and should be sent nothing more."""

import mmap

word = mmap.mmap(-1, 1)
"""One byte that the workers share with the process that they were forked from."""


def begin() -> None:
    """Say so, to all processes at once."""
    word[0] = 1


def begun() -> bool:
    """Whether it was said."""
    return word[0] == 1
