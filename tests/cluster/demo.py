"""The demo: a control plane with the operator, an example endpoint on it, and what the operator says about that."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import product

import yaml

from aimlib.api import API_VERSION
from tests.cluster import operator
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT, ControlPlane, KubectlError
from tests.cluster.processes import StartError

NODES = ("cpu", "mi300x", "mi325x")
EXAMPLE = ROOT / "manifests" / "examples" / "endpoint.yaml"
READY_SECONDS = 60


def run(*, serve: bool, as_admin: bool) -> None:
    """Bring everything up, serve the example if asked to, and stay up where there is someone to look at it."""
    began = time.monotonic()

    def report(done: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {done}", flush=True)

    with control_plane(report) as plane:
        try:
            plane.add_nodes(*NODES)
            report(f"nodes: {', '.join(NODES)}")
            operator.install(plane, report, as_admin=as_admin)
            if serve:
                _serve(plane)
                report(f"{EXAMPLE.relative_to(ROOT)} is Ready")
                _ask_too_much(plane)
                _get_stuck(plane)
                _show(plane)
        except (KubectlError, StartError, subprocess.CalledProcessError):
            _explain_failure(plane)
            raise
        if not serve or (sys.stdin.isatty() and sys.stdout.isatty()):
            print(f"\nexport KUBECONFIG={plane.kubeconfig}\nPATH={plane.programs['kubectl'].parent}:$PATH")
            print("Ctrl-C stops everything.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()
    report("stopped")


def _serve(plane: ControlPlane) -> None:
    plane.kubectl("apply", f"--filename={EXAMPLE}")
    plane.kubectl("wait", "--for=condition=Ready", f"--timeout={READY_SECONDS}s", f"--filename={EXAMPLE}")


def _ask_too_much(plane: ControlPlane) -> None:
    """The example on as many GPUs as no node has, and as no recipe uses: warnings, or refusals, as asked for."""
    example = yaml.safe_load(EXAMPLE.read_text())
    plane.kubectl("create", "namespace", "strict")
    plane.kubectl("label", "namespace", "strict", "aim.engine.amd.com/admission=enforce")
    for count, namespace in product((16, 3), ("default", "strict")):
        raw = {**example, "spec": {**example["spec"], "gpuCount": count}}
        command = ("kubectl", "apply", f"--namespace={namespace}", "--dry-run=server", "--filename=-")
        print(f"\n$ yq '.spec.gpuCount = {count}' {EXAMPLE.relative_to(ROOT)} | {' '.join(command)}", flush=True)
        subprocess.run(
            [plane.programs["kubectl"], *command[1:]],
            input=json.dumps(raw),
            env=plane.environment,
            stderr=subprocess.STDOUT,
            text=True,
            check=namespace == "default",
        )


def _get_stuck(plane: ControlPlane) -> None:
    """An endpoint whose engine keeps running out of memory, as its image is told to, and what is said of it."""
    spec = {"modelId": yaml.safe_load(EXAMPLE.read_text())["spec"]["modelId"], "image": {"tag": "v1-out-of-memory"}}
    raw = {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": "stuck"}, "spec": spec}
    plane.kubectl("apply", "--filename=-", input=json.dumps(raw))
    reason = """jsonpath={.status.conditions[?(@.type=="Ready")].reason}=OutOfGPUMemory"""
    plane.kubectl("wait", f"--for={reason}", f"--timeout={READY_SECONDS}s", "aimendpoint/stuck")
    shown = ("get", "aimendpoint", "stuck", "--output=jsonpath={.status.phase}: {.status.message}")
    print(f"\n$ kubectl {' '.join(shown)}\n{plane.kubectl(*shown)}", flush=True)


def _show(plane: ControlPlane) -> None:
    for arguments in (("get", "aimendpoints", "--output=wide"), ("get", "aiminventory")):
        print(f"\n$ kubectl {' '.join(arguments)}\n{plane.kubectl(*arguments)}", flush=True)
    [name] = plane.kubectl("get", f"--filename={EXAMPLE}", "--output=jsonpath={.metadata.name}").split()
    print(f"$ aim explain {name}", flush=True)
    subprocess.run(
        [sys.executable, "-m", "hooks.cli.main", "explain", name], env=plane.environment, cwd=ROOT, check=True
    )


def _explain_failure(plane: ControlPlane) -> None:
    """What a person would look at first: the objects, the events, the ends of the two logs that matter."""
    for arguments in (
        ("get", "aimendpoints,aiminventories,deployments,pods,persistentvolumeclaims", "--output=wide"),
        ("get", "aimendpoints", "--output=yaml"),
        ("get", "events", "--sort-by=.lastTimestamp", "--all-namespaces"),
    ):
        try:
            said = plane.kubectl(*arguments)
        except KubectlError as error:
            said = str(error)
        print(f"\n$ kubectl {' '.join(arguments)}\n{said}")
    for name in ("hooks", "metacontroller"):
        if process := plane.processes.get(name):
            print(f"\n--- {process.log}\n{process.tail(40)}")
    sys.stdout.flush()
