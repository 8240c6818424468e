"""Argo CD, Flux and kstatus take every golden answer for what it is, by their own programs."""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import lupa.lua51
import pytest
import yaml

from aimlib.api import API_VERSION
from aimlib.schema.kinds import NOT_SYNCED
from tests import golden
from tests.cases import PARENTS
from tests.cluster import binaries
from tests.files import TESTDATA
from tests.gitops.health import FOLDER, expressions, files, lua, table
from tests.kustomize import build

GENERATION = 3
STANDARD = {
    "Ready": "Current",
    "Stopped": "Current",
    "Idle": "Current",
    "Failed": "Failed",
    "Invalid": "Failed",
    "Deleting": "Terminating",
}
"""What kstatus takes the phases for, by conditions alone; InProgress the others."""


class Shown(NamedTuple):
    """An object, and what it is to be taken for."""

    title: str
    kind: str
    phase: str
    status: dict[str, Any]
    seen: bool = True

    @property
    def object(self) -> dict[str, Any]:
        metadata = {"name": "it", "namespace": "default", "generation": GENERATION}
        if self.phase == "Deleting":
            metadata["deletionTimestamp"] = "2026-11-23T12:00:00Z"
        return {"apiVersion": API_VERSION, "kind": self.kind, "metadata": metadata, "status": self.status}


def shown() -> Iterator[Shown]:
    """Every answer that has a phase, and objects at which no hook has looked, at all or since they were changed."""
    for folder in sorted((TESTDATA / one / "sync") for one in PARENTS if (TESTDATA / one / "sync").is_dir()):
        for case in sorted(folder.iterdir()):
            kind, name = PARENTS[folder.parent.name], str(case.relative_to(TESTDATA))
            status = (golden.expected(name).get("answer") or {}).get("status") or {}
            if kind in table() and "phase" in status:
                conditions = list((status.get("conditions") or {}).values())
                whole = {**status, "conditions": conditions, "observedGeneration": GENERATION}
                yield Shown(name, kind, status["phase"], whole)
                yield Shown(
                    f"{name}, changed since", kind, "", {**whole, "observedGeneration": GENERATION - 1}, seen=False
                )
    for kind in table():
        yield Shown(f"{kind}, new", kind, "", dict(NOT_SYNCED), seen=False)


SHOWN = list(shown())


@pytest.fixture(scope="module")
def health(request) -> Any:
    """Asks the program about all objects at once: what each is taken for."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        program = binaries.ensure(binaries.health())["health"]

    def ask(questions: list[dict[str, Any]]) -> list[str]:
        text = "\n".join(map(json.dumps, questions))
        done = subprocess.run([program], input=text, capture_output=True, text=True, check=True, timeout=120)
        return [json.loads(line)["status"] for line in done.stdout.splitlines()]

    return ask


def wrong(results: list[str], expected: list[str]) -> list[str]:
    assert len(results) == len(SHOWN)
    pairs = zip(SHOWN, results, expected, strict=True)
    return [f"{one.title}: {one.phase} is {found}, not {wanted}" for one, found, wanted in pairs if found != wanted]


def test_there_are_answers_of_every_kind_and_phase_of_the_table():
    phases = {(one.kind, one.phase) for one in SHOWN}
    assert {(kind, phase) for kind, tools in table().items() for phase in tools["argocd"]} <= phases


def test_kstatus_tells_them_apart_by_conditions_alone(health):
    results = health([{"object": one.object} for one in SHOWN])
    assert wrong(results, [STANDARD.get(one.phase, "InProgress") for one in SHOWN]) == []


def test_flux_evaluates_the_expressions(health):
    results = health([{"object": one.object, "expressions": expressions(one.kind)} for one in SHOWN])
    assert wrong(results, [table()[one.kind]["flux"].get(one.phase, "InProgress") for one in SHOWN]) == []


def test_argo_cd_runs_the_scripts():
    runtime = lupa.lua51.LuaRuntime(unpack_returned_tuples=True)
    checks = {kind: runtime.eval(f"function(obj) {lua(kind)} end") for kind in table()}
    results = [checks[one.kind](runtime.table_from(one.object, recursive=True)) for one in SHOWN]
    expected = [table()[one.kind]["argocd"].get(one.phase, "Progressing") for one in SHOWN]
    assert wrong([one.status for one in results], expected) == []
    assert all(isinstance(one.message, str) and one.message for one in results)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_the_files_are_those_of_the_table(path):
    assert path.read_text(encoding="utf-8") == files()[path], "`make gitops` writes them"


def test_the_components_patch_what_a_user_has(tmp_path):
    flux = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": {"path": "./models"}}
    found = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm"},
        "data": {"url": "https://argo"},
    }
    labels = {"aim.engine.amd.com/health-checks": "true"}
    have = [found, {**flux, "metadata": {"name": "models", "labels": labels}}, {**flux, "metadata": {"name": "other"}}]
    (tmp_path / "have.yaml").write_text(yaml.safe_dump_all(have))
    components = [os.path.relpath(FOLDER / name, tmp_path) for name in ("argocd", "flux")]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["have.yaml"], "components": components}))
    argo, models, other = build(tmp_path)
    assert argo["data"]["url"] == "https://argo"
    assert len(argo["data"]) == 1 + len(table())
    assert [one["kind"] for one in models["spec"]["healthCheckExprs"]] == list(table())
    assert "healthCheckExprs" not in other["spec"]
