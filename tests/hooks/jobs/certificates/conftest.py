"""What the program logs."""

from tests.hooks.conftest import lines

__all__ = ["lines"]
