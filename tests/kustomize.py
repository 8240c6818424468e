"""Kustomizations of this repository, built as `kubectl apply -k` would see them."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from aimlib.data import YamlLoader
from tests.cluster import binaries

ROOT = Path(__file__).parents[1]
FIXTURE = ROOT / "tests" / "testdata" / "metacontroller"
OVERLAYS = ROOT / "manifests" / "overlays"
REMOTE = ROOT / "manifests" / "metacontroller"
"""The one kustomization that is not complete without the network."""


Objects = list[dict[str, Any]]


def of_kind(objects: Objects, *kinds: str) -> Objects:
    """Those of some kinds."""
    return [item for item in objects if item["kind"] in kinds]


def only(objects: Objects, kind: str) -> dict[str, Any]:
    """The one of a kind."""
    [item] = of_kind(objects, kind)
    return item


def build(folder: Path | str) -> Objects:
    """The objects of a kustomization, a folder or an address, built once; AssertionError with kubectl's message."""
    return list(yaml.load_all(_built(folder), YamlLoader))


@cache
def _built(folder: Path | str) -> str:
    kubectl = shutil.which("kubectl") or binaries.ensure(binaries.only("kubectl"))["kubectl"]
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return done.stdout


def build_metacontroller(scratch: Path) -> Objects:
    """What `manifests/metacontroller` makes of Metacontroller's own manifests, for which a fixture of theirs stands."""
    shutil.copytree(ROOT / "manifests", scratch / "manifests")
    shutil.copytree(FIXTURE, scratch / "fixture")
    path = scratch / REMOTE.relative_to(ROOT) / "kustomization.yaml"
    kustomization = yaml.safe_load(path.read_text())
    remote, *local = kustomization["resources"]
    assert remote.startswith("https://"), f"{path} does not begin with Metacontroller's own manifests"
    path.write_text(yaml.safe_dump({**kustomization, "resources": ["../../fixture", *local]}))
    return build(path.parent)


def kustomizations(kind: str) -> list[Path]:
    """Every folder with a kustomization of a kind, `Kustomization` or `Component`, except the remote one."""
    roots = ("crds", "metacontroller", "manifests", "recipes", "tests")
    files = sorted(path for root in roots for path in (ROOT / root).rglob("kustomization.yaml"))
    return [path.parent for path in files if yaml.safe_load(path.read_text())["kind"] == kind and path.parent != REMOTE]
