"""A published wheel as source to read: its modules as syntax trees, names followed across modules, nothing imported."""

import ast
import hashlib
import operator
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

OPERATORS = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Pow: operator.pow}
BUILTINS = {"bool", "int", "float", "str", "list", "dict", "tuple", "set", "type", "None", "Any"}


class UnreadableError(Exception):
    """An expression that only running the program would settle."""


class Definition(NamedTuple):
    """Where a name is defined: its module, and the class or value."""

    module: str
    node: ast.AST


def is_class(definition: Definition | None) -> bool:
    """Whether a name stands for a class, which stays readable when the program wraps it under the same name."""
    return definition is not None and isinstance(definition.node, ast.ClassDef)


def download(requirement: str, python: str) -> Path:
    """The wheel of `package==version`, fetched by pip for that Python into a folder that the system cleans up."""
    folder = tempfile.mkdtemp(prefix="engine-flags-")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    if subprocess.run([*command, "--python-version", python, "--dest", folder, requirement], check=False).returncode:
        raise SystemExit(f"pip found no wheel of {requirement} for Python {python}")
    return next(Path(folder).glob("*.whl"))


class WheelSource:
    """Reads modules out of a wheel file, each parsed once."""

    def __init__(self, path: Path):
        self.path = path
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self.archive = zipfile.ZipFile(path)
        self.files = set(self.archive.namelist())
        self.cache: dict[str, dict[str, Definition]] = {}

    def file_of(self, module: str) -> str | None:
        stem = module.replace(".", "/")
        return next((name for name in (f"{stem}.py", f"{stem}/__init__.py") if name in self.files), None)

    def modules_in(self, package: str) -> list[str]:
        folder = package.replace(".", "/") + "/"
        names = [name for name in self.files if name.startswith(folder) and name.endswith(".py")]
        return sorted(name[:-3].replace("/", ".") for name in names if name.count("/") == folder.count("/"))

    def names(self, module: str) -> dict[str, Definition]:
        """What the names at the top of a module stand for; what only type checkers see counts last."""
        if module not in self.cache:
            file = self.file_of(module)
            if file is None:
                raise UnreadableError(f"no module {module} in {self.path.name}")
            found: dict[str, Definition] = {}
            self.collect(module, ast.parse(self.archive.read(file)).body, found)
            self.cache[module] = found
        return self.cache[module]

    def collect(self, module: str, body: list[ast.stmt], found: dict[str, Definition]) -> None:
        for node in body:
            match node:
                case ast.ClassDef() | ast.FunctionDef():
                    found[node.name] = Definition(module, node)
                case ast.Assign(targets=[ast.Name(id=name)]) if not is_class(found.get(name)):
                    found[name] = Definition(module, node.value)
                case ast.AnnAssign(target=ast.Name(id=name)) if node.value:
                    found[name] = Definition(module, node.value)
                case ast.ImportFrom(names=[ast.alias(name="*")]):
                    found |= self.names(self.absolute(module, node))
                case ast.ImportFrom():
                    for alias in node.names:
                        origin = Definition(self.absolute(module, node), ast.Name(alias.name))
                        found.setdefault(alias.asname or alias.name, origin)
                case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                    self.collect(module, node.orelse, found)
                    self.collect(module, [n for n in node.body if isinstance(n, ast.ImportFrom)], found)
                case _:
                    pass

    def absolute(self, module: str, node: ast.ImportFrom) -> str:
        """The module that an import names, its leading dots resolved."""
        parts = module.split(".")
        if (self.file_of(module) or "").endswith("__init__.py"):
            parts.append("")
        return ".".join([*parts[: -node.level], *([node.module] if node.module else [])]) if node.level else node.module

    def find(self, module: str, name: str) -> Definition:
        """The class or value behind a name, through every import in between."""
        if name in BUILTINS:
            return Definition("builtins", ast.Name(name))
        found = self.names(module).get(name)
        if found is None:
            submodule = f"{module}.{name}"
            if self.file_of(submodule):
                return Definition(submodule, ast.Module(body=[], type_ignores=[]))
            raise UnreadableError(f"{name} is not defined in {module}")
        if isinstance(found.node, ast.Name) and found.module != module:
            return self.find(found.module, found.node.id) if self.file_of(found.module) else found
        return found

    def value(self, module: str, node: ast.AST) -> object:  # noqa: PLR0911 - one for each kind of expression
        """A constant expression's value: literals, names of such, lists added up; UnreadableError for the rest."""
        match node:
            case ast.Constant():
                return node.value
            case ast.List() | ast.Tuple() | ast.Set():
                return [self.value(module, item) for item in node.elts]
            case ast.Dict() if all(node.keys):
                keys = [self.value(module, key) for key in node.keys]
                return dict(zip(keys, [self.value(module, item) for item in node.values], strict=True))
            case ast.UnaryOp(op=ast.USub()):
                return -self.value(module, node.operand)
            case ast.BinOp() if type(node.op) in OPERATORS:
                return OPERATORS[type(node.op)](self.value(module, node.left), self.value(module, node.right))
            case ast.Name():
                found = self.find(module, node.id)
                if isinstance(found.node, ast.Name) and found.node.id == node.id:
                    raise UnreadableError(f"{node.id} comes from outside the package")
                return self.value(found.module, found.node)
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
                return self.attribute(module, owner, attribute)
            case ast.Call(func=ast.Name(id="set" | "frozenset" | "list" | "tuple" | "sorted"), args=[argument]):
                return self.value(module, argument)
            case _:
                raise UnreadableError(ast.unparse(node))

    def attribute(self, module: str, owner: str, attribute: str) -> object:
        """A class attribute that is constant or lists its neighbours; an enumeration's member by its value."""
        found = self.find(module, owner)
        members: dict[str, ast.AST] = {}
        for node in getattr(found.node, "body", []):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if node.value:
                    members[name] = node.value
        match members.get(attribute):
            case None:
                raise UnreadableError(f"{owner}.{attribute}")
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [
                    self.attribute(module, owner, item.id)
                    if isinstance(item, ast.Name) and item.id in members
                    else self.value(found.module, item)
                    for item in items
                ]
            case node:
                return self.value(found.module, node)
