"""Tekton's Tasks and GitHub's actions: that they are well formed, and that their scripts do what they say.

Tekton's own validation is no module that can be had here: what of its fields is used is listed below, by its
reference (https://tekton.dev/docs/pipelines/pipeline-api). GitHub's is actionlint, which reads a workflow with
the actions that it uses.
"""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.cli.endpoint_progress import read_progress
from tests.cluster import binaries
from tests.gitops.health import FOLDER, table
from tests.gitops.pipelines import IMAGE, RESULT_BYTES, files, outcomes, tasks
from tests.gitops.test_health import GENERATION, SHOWN
from tests.kustomize import ROOT

WAITING = """
  wait:
    runs-on: ubuntu-24.04
    steps:
    - uses: aim-engine/aim-engine-operator/manifests/gitops/github/wait@vX.Y.Z
      id: wait
      with: {endpoint: chat, namespace: models}
    - env: {RECIPE: "${{ steps.wait.outputs.recipe }}"}
      run: echo "$RECIPE"
"""
"""A job that waits, beside the one of the example."""
FIELDS = {
    "spec": {"description", "params", "workspaces", "results", "steps", "volumes"},
    "params": {"name", "type", "default", "description"},
    "workspaces": {"name", "optional", "description"},
    "results": {"name", "type", "description"},
    "steps": {"name", "image", "env", "volumeMounts", "securityContext", "script", "workingDir"},
}
"""Of a Task of tekton.dev/v1."""
TASKS = {one["metadata"]["name"]: one for one in yaml.safe_load_all(tasks())}
ACTIONS = {path.parent.name: yaml.safe_load(text) for path, text in files().items() if path.name == "action.yml"}
EXAMPLES = ROOT / "manifests" / "examples" / "gitops"


@pytest.mark.parametrize("path", files(), ids=lambda path: path.parent.name)
def test_the_files_are_those_of_the_table(path):
    assert path.read_text(encoding="utf-8") == files()[path], "`make gitops` writes them"


@pytest.mark.parametrize(
    "shown", [one for one in SHOWN if one.kind == "AIMEndpoint" and one.seen], ids=lambda one: one.title
)
def test_aim_wait_ends_each_answer_as_the_table_says(shown):
    if shown.phase == "Deleting":
        return
    conditions = [{**one, "observedGeneration": GENERATION} for one in shown.status["conditions"]]
    found = read_progress({**shown.object, "status": {**shown.status, "conditions": conditions}}).code
    nothing_fits = found == 3
    assert nothing_fits or found == table()["AIMEndpoint"]["wait"].get(shown.phase)


def test_the_outcomes_are_in_the_descriptions():
    assert outcomes().startswith(
        "Exit codes: 0 when it is Ready or Stopped or Idle, 4 when it is Failed, 3 when nothing fits"
    )
    assert outcomes() in TASKS["aim-wait"]["spec"]["description"]
    assert outcomes() in ACTIONS["wait"]["description"]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_fields_of_tekton_alone_and_refers_to_what_it_declares(name):
    task = TASKS[name]
    assert (task["apiVersion"], task["kind"]) == ("tekton.dev/v1", "Task")
    spec = task["spec"]
    assert spec.keys() <= FIELDS["spec"]
    for part in ("params", "workspaces", "results", "steps"):
        for one in spec.get(part, ()):
            assert one.keys() <= FIELDS[part]
    declared = {f"{part}.{one['name']}" for part in ("params", "workspaces", "results") for one in spec.get(part, ())}
    used = set(re.findall(r"\$\(((?:params|workspaces|results)\.\w+)", str(spec["steps"])))
    assert used == declared
    [step] = spec["steps"]
    assert step["image"] == IMAGE
    assert {one["name"] for one in step["volumeMounts"]} <= {one["name"] for one in spec["volumes"]}
    assert len(spec.get("results", ())) * RESULT_BYTES < 4096
    assert "$(" not in re.sub(r"\$\((?:aim|field) |\$\(printf", "", step["script"]), "no text of users in a script"


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_runs_no_text_of_users(name):
    for step in ACTIONS[name]["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


@pytest.mark.slow
def test_actionlint_finds_nothing_wrong_with_a_workflow_that_uses_the_actions(request, tmp_path):
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        program = binaries.ensure(binaries.actionlint())["actionlint"]
    for name, text in ((path.parent.name, text) for path, text in files().items() if path.name == "action.yml"):
        folder = tmp_path / "actions" / name
        folder.mkdir(parents=True)
        (folder / "action.yml").write_text(text)
    workflow = (EXAMPLES / ".github" / "workflows" / "plan.yaml").read_text() + WAITING
    local = re.sub(r"aim-engine/aim-engine-operator/manifests/gitops/github/(\w+)@\S+", r"./actions/\1", workflow)
    assert local.count("./actions/") == 2
    place = tmp_path / ".github" / "workflows"
    place.mkdir(parents=True)
    (place / "plan.yaml").write_text(local)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    done = subprocess.run(
        [program, "-shellcheck=", "-pyflakes="], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)
    (place / "plan.yaml").write_text(local.replace("files:", "flies:"))
    done = subprocess.run(
        [program, "-shellcheck=", "-pyflakes="], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert 'input "flies" is not defined in action "aim plan"' in done.stdout


def run(script: str, folder: Path, shell: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script as a step runs it."""
    options = ["-eo", "pipefail"] if shell == "bash" else []
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    return subprocess.run(
        [shell, *options, "-c", script],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


STATUS = {
    "status": {
        "phase": "Ready",
        "resolved": {"recipe": "qwen\n"},
        "endpoints": {"internal": "http://qwen.team.svc:8000/v1"},
    }
}


@pytest.mark.parametrize(
    ("code", "status", "recipe"), [(0, STATUS, "qwen"), (3, {"status": {"phase": "Pending"}}, ""), (124, {}, "")]
)
def test_the_task_that_waits_ends_as_aim_does_and_leaves_results(tmp_path, code, status, recipe):
    (tmp_path / "status.json").write_text(json.dumps(status))
    program(
        tmp_path / "bin" / "aim",
        f'#!/bin/sh\nif [ "$1" = wait ]; then echo "$@" > said; exit {code}; fi\ncat status.json\n',
    )
    results = {f"RESULT_{name}": str(tmp_path / name) for name in ("PHASE", "RECIPE", "URL")}
    step = TASKS["aim-wait"]["spec"]["steps"][0]
    given = {"ENDPOINT": "a; touch x", "NAMESPACE": "team", "TIMEOUT": "5m", "BOUND": "false", "KUBECONFIG_FOLDER": ""}
    done = run(step["script"], tmp_path, "sh", **given, **results)
    assert (done.returncode, done.stderr) == (code, "")
    assert (tmp_path / "said").read_text() == "wait a; touch x --namespace team --timeout 5m\n"
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "RECIPE").read_text() == recipe
    assert (tmp_path / "PHASE").read_text() == status.get("status", {}).get("phase", "")


ENDPOINT = """\
apiVersion: aim.engine.amd.com/v1alpha1
kind: AIMEndpoint
metadata: {{name: it}}
spec: {{modelId: Qwen/Qwen3-32B, gpuCount: {}}}
"""


@pytest.fixture
def changed(tmp_path) -> Path:
    """Files of before and after, a cluster, and the program as both pipelines find it."""
    for name, count in (("before", 1), ("after", 2), ("wrong", 3)):
        (tmp_path / f"{name}.yaml").write_text(ENDPOINT.format(count))
    nodes = (ROOT / "tests" / "cluster" / "nodes" / "mi300x.yaml").read_text()
    (tmp_path / "cluster.yaml").write_text(nodes)
    program(tmp_path / "bin" / "aim", f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m hooks.cli.main "$@"\n')
    program(tmp_path / "aim" / "bin" / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    return tmp_path


@pytest.mark.parametrize(("files", "code"), [("after.yaml", 0), ("wrong.yaml", 3)])
def test_the_task_that_plans_leaves_the_report_and_ends_as_aim_does(changed, files, code):
    step = TASKS["aim-plan"]["spec"]["steps"][0]
    report = changed / "aim-plan.md"
    given: dict[str, Any] = {"FILES": files, "CLUSTER": "cluster.yaml", "COMPARE": "before.yaml", "BOUND": "false"}
    done = run(step["script"], changed, "sh", **given, REPORT=str(report), KUBECONFIG_FOLDER="")
    assert (done.returncode, done.stdout) == (code, report.read_text())
    assert report.read_text().startswith("## What the endpoints get")


@pytest.mark.parametrize(
    ("files", "code", "fits"), [("after.yaml", 0, "true"), ("wrong.yaml", 3, "false"), ("absent", 2, "")]
)
def test_the_action_that_plans_reports_to_the_summary_and_says_whether_it_fits(changed, files, code, fits):
    [step] = [one for one in ACTIONS["plan"]["runs"]["steps"] if one.get("id") == "plan"]
    outputs = {name: str(changed / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    given = {"FILES": files, "CLUSTER": "cluster.yaml", "COMPARE": "before.yaml", "RUNNER_TEMP": str(changed)}
    done = run(step["run"], changed, "bash", **given, **outputs, AIM=str(ROOT))
    assert done.returncode == code, done.stderr
    written = dict(line.split("=", 1) for line in (changed / "github_output").read_text().splitlines())
    assert written.get("fits", "") == fits
    assert (changed / "github_step_summary").read_text() == Path(written["report"]).read_text() == done.stdout


def test_without_a_right_to_comment_the_check_is_what_it_is(tmp_path):
    [step] = [one for one in ACTIONS["plan"]["runs"]["steps"] if one.get("name") == "comment"]
    (tmp_path / "report.md").write_text("x")
    program(tmp_path / "bin" / "gh", '#!/bin/sh\necho "$@" > said\nexit 1\n')
    done = run(step["run"], tmp_path, "bash", REPORT="report.md", PULL_REQUEST="https://github.com/a/b/pull/1")
    assert (done.returncode, done.stdout.startswith("::notice::no comment")) == (0, True)
    assert "pr comment https://github.com/a/b/pull/1 --body-file report.md" in (tmp_path / "said").read_text()


def test_the_actions_install_what_is_locked():
    [step] = [one for one in ACTIONS["plan"]["runs"]["steps"] if one.get("name") == "install"]
    assert "--require-hashes" in step["run"]
    assert (FOLDER / "github" / "plan" / "../../../..").resolve() == ROOT
