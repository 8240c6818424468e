"""The Tasks of Tekton and the actions of GitHub, from the table in health.yaml: plan a change, wait for an endpoint."""

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.gitops.health import FOLDER, as_yaml, table
from tests.kustomize import ROOT

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
IMAGE = f"ghcr.io/aim-engine/aim-hooks:{VERSION}"
SCRIPTS = Path(__file__).parent / "scripts"
PYTHON = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065"
"""Of release 5.6.0."""
RESULT_BYTES = 300
"""Of each result of a Task: all of a step share 4,096 bytes of its termination message."""
SCRATCH = "/tmp"  # noqa: S108 - in the container
LOCKED = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def outcomes() -> str:
    """How a wait ends, from the table, in a sentence."""
    phases: dict[int, list[str]] = defaultdict(list)
    for phase, code in table()["AIMEndpoint"]["wait"].items():
        phases[code].append(phase)
    ends = [f"{code} when it is {' or '.join(phases[code])}" for code in sorted(phases)]
    return f"Exit codes: {', '.join(ends)}, 3 when nothing fits, 124 when the time is over, 1 without the cluster."


def script(name: str) -> str:
    """A script for any POSIX shell; what it works on comes by variables, so that no text of users is run."""
    return (SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")


WAIT = "Waits until an AIMEndpoint is ready, and ends at once when it will not be."
PLAN = "Reports as Markdown what AIMEndpoints and AIMCaches in files get, and what is different from before."


def tasks() -> str:
    """Both Tasks of Tekton."""
    endpoint = {"name": "endpoint", "type": "string", "description": "Name of the AIMEndpoint."}
    kubeconfig = {
        "name": "kubeconfig",
        "optional": True,
        "description": "Has the file `kubeconfig`; without it, the account of the pod asks its own cluster.",
    }
    wait = {
        "description": f"{WAIT} {outcomes()}",
        "params": [
            endpoint,
            {"name": "namespace", "type": "string", "default": "default", "description": "Its namespace."},
            {"name": "timeout", "type": "string", "default": "1h", "description": "Wait no longer than this."},
        ],
        "workspaces": [kubeconfig],
        "results": [
            {"name": name, "type": "string", "description": text}
            for name, text in (
                ("phase", "Its phase."),
                ("recipe", "What is selected."),
                ("url", "Where it answers inside the cluster."),
            )
        ],
        "steps": [
            _step(
                "wait",
                {
                    "ENDPOINT": "$(params.endpoint)",
                    "NAMESPACE": "$(params.namespace)",
                    "TIMEOUT": "$(params.timeout)",
                    **{f"RESULT_{name.upper()}": f"$(results.{name}.path)" for name in ("phase", "recipe", "url")},
                    **_kubeconfig(),
                },
            )
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    plan = {
        "description": f"{PLAN} Exit codes: 0, 3 when nothing fits for one of them, 2 for bad input.",
        "params": [
            {"name": "files", "type": "string", "description": "A file or folder below the workspace."},
            {
                "name": "cluster",
                "type": "string",
                "default": "",
                "description": "An AIMInventory below the workspace; the cluster that is reached when left out.",
            },
            {
                "name": "compare",
                "type": "string",
                "default": "",
                "description": "Files of before, below the workspace, or LIVE for the cluster that is reached.",
            },
        ],
        "workspaces": [
            {"name": "source", "description": "The files; the report is written there as `aim-plan.md`."},
            kubeconfig,
        ],
        "steps": [
            {
                **_step(
                    "plan",
                    {
                        "FILES": "$(params.files)",
                        "CLUSTER": "$(params.cluster)",
                        "COMPARE": "$(params.compare)",
                        "REPORT": "$(workspaces.source.path)/aim-plan.md",
                        **_kubeconfig(),
                    },
                ),
                "workingDir": "$(workspaces.source.path)",
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    texts = [as_yaml(_task(name, spec)) for name, spec in (("aim-plan", plan), ("aim-wait", wait))]
    return "---\n".join(texts)


def _task(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app.kubernetes.io/version": VERSION}}
    return {"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": metadata, "spec": spec}


def _kubeconfig() -> dict[str, str]:
    return {
        "BOUND": "$(workspaces.kubeconfig.bound)",
        "KUBECONFIG_FOLDER": "$(workspaces.kubeconfig.path)",
        "HOME": SCRATCH,
    }


def _step(name: str, env: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "image": IMAGE,
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "volumeMounts": [{"name": "tmp", "mountPath": SCRATCH}],
        "securityContext": LOCKED,
        "script": "#!/bin/sh\n" + script("kubeconfig") + script(name) + ('exit "$code"\n' if name == "plan" else ""),
    }


def action(name: str) -> str:
    """An action of GitHub, which runs this repository's own program at the release that the action is taken at."""
    inputs: dict[str, dict[str, Any]] = {
        "plan": {
            "files": {"description": "A file or folder with AIMEndpoints and AIMCaches.", "required": True},
            "cluster": {"description": "An AIMInventory as a file; the kubeconfig's cluster when left out."},
            "compare": {"description": "Files of before, or LIVE for the kubeconfig's cluster."},
            "comment": {"description": "Whether the report becomes a comment on the pull request.", "default": "true"},
        },
        "wait": {
            "endpoint": {"description": "Name of the AIMEndpoint.", "required": True},
            "namespace": {"description": "Its namespace.", "default": "default"},
            "timeout": {"description": "Wait no longer than this.", "default": "1h"},
        },
    }[name]
    outputs = {
        "plan": {"report": "Path of the report.", "fits": "true or false: whether something fits for each of them."},
        "wait": {"phase": "Its phase.", "recipe": "What is selected.", "url": "Where it answers inside the cluster."},
    }[name]
    env = {one.upper(): f"${{{{ inputs.{one} }}}}" for one in inputs if one != "comment"}
    folder = "${{ github.action_path }}/../../../.."
    steps: list[dict[str, Any]] = [
        {"uses": PYTHON, "with": {"python-version": "3.11"}},
        {"name": "install", "shell": "bash", "env": {"AIM": folder}, "run": script("install")},
        {
            "name": name,
            "id": name,
            "shell": "bash",
            "env": {"AIM": folder, **env},
            "run": script("github") + script(name) + (script("github-plan") if name == "plan" else ""),
        },
    ]
    if name == "plan":
        steps.append(
            {
                "name": "comment",
                "if": "${{ always() && inputs.comment == 'true' && github.event_name == 'pull_request' }}",
                "shell": "bash",
                "env": {
                    "GH_TOKEN": "${{ github.token }}",
                    "PULL_REQUEST": "${{ github.event.pull_request.html_url }}",
                    "REPORT": "${{ steps.plan.outputs.report }}",
                },
                "run": script("comment"),
            }
        )
    described = {"plan": PLAN, "wait": f"{WAIT} {outcomes()}"}[name]
    found = {
        key: {"description": text, "value": f"${{{{ steps.{name}.outputs.{key} }}}}"} for key, text in outputs.items()
    }
    return as_yaml(
        {
            "name": f"aim {name}",
            "description": described,
            "inputs": inputs,
            "outputs": found,
            "runs": {"using": "composite", "steps": steps},
        }
    )


def files() -> dict[Path, str]:
    """Each file that is written, with its text."""
    actions = {FOLDER / "github" / name / "action.yml": action(name) for name in ("plan", "wait")}
    return {FOLDER / "tekton" / "tasks.yaml": tasks(), **actions}
