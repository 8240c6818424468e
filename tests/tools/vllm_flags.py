"""The command line of `vllm serve`, read from the source of its argument parser.

vLLM makes its arguments in three ways, all followed here: calls of add_argument, whose keywords are often computed by
get_kwargs(SomeConfig)["field"] from the annotation and default of a configuration's field; loops over the fields of the
frontend's arguments; and a few lines that change such keywords before they are used.
"""

import ast
from collections.abc import Iterator

from annotations import Hint, hints
from wheel_source import UnreadableError, WheelSource

ENGINE = "vllm.engine.arg_utils"
FRONTEND = "vllm.entrypoints.common.cli_args"
Keywords = dict[str, object]

# What a converter of the program stands for. A converter that folds case and separators is known by its text.
CONVERTERS = {
    "str": "str",
    "int": "int",
    "float": "float",
    "json.loads": "json",
    "optional_type(json.loads)": "json",
    "optional_type(str)": "str",
    "parse_reasoning_parser": "str",
    "lambda s: s.lower().replace('-', '_')": "fold",
}
# Fields whose configuration refuses at start what its annotation lets through the parser.
CLOSED = {"cache_dtype"}
SKIPPED = {"help", "metavar", "dest", "const"}


class Field:
    """One field of a configuration, as the keywords that get_kwargs computes from it."""

    def __init__(self, source: WheelSource, module: str, node: ast.AnnAssign):
        self.source, self.module, self.node = source, module, node

    def keywords(self) -> Keywords:
        members = hints(self.source, self.module, self.node.annotation)
        found = self.typed(self.node.target.id, members)
        if Hint("None") in members and not any(member.kind == "bool" for member in members):
            found["none"] = True
        default = default_of(self.source, self.module, self.node.value)
        return found if default is None else {**found, "default": default}

    def typed(self, name: str, members: list[Hint]) -> Keywords:  # noqa: PLR0911 - one for each kind of type
        kinds = {member.kind: member for member in members}
        if "dataclass" in kinds:
            return {"type": "object"}
        if set(kinds) == {"bool", "str", "None"}:
            return {"type": "str", "nargs": "?"}
        if "bool" in kinds:
            return {"action": "optional"}
        if literal := kinds.get("Literal"):
            return self.choice(literal, open_ended="str" in kinds and name not in CLOSED)
        for kind in ("tuple", "list", "set"):
            if sequence := kinds.get(kind):
                return self.sequence(kind, sequence)
        if "int" in kinds:
            return self.integer(name)
        if "float" in kinds:
            return {"type": "float"}
        if "dict" in kinds:
            return {"type": "text_or_json" if {"str", "class"} & set(kinds) else "json"}
        return {"type": "str"}

    def choice(self, literal: Hint, *, open_ended: bool) -> Keywords:
        kind = type(literal.options[0]).__name__
        return {"type": kind} if open_ended else {"type": kind, "choices": sorted(literal.options)}

    def sequence(self, kind: str, sequence: Hint) -> Keywords:
        fixed = kind == "tuple" and "..." not in sequence.options
        members = [item for item in sequence.items if item.kind != "None"]
        element = {"type": "str"} if len(members) > 1 else self.typed("", members)
        return {**element, "nargs": sequence.options[0] if fixed else "+"}

    def integer(self, name: str) -> Keywords:
        sizes = self.source.value(ENGINE, local_set(self.source, "_compute_kwargs", "human_readable_int_args"))
        if name == "max_model_len":
            return {"type": "size", "auto": True}
        return {"type": "size" if name in sizes else "int"}


def local_set(source: WheelSource, function: str, variable: str) -> ast.AST:
    """The value given to a variable inside a function of the engine's module."""
    body = source.find(ENGINE, function).node
    for node in ast.walk(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if name == variable:
                return node.value
    raise UnreadableError(f"{variable} in {function}")


def default_of(source: WheelSource, module: str, node: ast.AST | None) -> object:
    """A default as far as it is constant; None for none and for one that is computed."""
    match node:
        case None:
            return None
        case ast.Call(func=ast.Name(id="Field"), args=[first, *_]):
            return default_of(source, module, first)
        case ast.Call(func=ast.Name(id="Field" | "field"), keywords=keywords):
            given = next((keyword.value for keyword in keywords if keyword.arg == "default"), None)
            return default_of(source, module, given)
        case _:
            try:
                value = source.value(module, node)
            except (UnreadableError, SyntaxError):
                return None
            return value if isinstance(value, bool | int | float | str) else None


class Registration:
    """Executes what adds arguments: assignments to keywords, deletions from them, and add_argument itself."""

    def __init__(self, source: WheelSource, module: str, variables: dict[str, object] | None = None):
        self.source, self.module = source, module
        self.variables = variables or {}
        self.flags: dict[str, Keywords] = {}

    def fields(self, class_name: str) -> dict[str, Field]:
        found = self.source.find(self.module, class_name)
        inherited: dict[str, Field] = {}
        for base in found.node.bases:
            if isinstance(base, ast.Name):
                inherited |= Registration(self.source, found.module).fields(base.id)
        return inherited | {
            node.target.id: Field(self.source, found.module, node)
            for node in found.node.body
            if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation)
        }

    def run(self, body: list[ast.stmt]) -> None:
        for node in body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    self.variables[name] = self.evaluate(node.value)
                case ast.Assign(targets=[ast.Subscript() as target]) | ast.AugAssign(target=ast.Subscript() as target):
                    self.evaluate(target.value)[self.evaluate(target.slice)] = self.evaluate(node.value)
                case ast.Delete(targets=targets):
                    for target in targets:
                        self.evaluate(target.value).pop(self.evaluate(target.slice), None)
                case ast.If():
                    self.run(node.body)
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add_argument")) as call):
                    self.add(call)
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="remove"), args=[gone])):
                    self.evaluate(owner).remove(self.source.value(self.module, gone))
                case _:
                    pass

    def evaluate(self, node: ast.AST) -> object:
        """Variables, fields of configurations, constants and mappings; any other expression stays an expression."""
        match node:
            case ast.Call(func=ast.Name(id="get_kwargs"), args=[ast.Name(id=name)]):
                return LazyKeywords(self.fields(name))
            case ast.Name(id=name) if name in self.variables:
                return self.variables[name]
            case ast.Subscript():
                return self.evaluate(node.value)[self.evaluate(node.slice)]
            case ast.Constant():
                return node.value
            case ast.Dict():
                found: Keywords = {}
                for key, value in zip(node.keys, node.values, strict=True):
                    found |= self.evaluate(value) if key is None else {self.evaluate(key): self.evaluate(value)}
                return found
            case _:
                return node

    def add(self, call: ast.Call) -> None:
        names = [name.value for name in call.args if isinstance(name, ast.Constant)]
        keywords: Keywords = {}
        for keyword in call.keywords:
            value = self.evaluate(keyword.value)
            keywords |= value if keyword.arg is None else {keyword.arg: value}
        if names[0].startswith("-"):
            self.register(names, keywords)

    def register(self, names: list[str], keywords: Keywords) -> None:
        name = next(name for name in names if name.startswith("--"))
        aliases = [other for other in names if other != name]
        self.flags[name] = {"aliases": aliases, **self.plain(name, keywords)}

    def plain(self, name: str, keywords: Keywords) -> Keywords:
        """Keywords as they go into the data file: no expressions, no texts."""
        found: Keywords = {}
        for key, value in keywords.items():
            if key in SKIPPED or value is None:
                continue
            if not isinstance(value, ast.AST):
                found |= ACTIONS.get(value, {}) if key == "action" else {key: value}
            elif key == "default":
                default = default_of(self.source, self.module, value)
                found |= {} if default is None else {"default": default}
            elif key == "choices":
                found |= {"choices": self.choices(name, value)}
            else:
                found |= self.expression(ast.unparse(value))
        converter = keywords.get("type")
        if isinstance(converter, ast.AST) and not ast.unparse(converter).startswith("optional_type("):
            found.pop("none", None)  # the converter of the annotation, which it replaces, knew None
        return found

    def choices(self, name: str, node: ast.AST) -> list[object]:
        match node:
            case ast.Call(func=ast.Name(id="get_args"), args=[ast.Name(id=alias)]):
                found = self.source.find(self.module, alias)
                return list(hints(self.source, found.module, found.node)[0].options)
            case ast.BinOp(left=ast.List() as always) if name == "--mm-processor-device":
                return [*self.source.value(self.module, always), "cuda"]  # plus the name of the accelerator, if any
            case _:
                return self.source.value(self.module, node)

    def expression(self, text: str) -> Keywords:
        if text in CONVERTERS:
            converter = CONVERTERS[text]
            return {"fold": True} if converter == "fold" else {"type": converter}
        if text.startswith("lambda"):
            return {"type": "str"}  # splits the text; any text is legal
        if text in ACTIONS:
            return ACTIONS[text]
        raise UnreadableError(text)


ACTIONS: dict[str, Keywords] = {
    "store_true": {"type": "bool", "style": "store_true"},
    "optional": {"type": "bool", "style": "optional"},
    "argparse.BooleanOptionalAction": {"type": "bool", "style": "optional"},
    "append": {"repeat": True},
    "LoRAParserAction": {},
    "DeprecatedLogConfigFileAction": {},
}


class LazyKeywords(dict[str, Keywords]):
    """A configuration's fields; only those that are asked for need a type that can be told."""

    def __init__(self, fields: dict[str, Field]):
        super().__init__()
        self.fields = fields

    def __missing__(self, name: str) -> Keywords:
        self[name] = self.fields[name].keywords()
        return self[name]


def function(source: WheelSource, module: str, owner: str, name: str) -> list[ast.stmt]:
    """The body of a method."""
    members = source.find(module, owner).node.body
    return next(node.body for node in members if isinstance(node, ast.FunctionDef) and node.name == name)


def frontend(source: WheelSource) -> Iterator[tuple[str, Keywords]]:
    """The arguments of the HTTP server: one for each field, after the changes that both classes make."""
    registration = Registration(source, FRONTEND)
    keywords = LazyKeywords(registration.fields("FrontendArgs"))
    registration.variables["frontend_kwargs"] = keywords
    for owner in ("BaseFrontendArgs", "FrontendArgs"):
        body = function(source, FRONTEND, owner, "_customize_cli_kwargs")
        registration.run([node for node in body if "super()" not in ast.unparse(node)])
    for name in keywords.fields:
        registration.register([f"--{name.replace('_', '-')}"], keywords[name])
    yield from registration.flags.items()


def flags(source: WheelSource) -> dict[str, Keywords]:
    """Every flag of `vllm serve` with its keywords, in plain data."""
    found = dict(frontend(source))
    for module, body in (
        (FRONTEND, source.find(FRONTEND, "make_arg_parser").node.body),
        (ENGINE, function(source, ENGINE, "EngineArgs", "add_cli_args")),
        (ENGINE, function(source, ENGINE, "AsyncEngineArgs", "add_cli_args")),
    ):
        registration = Registration(source, module)
        registration.run(body)
        found |= registration.flags
    return found
