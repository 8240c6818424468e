"""The demo: a control plane with the operator, an example endpoint on it, what the operator says of it, and a chat.

The chat goes through a gateway, as it does for a user.
"""

import http.client
import json
import secrets
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from aimlib.api import API_VERSION
from tests.cluster import operator
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT, ControlPlane, KubectlError
from tests.cluster.processes import StartError
from tests.dataplane import engine, names, network, running

NODES = ("cpu", "mi300x", "mi325x")
EXAMPLE, GATEWAY = (ROOT / "manifests" / "examples" / f"{name}.yaml" for name in ("endpoint", "gateway"))
SECRET, CLIENT = "model-keys", "team-red"
"""What the gateway of the example has its keys from, and who has one."""
READY_SECONDS = 60


def run(*, serve: bool, as_admin: bool) -> None:
    """Bring everything up, serve the example if asked to, and stay up where there is someone to look at it."""
    began = time.monotonic()

    def report(done: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {done}", flush=True)

    with control_plane(report) as plane, ExitStack() as stack:
        try:
            if network.inside():
                found = stack.enter_context(names.answered())
                stack.enter_context(running.data_plane(plane, engine.SIMULATED, found))
                running.add_nodes(plane, running.nodes_like(*NODES))
            else:
                plane.add_nodes(*NODES)
            report(f"nodes: {', '.join(NODES)}")
            operator.install(plane, report, as_admin=as_admin)
            key = ""
            if serve:
                _serve(plane)
                report(f"{EXAMPLE.relative_to(ROOT)} is Ready")
                _ask_too_much(plane)
                _get_stuck(plane)
                _show(plane)
                key = _chat(plane)
        except (KubectlError, StartError, subprocess.CalledProcessError):
            _explain_failure(plane)
            raise
        if not serve or (sys.stdin.isatty() and sys.stdout.isatty()):
            print(f"\n{_how_to_look_around(plane, key)}", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()
    report("stopped")


def _how_to_look_around(plane: ControlPlane, key: str) -> str:
    """What somebody types in a second terminal; with the API key of the gateway, where there is one."""
    programs = f"{plane.programs['kubectl'].parent}:{Path(sys.executable).parent}"
    words = [
        "Ctrl-C stops everything. To look around meanwhile, type this in a second terminal:",
        *([network.shell()] if network.inside() else ()),
        f"export KUBECONFIG={plane.kubeconfig} PATH={programs}:$PATH{f' KEY={key}' if key else ''}",
        "aim status",
    ]
    return "\n\n".join((words[0], "\n".join(words[1:])))


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
    model = yaml.safe_load(EXAMPLE.read_text())["spec"]["modelId"]
    # Nobody is to be sent there by the gateway, which would name both that claim the model.
    spec = {"modelId": model, "image": {"tag": "v1-out-of-memory"}, "routing": {"enabled": False}}
    raw = {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": "stuck"}, "spec": spec}
    plane.kubectl("apply", "--filename=-", input=json.dumps(raw))
    reason = """jsonpath={.status.conditions[?(@.type=="Ready")].reason}=OutOfGPUMemory"""
    plane.kubectl("wait", f"--for={reason}", f"--timeout={READY_SECONDS}s", "aimendpoint/stuck")
    shown = ("get", "aimendpoint", "stuck", "--output=jsonpath={.status.phase}: {.status.message}")
    print(f"\n$ kubectl {shlex.join(shown)}\n{plane.kubectl(*shown)}", flush=True)


def _show(plane: ControlPlane) -> None:
    for arguments in (("get", "aimendpoints", "--output=wide"), ("get", "aiminventory")):
        print(f"\n$ kubectl {' '.join(arguments)}\n{plane.kubectl(*arguments).rstrip()}", flush=True)
    [name] = plane.kubectl("get", f"--filename={EXAMPLE}", "--output=jsonpath={.metadata.name}").split()
    print(f"\n$ aim explain {name}", flush=True)
    subprocess.run(
        [sys.executable, "-m", "hooks.cli.main", "explain", name], env=plane.environment, cwd=ROOT, check=True
    )


def _chat(plane: ControlPlane) -> str:
    """A gateway with one API key, which is returned, and one question to the example's model at its URL."""
    if why := None if network.inside() else network.refusal():
        print(f"\nno chat: {why}", flush=True)
        return ""
    key, shown = secrets.token_hex(16), GATEWAY.relative_to(ROOT)
    for words in (
        f"create secret generic {SECRET} --from-literal={CLIENT}=$KEY",
        f"apply --filename={shown}",
        f"wait --for=condition=Ready --timeout={READY_SECONDS}s --filename={shown}",
        "get aimgateways",
    ):
        print(f"\n$ kubectl {words}\n{plane.kubectl(*words.replace('$KEY', key).split()).rstrip()}", flush=True)
    url = plane.get(f"--filename={GATEWAY}")["status"]["url"]
    model = yaml.safe_load(EXAMPLE.read_text())["spec"]["modelId"]
    plane.wait_for("the model to be listed", lambda: model in listed_models(url, key), READY_SECONDS)
    asked = json.dumps({"model": model, "messages": [{"role": "user", "content": "Who are you?"}]})
    print(f"\n$ curl {url}/chat/completions -H \"Authorization: Bearer $KEY\" --json '{asked}'", flush=True)
    print(json.dumps(_request(f"{url}/chat/completions", key, asked)["choices"][0]["message"]["content"]), flush=True)
    return key


def listed_models(url: str, key: str) -> list[str]:
    """What the gateway lists for whoever has this key; nothing while it does not answer yet."""
    try:
        return [one["id"] for one in _request(f"{url}/models", key)["data"]]
    except (OSError, http.client.HTTPException):
        return []


def _request(url: str, key: str, body: str | None = None) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, body and body.encode(), headers)  # noqa: S310 - http
    with urllib.request.urlopen(request, timeout=READY_SECONDS) as reply:  # noqa: S310 - as above
        return json.load(reply)


def _explain_failure(plane: ControlPlane) -> None:
    """What a person would look at first: the objects, the events, the ends of the two logs that matter."""
    for arguments in (
        ("get", "aimendpoints,aimgateways,aiminventories,deployments,pods,persistentvolumeclaims", "--output=wide"),
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
