"""The tree of errors: every exception of aimlib and hooks is in it, and in its table."""

import ast
import re
from collections import Counter

import pytest

from aimlib import errors
from tests.test_layers import MODULES

CLASSES = [
    (node.name, [ast.unparse(base).rpartition(".")[2] for base in node.bases])
    for path in MODULES.values()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef)
]
ERRORS = {name: bases for name, bases in CLASSES if any(re.search("(Error|Exception|Exit)$", base) for base in bases)}


def _ancestors(name: str) -> set[str]:
    return {name} | {found for base in ERRORS.get(name, ()) for found in _ancestors(base)}


@pytest.mark.parametrize("name", ERRORS)
def test_every_exception_is_an_aim_error(name):
    assert "AimError" in _ancestors(name)
    assert name.endswith("Error")


def test_no_two_exceptions_have_the_same_name():
    counts = Counter(name for name, _ in CLASSES)
    assert {name for name in ERRORS if counts[name] > 1} == set()


def test_the_table_lists_every_exception_below_its_parent():
    rows = re.findall(r"^\| (- )?(\w+Error) ", str(errors.__doc__), re.MULTILINE)
    assert sorted(name for _, name in rows) == sorted(ERRORS)
    parent = "AimError"
    for nested, name in rows:
        parent = parent if nested else name
        assert (parent if nested else "AimError") in _ancestors(name)
