"""Kustomizations of this repository, built as `kubectl apply -k` would see them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import binaries

ROOT = Path(__file__).parents[1]
FIXTURE = ROOT / "tests" / "testdata" / "metacontroller"
REMOTE = ROOT / "manifests" / "metacontroller"
"""The one kustomization that is not complete without the network."""


def build(folder: Path) -> list[dict[str, Any]]:
    """The objects of a kustomization; AssertionError with kubectl's words when it does not build."""
    kubectl = shutil.which("kubectl") or binaries.ensure()["kubectl"]
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return list(yaml.safe_load_all(done.stdout))


def build_metacontroller(scratch: Path) -> list[dict[str, Any]]:
    """What `manifests/metacontroller` makes of Metacontroller's own manifests, for which a fixture of theirs stands."""
    for name in ("crds", "manifests"):
        shutil.copytree(ROOT / name, scratch / name)
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
