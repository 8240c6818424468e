"""The reasons that the code can give, found in its source: what flows into the constructors that take one."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.kustomize import ROOT

CONSTRUCTORS = {
    "Verdict": (0, 2),
    "PodFailure": (None, 0),
    "DerivedState": (None, 1),
    "Metrics": (None, None),
    "Condition": (None, None),
}
"""By name: the positions of the condition's type and of the reason, where they are not given by keyword."""
FIELDS = {"PodFailure": "Available", "DerivedState": "status.cachedModels.reason", "Metrics": "status.metrics.reason"}
"""Where the reason ends that comes without the type of a condition."""
KINDS = {
    "hooks/endpoint": "AIMEndpoint",
    "aimlib/diagnosis": "AIMEndpoint",
    "aimlib/telemetry": "AIMEndpoint",
    "hooks/cache": "AIMCache",
    "hooks/gateway": "AIMGateway",
    "hooks/recipe.py": "AIMRecipe",
    "hooks/model.py": "AIMModel",
}
"""Whose reasons a folder or module gives."""


class Literal(NamedTuple):
    """A reason in the source, or a row of the table; the place is a condition or a field."""

    kind: str
    place: str
    reason: str


def literals() -> tuple[set[Literal], set[str]]:
    """Every reason that stands in the source, and, as `module: expression`, where reasons come from elsewhere."""
    found: set[Literal] = set()
    elsewhere: set[str] = set()
    for where, kind in KINDS.items():
        for path in sorted((ROOT / where).rglob("*.py")) if (ROOT / where).is_dir() else [ROOT / where]:
            module = str(path.relative_to(ROOT))
            for place, value in _given(path):
                if value.startswith("?"):
                    elsewhere.add(f"{module}: {value[1:]}")
                else:
                    found.add(Literal(kind, place, value))
    return found, elsewhere


def returned(path: Path, function: str) -> set[str]:
    """The reasons that a function returns as the first of a pair."""
    tree = _tree(path)
    return {value for value in _Source(tree).returned(function, 0) if value and not value.startswith("?")}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _given(path: Path) -> Iterator[tuple[str, str]]:
    """The place and the reason of each call of a constructor, for each value that may be there."""
    source = _Source(_tree(path))
    for function in source.functions.values():
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if name not in CONSTRUCTORS:
                continue
            of_type, of_reason = CONSTRUCTORS[name]
            reason = _argument(call, of_reason, "reason")
            kind = _argument(call, of_type, "type")
            places = set(source.values(kind, function)) if kind is not None else {FIELDS[name]}
            for value in source.values(reason, function) if reason is not None else ():
                yield from ((place, value) for place in places if value)


def _argument(call: ast.Call, position: int | None, keyword: str) -> ast.expr | None:
    named = next((one.value for one in call.keywords if one.arg == keyword), None)
    return call.args[position] if named is None and position is not None and len(call.args) > position else named


class _Source:
    """One module; what an expression in one of its functions may be worth."""

    def __init__(self, tree: ast.Module) -> None:
        self.functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    def returned(self, name: str, place: int) -> Iterator[str]:
        """What a function may return, at a place of the tuple."""
        function = self.functions[name]
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                yield from self.values(node.value, function, place)

    def values(self, node: ast.expr, function: ast.FunctionDef, place: int | None = None) -> Iterator[str]:
        """The texts that it may be; `?` and the expression for what is not made here. `place`: of a tuple."""
        pending, known = [(node, place)], set()
        while pending:
            one, at = pending.pop()
            if (one, at) in known:  # the row of a table may name what a loop over it is bound to
                continue
            known.add((one, at))
            match one:
                case ast.Constant():
                    yield str(one.value or "")
                case ast.IfExp():
                    pending += [(one.body, at), (one.orelse, at)]
                case ast.BoolOp():
                    pending += [(value, at) for value in one.values]
                case ast.Tuple() if at is not None:
                    pending.append((one.elts[at], None))
                case ast.Call(func=ast.Name(id="next"), args=[ast.GeneratorExp(elt=element), *_]):
                    pending.append((element, at))
                case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                    yield from self.returned(name, at or 0)
                case ast.Name(id=name) if bound := [*self._bound(name, function)]:
                    pending += bound
                case _:
                    yield f"?{ast.unparse(one)}"

    @staticmethod
    def _bound(name: str, function: ast.FunctionDef) -> Iterator[tuple[ast.expr, int | None]]:
        """What is assigned to a name: an expression, and the place in it where that is a tuple."""
        tables = {
            node.targets[0].id: node.value.elts
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            if isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Tuple)
        }
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    yield value, None
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=value) if name in _names(names):
                    place = _names(names).index(name)
                    yield (value.elts[place], None) if isinstance(value, ast.Tuple) else (value, place)
                case (
                    ast.For(target=ast.Tuple(elts=names), iter=ast.Name(id=table))
                    | ast.comprehension(target=ast.Tuple(elts=names), iter=ast.Name(id=table))
                ) if name in _names(names):
                    yield from ((row, _names(names).index(name)) for row in tables.get(table, ()))


def _names(targets: list[ast.expr]) -> list[str]:
    return [ast.unparse(target) for target in targets]
