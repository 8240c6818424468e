"""The command line of `sglang.launch_server`, read from the source of its server arguments.

SGLang declares a flag as a field annotated A[type, "help"] or A[type, Arg(...)] in one of the namespaces under
arg_groups/fields, and adds a few by hand whose choices are computed when the parser is made.
"""

import ast

from annotations import Hint, hints
from wheel_source import UnreadableError, WheelSource

FIELDS = "sglang.srt.arg_groups.fields"
SERVER = "sglang.srt.server_args"
Keywords = dict[str, object]

CONVERTERS: dict[str, Keywords] = {
    "str": {"type": "str"},
    "int": {"type": "int"},
    "float": {"type": "float"},
    "json.loads": {"type": "json"},
    "json_list_type": {"type": "json"},
    "nullable_str": {"type": "str", "none": True},
    "human_readable_int": {"type": "size"},
    "parse_cuda_graph_config_arg": {"type": "object"},
    "parse_cuda_graph_backend_arg": {"type": "str"},
}
ACTIONS: dict[str, Keywords] = {
    "'store_true'": {"type": "bool", "style": "store_true"},
    "argparse.BooleanOptionalAction": {"type": "bool", "style": "optional"},
    "DeprecatedStoreTrueAction": {"type": "bool", "style": "store_true"},
    "DeprecatedStoreConstAction": {},
    "LoRAPathAction": {},
}
PARSER_NAMES = {
    "reasoning_parser_choices": ("sglang.srt.parser.reasoning_parser_names", "REASONING_PARSER_NAMES"),
    "tool_call_parser_choices": ("sglang.srt.function_call.parser_names", "TOOL_CALL_PARSER_NAMES"),
    "sampling_backend_choices": ("sglang.srt.arg_groups.choices", "BUILT_IN_SAMPLING_BACKENDS"),
}


def constant(source: WheelSource, module: str, node: ast.AST | None) -> Keywords:
    """A default as a keyword, where it is constant and plain."""
    try:
        value = None if node is None else source.value(module, node)
    except UnreadableError:
        value = None
    return {"default": value} if isinstance(value, bool | int | float | str) else {}


class Declared:
    """One annotated field, as the keywords that SGLang derives from it."""

    def __init__(self, source: WheelSource, module: str, node: ast.AnnAssign):
        self.source, self.module, self.node = source, module, node
        self.annotation, *metadata = node.annotation.slice.elts
        calls = [item for item in metadata if isinstance(item, ast.Call) and ast.unparse(item.func) == "Arg"]
        self.arg = {keyword.arg: keyword.value for call in calls for keyword in call.keywords}

    def read(self, name: str) -> object:
        """A constant keyword of Arg(...), None when it is not given."""
        return self.source.value(self.module, self.arg[name]) if name in self.arg else None

    def flag(self) -> tuple[str, Keywords]:
        name = self.read("cli_name") or f"--{self.node.target.id.replace('_', '-')}"
        aliases = self.read("aliases") or []
        return name, {"aliases": aliases, **self.keywords(), **constant(self.source, self.module, self.node.value)}

    def keywords(self) -> Keywords:
        if "action" in self.arg:
            extra = ast.unparse(self.arg["action_kwargs"]) if "action_kwargs" in self.arg else ""
            many = {"nargs": "*"} if "nargs" in extra else {}
            return {"type": "str", **ACTIONS[ast.unparse(self.arg["action"])], **many}
        members = [hint for hint in hints(self.source, self.module, self.annotation) if hint.kind != "None"]
        inner = members[0] if len(members) == 1 else Hint("str")
        converter = CONVERTERS[ast.unparse(self.arg["type_parser"])] if "type_parser" in self.arg else None
        choices = self.read("choices")
        if inner.kind == "list" and converter is None:
            element = inner.items[0].kind if len(inner.items) == 1 else "str"
            found: Keywords = {"type": scalar(element), "nargs": self.read("nargs") or "+"}
        elif inner.kind == "Literal":
            choices = choices or list(inner.options)
            found = converter or {"type": type(choices[0]).__name__}
        elif inner.kind == "bool":
            return {"type": "bool", "style": "store_true"}
        else:
            nargs = self.read("nargs")
            found = {**(converter or {"type": scalar(inner.kind)}), **({"nargs": nargs} if nargs else {})}
        return {**found, **({"choices": choices} if choices else {})}


def scalar(kind: str) -> str:
    return kind if kind in {"int", "float"} else "str"


def declared(source: WheelSource) -> dict[str, Keywords]:
    """The flags of all namespaces, in the order of their declaration."""
    found: dict[str, Keywords] = {}
    for module in source.modules_in(FIELDS):
        for definition in source.names(module).values():
            if isinstance(definition.node, ast.ClassDef) and definition.module == module:
                found |= dict(fields(source, module, definition.node))
    return found


def fields(source: WheelSource, module: str, owner: ast.ClassDef) -> list[tuple[str, Keywords]]:
    annotated = [
        Declared(source, module, node)
        for node in owner.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith("A[")
    ]
    return [field.flag() for field in annotated if not field.read("no_cli")]


def by_hand(source: WheelSource) -> dict[str, Keywords]:
    """The flags that ServerArgs.add_cli_args registers one by one."""
    found: dict[str, Keywords] = {}
    owner = source.find(SERVER, "ServerArgs").node
    body = next(node for node in owner.body if isinstance(node, ast.FunctionDef) and node.name == "add_cli_args")
    for node in ast.walk(body):
        match node:
            case ast.Call(func=ast.Attribute(attr="add_argument"), args=[ast.Constant(value=str(name))]):
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                found[name] = {"aliases": [], **manual(source, given)}
    return found


def manual(source: WheelSource, given: dict[str, ast.AST]) -> Keywords:
    found: Keywords = {"type": "str"}
    if "action" in given:
        found |= ACTIONS[ast.unparse(given["action"])]
    if "choices" in given:
        found["choices"] = computed_choices(source, given["choices"])
    return found | constant(source, SERVER, given.get("default"))


def computed_choices(source: WheelSource, node: ast.AST) -> list[object]:
    """Choices that the parser computes: a list of names kept in a module of its own, or an enumeration's members."""
    match node:
        case ast.BinOp(left=ast.List() as always, right=ast.Name(id=variable)):
            return [*source.value(SERVER, always), *source.value(*name_of(source, variable))]
        case ast.Name(id=variable) if variable in PARSER_NAMES:
            return source.value(*name_of(source, variable))
        case ast.ListComp():
            members = source.find("sglang.kernels.ops.kv_canary.consts", "RealKvHashMode").node.body
            return [node.targets[0].id.lower() for node in members if isinstance(node, ast.Assign)]
        case _:
            return source.value(SERVER, node)


def name_of(source: WheelSource, variable: str) -> tuple[str, ast.AST]:
    return source.find(*PARSER_NAMES[variable])


def flags(source: WheelSource) -> dict[str, Keywords]:
    """Every flag of SGLang's server with its keywords, in plain data."""
    return declared(source) | by_hand(source)
