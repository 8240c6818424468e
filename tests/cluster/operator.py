"""The operator on a local control plane: shipped kustomizations, hook server, Metacontroller or its stand-in."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.components import answers
from tests.cluster.plane import HERE, ROOT, ControlPlane
from tests.cluster.processes import Process, StartError, free_ports

STEPS = (HERE / "metacontroller", ROOT / "manifests" / "overlays" / "default")
# How the shipped controllers address the hook server. It does not run inside this control plane, whose pods are
# simulated, so this part of each URL is the one thing that differs from what is installed on a real cluster.
IN_CLUSTER = "http://aim-hooks.aim-system.svc/"
START_SECONDS = 60


@dataclass(frozen=True)
class Operator:
    """The running operator: its two processes, where they answer, and whether Metacontroller is the real one."""

    hooks: Process
    hooks_url: str
    metacontroller: Process
    metrics_url: str
    real: bool


def install(plane: ControlPlane, report: Callable[[str], None] = lambda _: None, *, as_admin: bool = False) -> Operator:
    """Install and start everything, and wait until nodes and recipes are known.

    METACONTROLLER in the environment names the real program; without it the stand-in runs. It may do what the shipped
    role allows and no more, unless `as_admin`.
    """
    hooks_port, metrics_port, health_port = free_ports(3)
    hooks_url = f"http://127.0.0.1:{hooks_port}"
    for step in STEPS:
        apply(plane, step, hooks_url)
        report(f"applied {step.relative_to(ROOT)}")
    hooks = start_hooks(plane, hooks_url)
    report(f"hook server at {hooks_url}")
    program = os.environ.get("METACONTROLLER")
    metacontroller = plane.run(
        "metacontroller",
        *([program] if program else [sys.executable, "-m", "tests.cluster.standin"]),
        f"--kubeconfig={plane.kubeconfig if as_admin else _own_account(plane, 'metacontroller', 'metacontroller')}",
        "--discovery-interval=1s",
        f"--metrics-address=127.0.0.1:{metrics_port}",
        f"--health-probe-bind-address=127.0.0.1:{health_port}",
        "--client-go-qps=100",
        "--client-go-burst=200",
        "--workers=20",
        PYTHONPATH=str(ROOT),
    )
    try:
        metacontroller.wait_until(lambda: _settled(plane), START_SECONDS)
    except StartError as error:
        raise StartError(f"{error}\n{hooks.log}:\n{hooks.tail()}") from None
    report(f"{program or 'the stand-in for Metacontroller (for development and tests only)'}: nodes and recipes known")
    return Operator(hooks, hooks_url, metacontroller, f"http://127.0.0.1:{metrics_port}/metrics", bool(program))


def start_hooks(plane: ControlPlane, url: str) -> Process:
    """The hook server as its image runs it, with the shipped settings and rights; again after it was stopped, too."""
    metrics = plane.folder / "metrics"
    metrics.mkdir(exist_ok=True)
    address = url.removeprefix("http://")
    hooks = plane.run(
        "hooks",
        *(sys.executable, "-m", "gunicorn", "--config", ROOT / "hooks" / "gunicorn_conf.py", "--bind", address),
        "hooks.app:create_app()",
        PYTHONPATH=str(ROOT),
        AIM_CONFIG=str(ROOT / "manifests" / "base" / "config.yaml"),
        AIM_OBSERVE="pods",
        KUBECONFIG=str(_own_account(plane, "aim-hooks", "aim-system")),
        PROMETHEUS_MULTIPROC_DIR=str(metrics),
    )
    hooks.wait_until(lambda: answers(f"{url}/readyz"), START_SECONDS)
    return hooks


def apply(plane: ControlPlane, kustomization: Path, hooks_url: str) -> None:
    """`kubectl apply -k`, but for the address of the hook server."""
    rendered = plane.kubectl("kustomize", str(kustomization)).replace(IN_CLUSTER, f"{hooks_url}/")
    plane.kubectl("apply", "--server-side", "--filename=-", input=rendered)


def _own_account(plane: ControlPlane, name: str, namespace: str) -> Path:
    """A kubeconfig with the token of a service account that the kustomizations make."""
    token = plane.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=48h")
    return plane.credentials.kubeconfig(name, plane.server, token.strip())


def _settled(plane: ControlPlane) -> bool:
    """Whether nodes and recipes are all known: what an endpoint gets no longer depends on when it asks."""
    if not all(recipe.get("status") for recipe in plane.get("aimrecipes")["items"]):
        return False
    facts = plane.get("aimnodes")["items"]
    if len(facts) < len(plane.get("nodes")["items"]):
        return False
    usable = sum(node["spec"]["usable"] for node in facts)
    return plane.get("aiminventory", "cluster").get("status", {}).get("nodes") == usable
