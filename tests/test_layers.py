"""The order of the layers: who may import whom, and that only the edges do I/O, read the environment or the clock."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kustomize import ROOT

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("aimlib", "hooks")
    for path in sorted((ROOT / package).rglob("*.py"))
}

LAYERS = (
    r"aimlib\.api(\..*)?",
    r"aimlib(\..*)?",
    r"hooks\.children(\..*)?",
    r"hooks\.(conditions|choice|awaited|observed|report|surprises|cached|cached_words|cache_models|cache_volume|cache_report)",
    r"hooks\.(endpoint|recipe|node|inventory|cache|admission)",
    r"hooks\.(stamp|app|callers|mounted|tls|certificates(\..*)?|bounds|worker|webhooks|apiserver|observers(\..*)?|logs|metrics|record|release|audit|redaction|changes|gunicorn_conf|draining|offline|offline_cache|planning|files|tables|cli|cache_cli|cache_commands|commands|explanation|failure|formats|live|summary|volume(\..*)?)",
)
"""From the bottom up; the last one is the edges: the server, the command line, and what runs on a cache's volume."""

SERVER = (
    r"hooks\.(observers(\..*)?|app|webhooks|callers|mounted|tls|bounds|worker|metrics|record|release|gunicorn_conf"
    r"|draining)"
)
COMMAND_LINE = r"hooks\.(cli|cache_cli|cache_commands|commands|failure|files|formats|live)"
VOLUME = r"hooks\.volume(\..*)?"
CERTIFICATES = r"hooks\.certificates(\..*)?"
LOGS = r"hooks\.logs"
"""Written by the server, and by what makes its certificates."""
API_SERVER = r"hooks\.apiserver|hooks\.certificates\.cluster|hooks\.observers\.(pods|catalogue)"
PROMETHEUS = r"hooks\.observers\.prometheus"
"""Who asks the cluster, besides the command line and what runs on a volume."""
OUTSIDE = {
    "os": rf"{SERVER}|{API_SERVER}|{COMMAND_LINE}|{VOLUME}",
    "sys": rf"{SERVER}|{LOGS}|{CERTIFICATES}|{COMMAND_LINE}|{VOLUME}|aimlib\.(crd|recording)",
    "logging": rf"{SERVER}|{LOGS}|{CERTIFICATES}",
    "time": rf"{SERVER}|hooks\.certificates\.__main__|hooks\.volume\.clock",
    "pathlib": rf"{SERVER}|{COMMAND_LINE}|{VOLUME}|aimlib\.(crd|recording)",
    "importlib": rf"{SERVER}|{COMMAND_LINE}|aimlib\.data",
    "tempfile": SERVER,
    "shutil": rf"{COMMAND_LINE}|{VOLUME}",
    "fcntl": VOLUME,
    "signal": rf"{SERVER}|{VOLUME}",
    "mmap": SERVER,
    "urllib": VOLUME,
    "huggingface_hub": VOLUME,
    "httpx2": VOLUME,
    "inspect": r"aimlib\.described",
    "flask": SERVER,
    "werkzeug": SERVER,
    "prometheus_client": SERVER,
    "click": COMMAND_LINE,
    "kubernetes": rf"{COMMAND_LINE}|{VOLUME}|{API_SERVER}",
    "urllib3": rf"{COMMAND_LINE}|{VOLUME}|{API_SERVER}|{PROMETHEUS}",
    "yaml": rf"{SERVER}|{COMMAND_LINE}|aimlib\.(crd|data|documents|recording)",
    "subprocess": COMMAND_LINE,
    "ssl": SERVER,
    "cryptography": rf"{CERTIFICATES}|hooks\.tls",
    "socket": r"hooks\.worker",
    "gunicorn": r"hooks\.worker",
    "requests": "",
    "random": "",
    "uuid": "",
    "secrets": CERTIFICATES,
}
"""Modules that reach outside of the process, and who may import them."""


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


def layer(module: str) -> int:
    """The place of a module in LAYERS."""
    if module == "hooks":
        return 0  # a docstring
    found = [place for place, form in enumerate(LAYERS) if re.fullmatch(form, module)]
    assert found, f"{module} belongs to no layer: add it to one"
    return found[0]


OUTERMOST = [name for name in MODULES if layer(name) == len(LAYERS) - 1]
EDGES = (SERVER, COMMAND_LINE, VOLUME, CERTIFICATES)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_from_its_own_layer_and_those_below(name):
    ours = [found for found in imports(MODULES[name]) if found.split(".")[0] in {"aimlib", "hooks"}]
    assert [found for found in ours if layer(found) > layer(name)] == []


def test_kinds_do_not_import_each_other():
    kinds = {f"hooks.{kind}" for kind in ("endpoint", "recipe", "node", "inventory", "cache")}
    assert {kind: kinds & set(imports(MODULES[kind])) for kind in kinds} == {kind: set() for kind in kinds}


def test_the_edges_do_not_import_each_other_but_for_the_commands_that_run_on_a_volume():
    edges = {name: next((edge for edge in EDGES if re.fullmatch(edge, name)), COMMAND_LINE) for name in OUTERMOST}
    found = {
        (name, one)
        for name, own in edges.items()
        for one in imports(MODULES[name])
        for other in EDGES
        if other != own and re.fullmatch(other, one)
    }
    assert {name for name, one in found if not re.fullmatch(VOLUME, one)} == set()
    assert {name for name, one in found} <= {"hooks.cache_cli", "hooks.cache_commands"}


def test_the_program_starts_without_what_runs_on_a_volume():
    tree = ast.parse(MODULES["hooks.cache_cli"].read_text())
    first = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in first if re.fullmatch(VOLUME, node.module or "")] == []


@pytest.mark.parametrize("name", MODULES)
def test_only_the_edges_reach_outside(name):
    found = {one.split(".")[0] for one in imports(MODULES[name])} & set(OUTSIDE)
    assert {one for one in found if not re.fullmatch(OUTSIDE[one], name)} == set()


def test_nothing_reaches_outside_through_a_module_that_no_rule_knows():
    known = {
        "re",
        "json",
        "hashlib",
        "functools",
        "itertools",
        "collections",
        "fractions",
        "decimal",
        "math",
        "threading",
        "queue",
        "errno",
        "abc",
    }
    known |= {"typing", "types", "enum", "dataclasses", "datetime", "difflib", "textwrap", "http", "gc", "io"}
    known |= {"ast", "contextlib", "base64", "hmac", "ipaddress", "argparse"}
    known |= {"pydantic", "pydantic_core", "jsonpatch", "aimlib", "hooks", "cronsim", *OUTSIDE}
    found = {one.split(".")[0] for path in MODULES.values() for one in imports(path)}
    assert found - known == set()


def calls(path: Path) -> Iterator[str]:
    """Everything that a module calls, as it is written."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


CLOCKS = {
    "hooks.app",
    "hooks.webhooks",
    "hooks.observers.prometheus",
    "hooks.volume.clock",
    "hooks.certificates.__main__",
}


@pytest.mark.parametrize("name", [name for name in MODULES if name not in CLOCKS])
def test_nobody_but_the_edges_asks_for_the_time(name):
    forbidden = re.compile(r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.\w+")
    assert [one for one in calls(MODULES[name]) if forbidden.fullmatch(one)] == []


@pytest.mark.parametrize(
    "name", [name for name in MODULES if layer(name) < 5 and name not in {"aimlib.crd", "aimlib.data"}]
)
def test_the_core_opens_and_prints_nothing(name):
    assert {"open", "print", "input", "eval", "exec", "compile"} & set(calls(MODULES[name])) == set()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_fits_in_one_reading(name):
    assert len(MODULES[name].read_text().splitlines()) <= 300


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_named_for_what_it_is_and_says_so_first(name):
    assert not re.search(r"util|helper|manager|handler|common|misc", name)
    assert ast.get_docstring(ast.parse(MODULES[name].read_text()))


def test_each_child_kind_is_built_in_one_place():
    sources = [path.read_text() for path in MODULES.values()]
    kinds = [found for text in sources for found in re.findall(r'^ *"kind": "(\w+)",$', text, re.MULTILINE)]
    children = sorted(kind for kind in kinds if kind not in {"AIMNode", "AIMInventory", "CustomResourceDefinition"})
    assert children == sorted(set(children))
    assert {"Deployment", "Service", "PersistentVolumeClaim"} < set(children)
