"""A type annotation taken apart into the plain hints that an argument parser is built from."""

import ast
from typing import NamedTuple

from wheel_source import UnreadableError, WheelSource

SPELLED = {"Optional", "Union", "Literal", "Annotated", "List", "Dict", "Tuple", "Set", "Sequence", "Callable"}
GENERIC = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set"}


class Hint(NamedTuple):
    """One member of a union: a builtin's name, `Literal`, `dataclass`, or `class` for anything else with a name."""

    kind: str
    options: tuple[object, ...] = ()
    items: tuple["Hint", ...] = ()


def hints(source: WheelSource, module: str, node: ast.AST) -> list[Hint]:
    """The members of the union that an annotation stands for; aliases are followed, None is a member of its own."""
    match node:
        case ast.Constant(value=None):
            return [Hint("None")]
        case ast.Constant(value=str(text)):
            return hints(source, module, ast.parse(text, mode="eval").body)
        case ast.BinOp(op=ast.BitOr()):
            return [*hints(source, module, node.left), *hints(source, module, node.right)]
        case ast.Subscript(value=ast.Name(id=name)):
            return generic(source, module, name, node.slice)
        case ast.Name(id=name):
            return named(source, module, name)
        case ast.Attribute():
            return [Hint("class")]
        case _:
            raise UnreadableError(ast.unparse(node))


def generic(source: WheelSource, module: str, name: str, inner: ast.AST) -> list[Hint]:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    match name:
        case "Optional":
            return [*hints(source, module, inner), Hint("None")]
        case "Union":
            return [hint for part in parts for hint in hints(source, module, part)]
        case "Annotated":
            return hints(source, module, parts[0])
        case "Literal":
            return [Hint("Literal", tuple(option for part in parts for option in options(source, module, part)))]
        case _ if (kind := GENERIC.get(name, name)) in {"list", "dict", "tuple", "set"}:
            known = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is ...)]
            variadic = ("...",) if len(known) < len(parts) else ()
            first = tuple(hints(source, module, known[0])) if kind != "dict" else ()
            return [Hint(kind, (len(known), *variadic), first)]
        case _:
            return [Hint("class")]


def options(source: WheelSource, module: str, node: ast.AST) -> list[object]:
    """The values of a Literal's member, which may be another Literal by name or a member of an enumeration."""
    if isinstance(node, ast.Name):
        found = source.find(module, node.id)
        (literal,) = hints(source, found.module, found.node)
        return list(literal.options)
    return [source.value(module, node)]


def named(source: WheelSource, module: str, name: str) -> list[Hint]:
    found = source.find(module, name)
    match found.node:
        case ast.Name(id=plain) if found.module == "builtins" or plain in SPELLED or not source.file_of(found.module):
            return [Hint(plain if found.module == "builtins" else "class")]
        case ast.ClassDef() as definition:
            return [Hint(class_kind(definition))]
        case ast.Module():
            return [Hint("class")]
        case alias:
            return hints(source, found.module, alias)


def class_kind(definition: ast.ClassDef) -> str:
    """`dataclass` for one by any decorator of that kind, `dict` for a subclass of dict, else `class`."""
    if any("dataclass" in text or text.startswith("config") for text in map(ast.unparse, definition.decorator_list)):
        return "dataclass"
    bases = [ast.unparse(base) for base in definition.bases]
    return "dict" if any(base.split("[")[0] == "dict" for base in bases) else "class"
