"""Reads the input files of the command line: endpoints, recipes, the cluster's nodes, the operator's settings."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import aimlib.data
from aimlib.api.meta import Raw
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.manifests import Document, InvalidManifestError, documents
from aimlib.schema.settings import parse_config
from aimlib.schema.validation import Finding
from aimlib.schema.yaml_loader import MAX_TEXT_BYTES
from hooks.cli.errors import CommandError
from hooks.planning import simulate
from hooks.planning.plan_input import PlanInput, plan_input
from hooks.planning.simulate_slice import charted_classes, simulate_slice

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml"})


def read_documents(paths: Iterable[str]) -> Iterator[Document]:
    """Parses the objects in files."""
    for source, content in read_sources(paths):
        yield from documents(source, content)


def read_sources(paths: Iterable[str]) -> list[tuple[str, bytes]]:
    """The texts of files, of the files in folders, and of standard input (`-`), with their sources."""
    return [text for source_path in paths for text in _read_source(source_path)]


def _read_source(source_path: str) -> list[tuple[str, bytes]]:
    path = Path(source_path)
    try:
        if source_path == "-":
            return [("standard input", sys.stdin.buffer.read(MAX_TEXT_BYTES + 1))]
        if not path.is_dir():
            return [(source_path, _read_file(path))]
        inside = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES and one.name not in KUSTOMIZATIONS)
        if not inside:
            raise InvalidManifestError(f"{source_path}: no *.yaml, *.yml or *.json in this folder")
        return [(str(one), _read_file(one)) for one in inside]
    except OSError as error:
        raise InvalidManifestError(f"{error.filename}: {error.strerror}") from error


def _read_file(path: Path) -> bytes:
    """The content of a file, cut off one byte beyond what is read at most."""
    with path.open("rb") as file:
        return file.read(MAX_TEXT_BYTES + 1)


def read_settings(source_path: str | None) -> Config:
    """Reads the operator's settings from the file of its ConfigMap; the defaults without one. ConfigError."""
    if not source_path:
        return DEFAULT_CONFIG
    *_, (source, content) = read_sources([source_path])
    return parse_config(content, source)


def read_plan_input(
    paths: Iterable[str], namespace: str | None, planned: Collection[str] = ("AIMEndpoint",)
) -> PlanInput:
    """Reads endpoints, caches, recipes and models. InvalidManifestError unless there is one of the `planned` kinds."""
    paths = tuple(paths)
    return plan_input(read_documents(paths), ", ".join(paths), namespace, planned)


def hardware_nodes(names: Iterable[str], config: Config) -> list[Raw]:
    """The AIMNodes of a cluster with one usual node of each product that `--hardware` names. CommandError."""
    try:
        return simulate.usual_nodes(names, config)
    except simulate.UnknownProductError as error:
        raise CommandError(f"--hardware {error}") from error


def shipped_recipes() -> str:
    """The folder of the recipes that come with this program: in the package, or beside it in a clone."""
    inside = Path(str(files(aimlib.data))) / "recipes"
    return str(inside if inside.is_dir() else Path(__file__).parents[2] / "recipes")


def shipped_models() -> str:
    """The folder of the AIMModels that come with this program, beside its recipes."""
    return str(Path(shipped_recipes()) / "models")


def recipe_catalogue(
    found: Iterable[tuple[str, bytes]], more: Iterable[Document] = (), names: Iterable[str] = ()
) -> tuple[Raw, ...]:
    """The recipes in these texts, in the order of names; `more` replace those of the same name. Invalid ones are kept.

    With `names`, of models and recipes, texts that contain none of them are skipped, because parsing all takes long.
    """
    return _catalogue("AIMRecipe", "the recipes", found, more, names)


def model_catalogue(more: Iterable[Raw] = (), names: Iterable[str] = ()) -> tuple[Raw, ...]:
    """The AIMModels that are shipped, in the order of names, as `recipe_catalogue`; `more` replace their equals."""
    found = _catalogue("AIMModel", "the models", read_sources([shipped_models()]), (), names)
    by_name = {one["metadata"]["name"]: one for one in (*found, *more)}
    return tuple(by_name[name] for name in sorted(by_name))


def _catalogue(
    kind: str, place: str, found: Iterable[tuple[str, bytes]], more: Iterable[Document], names: Iterable[str]
) -> tuple[Raw, ...]:
    objects: dict[str, Document] = {}
    needles = [name.encode() for name in names]
    for source, content in found:
        for one in documents(source, content) if _may_mention(content, needles) else ():
            if one.kind != kind:
                raise one.refused([Finding(("kind",), f"only {kind} belongs among {place}")])
            if one.name in objects:
                taken = objects[one.name].place()
                raise one.refused([Finding(("metadata", "name"), f"this name is taken by {taken}")])
            objects[one.name] = one
    objects |= {one.name: one for one in more}
    return tuple(objects[name].raw for name in sorted(objects))


def _may_mention(content: bytes, needles: list[bytes]) -> bool:
    """Whether a text may contain one of the names; texts with escapes or non-ASCII characters may."""
    return not needles or b"\\" in content or not content.isascii() or any(needle in content for needle in needles)


class ClusterInventory(NamedTuple):
    """An inventory, and notes about it."""

    inventory: Raw
    notes: tuple[str, ...]


CLUSTER_KINDS = "a cluster is described by Node, AIMNode or AIMInventory, and by ResourceSlice and DeviceClass"
USUAL_CLASSES = (
    "no DeviceClass is in the files: those that the drivers' charts install are taken to be there; "
    "`kubectl get nodes,resourceslices,deviceclasses -o yaml` has them"
)


def read_inventory(paths: Iterable[str], config: Config = DEFAULT_CONFIG) -> ClusterInventory:
    """Reads the AIMInventory in files, or computes that of their Nodes or AIMNodes, and of their ResourceSlices."""
    nodes: dict[str, Raw] = {}
    inventory: Raw | None = None
    dynamic: dict[str, list[Document]] = {"ResourceSlice": [], "DeviceClass": []}
    simulators: dict[str, Callable[[Raw], Raw]] = {
        "Node": partial(simulate.simulate_node, config=config),
        "AIMNode": simulate.stored_node,
    }
    for document in read_documents(paths):
        with _named(document):
            if document.kind == "AIMInventory":
                inventory = simulate.stored_inventory(document.raw)
            elif document.kind in simulators:
                nodes[document.name] = simulators[document.kind](document.raw)
            elif document.kind in dynamic:
                dynamic[document.kind].append(document)
            else:
                raise document.refused([Finding(("kind",), CLUSTER_KINDS)])
    slices, classes = dynamic["ResourceSlice"], [one.raw for one in dynamic["DeviceClass"]]
    assumed = (USUAL_CLASSES,) if slices and not classes else ()
    for document in slices:
        with _named(document):
            related = [*(classes or charted_classes()), *nodes.values()]
            made = simulate_slice(document.raw, related, config)
            nodes |= {one["metadata"]["name"]: one for one in made}
    unusable = sorted(name for name, node in nodes.items() if not node["spec"]["usable"])
    notes = tuple(f"node {name} is left out: {nodes[name]['spec'].get('reason', 'not usable')}" for name in unusable)
    if inventory and not nodes:
        return ClusterInventory(inventory, ())
    return ClusterInventory(simulate.simulate_inventory(nodes.values(), config), (*assumed, *notes))


@contextmanager
def _named(document: Document) -> Iterator[None]:
    """Names a document that a hook refuses."""
    try:
        yield
    except BadRequestError as error:
        raise InvalidManifestError(f"{document.place()}: {error}") from error
