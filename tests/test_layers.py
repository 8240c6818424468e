"""The order of the layers: who may import whom, and that only the edges do I/O, read the environment or the clock.

A folder is a layer. Every rule here names folders; the few modules that it names are those that may ask for the time.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.kustomize import ROOT

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("aimlib", "hooks")
    for path in sorted((ROOT / package).rglob("*.py"))
}

LAYERS = (
    ("aimlib.errors",),
    ("aimlib.data", "aimlib.kube"),
    ("aimlib.api",),
    ("aimlib",),
    ("aimlib.engines", "aimlib.hardware", "aimlib.diagnosis"),
    ("aimlib.telemetry",),
    ("aimlib.protocol",),
    ("aimlib.schema",),
    ("aimlib.caching",),
    ("aimlib.selection",),
    ("aimlib.derive",),
    ("aimlib.gateway", "aimlib.migration"),
    ("aimlib.canary", "aimlib.scaling"),
    ("hooks.objects",),
    ("hooks.inspection",),
    ("hooks.cache.children", "hooks.endpoint.children", "hooks.gateway.children"),
    ("hooks.cache", "hooks.endpoint", "hooks.gateway"),
    ("hooks",),
    ("hooks.planning",),
    ("hooks.observability",),
    ("hooks.server.observers", "hooks.jobs.volume", "hooks.jobs.certificates"),
    ("hooks.server", "hooks.cli", "hooks.jobs", "hooks.gateway_agent", "hooks.web"),
)
"""Folders from the bottom up: each imports those above it in this list, and none beside it."""

EDGE = r"hooks\.(server|cli|jobs|gateway_agent|web)(\..*)?"
OUTSIDE = {
    "os": rf"{EDGE}|hooks|hooks\.observability",
    "sys": rf"{EDGE}|hooks\.observability|aimlib\.(schema|telemetry)",
    "logging": rf"{EDGE}|hooks\.observability",
    "time": r"hooks\.(server(\..*)?|jobs\..*|cli|gateway_agent)",
    "pathlib": rf"{EDGE}|aimlib\.(schema|telemetry)",
    "importlib": rf"{EDGE}|aimlib\.data",
    "tempfile": r"hooks\.server",
    "tarfile": r"hooks\.cli",
    "shutil": r"hooks\.(cli|jobs\.volume)",
    "fcntl": r"hooks\.jobs\.volume",
    "signal": r"hooks\.(server|jobs\.volume|gateway_agent)",
    "mmap": r"hooks\.server",
    "resource": r"hooks\.server",
    "readline": r"hooks\.cli",
    "selectors": r"hooks\.server",
    "urllib": r"hooks\.jobs\.volume",
    "huggingface_hub": r"hooks\.jobs\.volume",
    "inspect": r"aimlib\.schema",
    "flask": r"hooks\.(server|web)",
    "jinja2": r"hooks\.web",
    "werkzeug": r"hooks\.(server|web)",
    "prometheus_client": r"hooks\.(server|observability|gateway_agent)",
    "click": r"hooks\.cli",
    "kubernetes": rf"{EDGE}|hooks",
    "urllib3": rf"{EDGE}|hooks",
    "yaml": rf"{EDGE}|aimlib\.(data|schema|telemetry)",
    "subprocess": r"hooks\.cli",
    "ssl": r"hooks\.(server|gateway_agent)",
    "cryptography": r"hooks\.(server|jobs\.certificates)",
    "socket": r"hooks\.(server|gateway_agent)",
    "gunicorn": r"hooks\.server",
    "asyncio": r"hooks\.gateway_agent",
    "requests": "",
    "random": "",
    "uuid": "",
    "secrets": r"hooks\.(jobs\.certificates|cli)",
    "contextvars": r"hooks\.observability",
}
"""Modules that reach outside of the process, and the folders that may import them."""

INSIDE = frozenset(
    [
        "re",
        "json",
        "hashlib",
        "fnmatch",
        "functools",
        "weakref",
        "bisect",
        "itertools",
        "collections",
        "fractions",
        "decimal",
        "math",
        "concurrent",
        "threading",
        "queue",
        "errno",
        "abc",
        "typing",
        "types",
        "enum",
        "dataclasses",
        "datetime",
        "difflib",
        "textwrap",
        "http",
        "gc",
        "io",
        "ast",
        "contextlib",
        "stat",
        "base64",
        "hmac",
        "ipaddress",
        "xml",
        "argparse",
        "shlex",
        "pydantic",
        "pydantic_core",
        "jsonpatch",
        "cronsim",
        "csv",
        "zoneinfo",
        "aimlib",
        "hooks",
    ]
)
"""Modules that do not."""


def imports(path: Path) -> Iterator[str]:
    """The absolute names of what a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module or ""


def folder(module: str) -> str:
    """The package that a module stands in; a package's own code stands in it."""
    return ".".join(MODULES[module].parent.relative_to(ROOT).parts)


def layer(package: str) -> int:
    """The place of a folder in LAYERS."""
    found = [place for place, names in enumerate(LAYERS) if package in names]
    assert found, f"{package} is in no layer: add it to one"
    return found[0]


FOLDERS = sorted({folder(module) for module in MODULES})
IMPORTED = {
    (folder(module), folder(one)) for module, path in MODULES.items() for one in imports(path) if one in MODULES
}


@pytest.mark.parametrize("package", FOLDERS)
def test_a_folder_imports_only_those_below_it(package):
    found = {imported for importing, imported in IMPORTED if importing == package and imported != package}
    assert {one for one in found if layer(one) >= layer(package)} == set()


def test_no_two_folders_import_each_other():
    assert {(one, other) for one, other in IMPORTED if one < other and (other, one) in IMPORTED} == set()


def test_every_layer_is_there():
    assert {name for names in LAYERS for name in names} == set(FOLDERS)


def test_the_edges_do_not_import_each_other_but_for_the_commands_that_run_on_a_volume():
    edges = [name for name in FOLDERS if re.fullmatch(EDGE, name)]
    found = {pair for pair in IMPORTED if {*pair} <= {*edges} and pair[0].split(".")[1] != pair[1].split(".")[1]}
    assert found == {("hooks.cli", "hooks.jobs.volume")}


def test_the_program_starts_without_what_runs_on_a_volume():
    for name in (name for name in MODULES if folder(name) == "hooks.cli"):
        at_the_top = [node for node in ast.parse(MODULES[name].read_text()).body if isinstance(node, ast.ImportFrom)]
        found = [node for node in at_the_top if (node.module or "").startswith("hooks.jobs.volume")]
        assert not found or name in {"hooks.cli.cache_commands", "hooks.cli.folder_inspection"}
    tree = ast.parse(MODULES["hooks.cli.cache_group"].read_text())
    assert "hooks.cli.cache_commands" not in {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    tree = ast.parse(MODULES["hooks.cli.model_commands"].read_text())
    assert "hooks.cli.folder_inspection" not in {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("name", MODULES)
def test_only_the_edges_reach_outside(name):
    found = {one.split(".")[0] for one in imports(MODULES[name])}
    assert {one for one in found & set(OUTSIDE) if not re.fullmatch(OUTSIDE[one], folder(name))} == set()
    assert found - set(OUTSIDE) - INSIDE == set()


def calls(path: Path) -> Iterator[str]:
    """Everything that a module calls, as it is written."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


CLOCKS = {
    "hooks.server.app",
    "hooks.server.webhooks",
    "hooks.server.observers.bodies",
    "hooks.server.observers.free_capacity",
    "hooks.server.observers.logs",
    "hooks.server.observers.prometheus",
    "hooks.jobs.volume.clock",
    "hooks.cli.clock",
    "hooks.jobs.certificates.__main__",
    "hooks.gateway_agent.envoy_files",
}


@pytest.mark.parametrize("name", [name for name in MODULES if name not in CLOCKS])
def test_nobody_but_the_edges_asks_for_the_time(name):
    forbidden = re.compile(r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.\w+")
    assert [one for one in calls(MODULES[name]) if forbidden.fullmatch(one)] == []


WRITES_FILES = r"aimlib\.(data|schema\.crd|telemetry\.recording_rules)"
"""Reads what is shipped inside it, or is a program that generates files."""


@pytest.mark.parametrize("name", MODULES)
def test_the_core_opens_and_prints_nothing(name):
    if re.fullmatch(EDGE, folder(name)) or re.fullmatch(WRITES_FILES, name):
        return
    assert {"open", "print", "input", "eval", "exec", "compile"} & set(calls(MODULES[name])) == set()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_fits_in_one_reading(name):
    assert len(MODULES[name].read_text().splitlines()) <= 300


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_named_for_what_it_is_and_says_so_first(name):
    assert not re.search(r"util|helper|manager|handler|common|misc", name)
    assert ast.get_docstring(ast.parse(MODULES[name].read_text()))


def test_each_child_kind_is_built_in_one_place():
    of_gateways = {module for module in MODULES if module.startswith("hooks.gateway.")}
    of_the_program = {module for module in MODULES if module.startswith("hooks.cli.")}  # it applies what is no child
    for modules in (of_gateways, MODULES.keys() - of_gateways - of_the_program):
        sources = [MODULES[module].read_text() for module in modules]
        kinds = [found for text in sources for found in re.findall(r'^ *"kind": "(\w+)",$', text, re.MULTILINE)]
        children = sorted(kind for kind in kinds if kind not in {"AIMNode", "AIMInventory", "CustomResourceDefinition"})
        assert [one for one, other in pairwise(children) if one == other] == []
        assert "Deployment" in children


ENTRY_POINTS = {"customize", "sync", "main"}
"""Names that each hook or program has for the same thing."""


def public_names(path: Path) -> Iterator[str]:
    """What a module defines at its top and does not keep to itself."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))


def test_a_public_name_stands_for_one_thing():
    places: dict[str, list[str]] = defaultdict(list)
    for module, path in MODULES.items():
        for name in public_names(path):
            places[name].append(module)
    assert {name: found for name, found in places.items() if len(found) > 1 and name not in ENTRY_POINTS} == {}
