"""The commands of README and Quickstart, run one after the other on the control plane, print what the pages show."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.cluster import operator
from tests.cluster.plane import ROOT
from tests.docs.chatserver import serving
from tests.docs.commands import Step, steps
from tests.e2e.conftest import space_for

PAGES = {"README.md": ROOT / "README.md", "quickstart": ROOT / "docs" / "quickstart.md"}
NOT_RUN = {
    "kubectl apply --server-side -k manifests/crds": "the fixture of the installation has applied it",
    "make demo": "starts a control plane of its own, which tests/cluster/test_demo.py does",
    "kubectl apply -k manifests/metacontroller": "fetches Metacontroller's manifests from GitHub; "
    "tests/manifests builds it with a copy of them, and the control plane has Metacontroller's CRDs",
    "kubectl apply -k manifests/overlays/default": "the fixture of the installation has applied it, with another "
    "address of the hook server",
    "kubectl port-forward service/models 8000:80 &": "simulated pods serve nothing; a server on loopback takes "
    "their place",
}
"""Commands that are not run as they stand, and why."""
KEY = "my-key"
"""That of the pages."""
SHIMS = ROOT / "tests" / "docs" / "shims"


def steady(text: str) -> str:
    """Without what differs from one run to the next: ages, namespaces, the width of columns."""
    text = re.sub(r"(\d+m)?\d+s$", "AGE", text.strip(), flags=re.MULTILINE)
    text = re.sub(r'" deleted from \S+ namespace', '" deleted from NAMESPACE', text)
    return re.sub(r" +", " ", text)


def fits(printed: str, expected: str) -> bool:
    """Whether it is what the page shows, where `…` is anything."""
    pattern = re.escape(steady(expected)).replace("…", ".*")
    return not expected.strip() or re.fullmatch(pattern, steady(printed), re.DOTALL) is not None


def served_name(space) -> str:
    """The name by which the engine of the endpoint knows its model."""
    [container] = space.deployment("qwen")["spec"]["template"]["spec"]["containers"]
    arguments = container["args"]
    return arguments[arguments.index("--served-model-name") + 1]


@pytest.mark.e2e
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_print_what_it_shows(cluster, page, tmp_path):
    shown = [step.text for step in steps(PAGES[page]) if step.text in NOT_RUN and "apply" in step.text]
    assert [text.rpartition("manifests/")[2] for text in shown] == ["crds", "metacontroller", "overlays/default"]
    assert [path.name for path in operator.STEPS] == ["crds", "metacontroller", "default"]
    with space_for(cluster, f"page {page}") as space:
        kubeconfig = tmp_path / "kubeconfig"
        shutil.copy(cluster.kubeconfig, kubeconfig)
        context = ("config", "set-context", "--current", f"--namespace={space.namespace}")
        cluster.kubectl(*context, f"--kubeconfig={kubeconfig}")
        path = f"{ROOT / '.venv' / 'bin'}:{cluster.environment['PATH']}"
        environment = {**cluster.environment, "KUBECONFIG": str(kubeconfig), "PATH": path, "PYTHONPATH": str(SHIMS)}
        follow(steps(PAGES[page]), space, environment, tmp_path)


def follow(todo, space, environment, folder):
    """Do what a page shows, in its order; a port that it forwards is that of a server on loopback."""
    with serving("Qwen/Qwen3-32B") as server:
        for step in todo:
            text = step.text.replace("http://localhost:8000", server.address)
            match step.kind:
                case "file":
                    (folder / step.text).write_text(step.printed)
                case "python":
                    done = subprocess.run(
                        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=True
                    )
                    assert done.stdout == "You wrote: Hi\n"
                case _ if step.text not in NOT_RUN:
                    run(step._replace(text=text), space, environment, folder)
        assert {one["model"] for one in server.requests} == {"Qwen/Qwen3-32B"}
        assert server.keys == {KEY}


def run(step: Step, space, environment, folder) -> None:
    """Run one command until it prints what the page shows."""
    if step.text.startswith("curl"):
        assert served_name(space) == "Qwen/Qwen3-32B"
    command = ["bash", "-c", step.text]
    seconds = 30 if step.text.startswith("kubectl get") else 0
    printed = ""

    def arrived() -> bool:
        nonlocal printed
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        printed = done.stderr + done.stdout
        assert done.returncode == 0, f"{step.text}\n{printed}"
        return fits(printed, step.printed)

    try:
        space.plane.wait_for(step.text, arrived, seconds)
    except Exception as error:
        raise AssertionError(f"{step.text}\nprints\n{printed}\nand the page shows\n{step.printed}") from error


def test_no_command_is_left_out_but_those_that_are_listed():
    shown = {step.text for page in PAGES.values() for step in steps(page) if step.kind == "command"}
    assert set(NOT_RUN) - shown == set()
