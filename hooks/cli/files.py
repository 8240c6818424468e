"""What the command line is given, read from files: endpoints, recipes, the cluster's nodes, the operator's settings."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import ValidationError

import aimlib.data
from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.error_messages import validation_messages
from aimlib.schema.manifests import Document, InvalidManifestError, documents
from aimlib.schema.validation import Finding, validate_object
from hooks.cli import simulate

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml"})


def read(places: Iterable[str]) -> Iterator[Document]:
    """The objects that stand there."""
    for source, content in texts(places):
        yield from documents(source, content)


def texts(places: Iterable[str]) -> list[tuple[str, bytes]]:
    """What stands in files, in folders (without the folders in them), and on standard input (`-`), by its source."""
    return [text for place in places for text in _texts(place)]


def _texts(place: str) -> list[tuple[str, bytes]]:
    path = Path(place)
    try:
        if place == "-":
            return [("standard input", sys.stdin.buffer.read())]
        if not path.is_dir():
            return [(place, path.read_bytes())]
        inside = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES and one.name not in KUSTOMIZATIONS)
        if not inside:
            raise InvalidManifestError(f"{place}: no *.yaml, *.yml or *.json in this folder")
        return [(str(one), one.read_bytes()) for one in inside]
    except OSError as error:
        raise InvalidManifestError(f"{error.filename}: {error.strerror}") from error


def settings(place: str | None) -> Config:
    """The operator's settings from the file that its ConfigMap is made of; the defaults without one."""
    found: object = None
    try:
        for _, content in texts([place]) if place else ():
            found = yaml.load(content, aimlib.data.YamlLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise InvalidManifestError(f"{place}: {error}") from error
    try:
        return Config.model_validate({} if found is None else found)
    except ValidationError as error:
        raise InvalidManifestError(
            "\n".join(f"{place}: {sentence}" for sentence in validation_messages(error))
        ) from error


class Given(NamedTuple):
    """Endpoints and caches as the API server would store them, and recipes that came with them."""

    endpoints: tuple[Raw, ...]
    caches: tuple[Raw, ...]
    recipes: tuple[Document, ...]


def given(places: Iterable[str], namespace: str | None, planned: Collection[str] = ("AIMEndpoint",)) -> Given:
    """The endpoints, caches and recipes of these files, held to what the API server holds them to.

    There is at least one of the `planned` kinds.
    """
    found: dict[str, list[Raw]] = {"AIMEndpoint": [], "AIMCache": []}
    recipes = []
    for one in read(places):
        if one.kind not in {*found, "AIMRecipe"}:
            raise one.refused([Finding(("kind",), "only AIMEndpoint, AIMCache and AIMRecipe can be planned")])
        stored, findings = validate_object(one.raw, one.kind)
        if findings:
            raise one.refused(findings)
        if one.kind == "AIMRecipe":
            recipes.append(one)
        else:
            found[one.kind].append(_placed(one, stored, namespace))
    if not any(found[kind] for kind in planned):
        raise InvalidManifestError(f"{', '.join(places)}: no {' or '.join(planned)}")
    return Given(tuple(found["AIMEndpoint"]), tuple(found["AIMCache"]), tuple(recipes))


def _placed(one: Document, stored: Raw, namespace: str | None) -> Raw:
    """The object in its namespace, which its file and the command line must agree on."""
    metadata = stored["metadata"]
    own = metadata.get("namespace")
    if own and namespace and own != namespace:
        raise one.refused([Finding(("metadata", "namespace"), f"{own}, but the command line says {namespace}")])
    return {**stored, "metadata": {**metadata, "namespace": own or namespace or "default", "generation": 1}}


def shipped() -> str:
    """The folder of the recipes that come with this program: in the package, or beside it in a clone."""
    inside = Path(str(files(aimlib.data))) / "recipes"
    return str(inside if inside.is_dir() else Path(__file__).parents[2] / "recipes")


def catalogue(
    found: Iterable[tuple[str, bytes]], more: Iterable[Document] = (), names: Iterable[str] = ()
) -> tuple[Raw, ...]:
    """The recipes in these texts, by name; `more` replace those of the same name. Unreadable recipes stay in it.

    With `names`, those of models and recipes, texts that mention none of them are passed over: to parse them all would
    take longer than everything else.
    """
    recipes: dict[str, Document] = {}
    words = [name.encode() for name in names]
    for source, content in found:
        for one in documents(source, content) if _may_mention(content, words) else ():
            if one.kind != "AIMRecipe":
                raise one.refused([Finding(("kind",), "only AIMRecipe belongs among the recipes")])
            if one.name in recipes:
                taken = recipes[one.name].place()
                raise one.refused([Finding(("metadata", "name"), f"this name is taken by {taken}")])
            recipes[one.name] = one
    recipes |= {one.name: one for one in more}
    return tuple(recipes[name].raw for name in sorted(recipes))


def _may_mention(content: bytes, words: list[bytes]) -> bool:
    """Whether one of the words may stand there. It would as it is, unless the text has escapes or is no ASCII."""
    return not words or b"\\" in content or not content.isascii() or any(word in content for word in words)


class Cluster(NamedTuple):
    """The inventory, and what is to be known about it."""

    inventory: Raw
    notes: tuple[str, ...]


def cluster(places: Iterable[str]) -> Cluster:
    """The inventory of the Nodes or AIMNodes in these files, or the AIMInventory in them."""
    nodes: dict[str, Raw] = {}
    inventory: Raw | None = None
    takers: dict[str, Callable[[Raw], Raw]] = {"Node": simulate.facts, "AIMNode": simulate.stored_node}
    for one in read(places):
        try:
            if one.kind == "AIMInventory":
                inventory = simulate.stored_inventory(one.raw)
            elif one.kind in takers:
                nodes[one.name] = takers[one.kind](one.raw)
            else:
                raise one.refused([Finding(("kind",), "a cluster is described by Node, AIMNode or AIMInventory")])
        except BadRequestError as error:
            raise InvalidManifestError(f"{one.place()}: {error}") from error
    out = sorted(name for name, node in nodes.items() if not node["spec"]["usable"])
    notes = tuple(f"node {name} is left out: {nodes[name]['spec'].get('reason', 'not usable')}" for name in out)
    if inventory and not nodes:
        return Cluster(inventory, ())
    return Cluster(simulate.added_up(nodes.values()), notes)
