"""The health checks of Argo CD, in Lua, and of Flux, in CEL, from the table in health.yaml."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from aimlib.api import API_VERSION, GROUP
from tests.kustomize import ROOT

FOLDER = ROOT / "manifests" / "gitops"
HEAD = "# Written from tests/gitops/health.yaml by `make gitops`.\n"
LUA = """\
local health = {{status = "Progressing", message = "the operator has not looked yet"}}
local found = obj.status
if found == nil or found.observedGeneration == nil or found.observedGeneration < obj.metadata.generation then
  return health
end
local phases = {{{phases}}}
health.status = phases[found.phase] or "Progressing"
health.message = found.message or found.phase
return health
"""
SEEN = "has(status.observedGeneration) && status.observedGeneration == metadata.generation && has(status.phase)"


@cache
def table() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """By kind and tool, what a phase is taken for."""
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("health.yaml").read_text(encoding="utf-8"))
    return found


def lua(kind: str) -> str:
    """Argo CD's check of a kind: a script that returns status and message."""
    phases = ", ".join(f'{phase} = "{health}"' for phase, health in table()[kind]["argocd"].items())
    return LUA.format(phases=phases)


def expressions(kind: str) -> dict[str, str]:
    """Flux's check of a kind: what makes it current, and failed."""
    found = table()[kind]["flux"]

    def are(result: str) -> str:
        phases = ", ".join(f"'{phase}'" for phase, taken in found.items() if taken == result)
        return f"{SEEN} && status.phase in [{phases}]"

    return {"current": are("Current"), "failed": are("Failed")}


def files() -> dict[Path, str]:
    """Each file that is written, with its text."""
    checks = {f"resource.customizations.health.{GROUP}_{kind}": lua(kind) for kind in table()}
    argocd = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": checks}
    flux = [{"apiVersion": API_VERSION, "kind": kind, **expressions(kind)} for kind in table()]
    patch = [{"op": "add", "path": "/spec/healthCheckExprs", "value": flux}]
    return {
        FOLDER / "argocd" / "argocd-cm.yaml": as_yaml(argocd),
        FOLDER / "flux" / "health-checks.yaml": as_yaml(patch),
    }


def as_yaml(value: object) -> str:
    """A file that says where it comes from."""
    return HEAD + yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=200)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
