"""The operator on a local control plane: shipped kustomizations, hook server, Metacontroller or its stand-in."""

import dataclasses
import os
import ssl
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

from hooks.jobs.certificates.clients import webhook_path
from tests.cluster import mounts
from tests.cluster.components import answers
from tests.cluster.plane import HERE, ROOT, ControlPlane
from tests.cluster.processes import Process, StartError, free_ports

OVERLAY = ROOT / "manifests" / "overlays" / "default"
METACONTROLLER = HERE / "metacontroller"


def steps(root: Path = ROOT) -> tuple[Path, Path, Path]:
    """The steps of an installation; for manifests/metacontroller, which needs the network, METACONTROLLER stands."""
    manifests = root / "manifests"
    return manifests / "crds", root / METACONTROLLER.relative_to(ROOT), manifests / "overlays" / "default"


STEPS = steps()
"""Those of this checkout."""
# How the shipped controllers address the hook server. It does not run inside this control plane, whose pods are
# simulated, so its address is the one thing that differs from what is installed on a real cluster: in the URLs, in the
# webhooks, and in what its certificate is for.
IN_CLUSTER = "https://aim-hooks.aim-system.svc/"
HOST = "127.0.0.1"
START_SECONDS = 180
DOCUMENT_END = "\n---\n"
CATALOGUE = ("AIMRecipe", "AIMModel")


class Urls(NamedTuple):
    """Where the hook server answers: hooks, probes and metrics, and admission."""

    hooks: str
    admission: str


@dataclass(frozen=True)
class Operator:
    """The running operator: its two processes, where they answer, and whether Metacontroller is the real one."""

    hooks: Process
    urls: Urls
    metacontroller: Process
    metrics_url: str
    real: bool
    authorities: Path
    """Whom to trust as the hook server, as PEM."""

    @property
    def hooks_url(self) -> str:
        """Where the hook server answers hooks, probes and for metrics."""
        return self.urls.hooks

    def read(self, path: str) -> str:
        """What the hook server answers to a GET."""
        context = ssl.create_default_context(cafile=str(self.authorities))
        with urllib.request.urlopen(f"{self.urls.hooks}{path}", timeout=10, context=context) as reply:  # noqa: S310 - loopback
            return str(reply.read().decode())


def install(
    plane: ControlPlane,
    report: Callable[[str], None] = lambda _: None,
    *,
    as_admin: bool = False,
    root: Path = ROOT,
) -> Operator:
    """Install and start everything from a checkout, and wait until nodes and recipes are known.

    METACONTROLLER in the environment names the real program; without it the stand-in runs. It may do what the shipped
    role allows and no more, unless `as_admin`.
    """
    hooks_port, admission_port, metrics_port, health_port = free_ports(4)
    urls = Urls(*(f"https://{HOST}:{port}" for port in (hooks_port, admission_port)))
    plane.run_release(root)
    for step in steps(root):
        apply(plane, step, urls)
        report(f"applied {step.relative_to(root)}")
    plane.wait_for("the certificates to be handed out", lambda: certified(plane), START_SECONDS)
    mounts.refresh(plane)
    report("certificates made and handed out")
    hooks = start_hooks(plane, urls, root)
    report(f"hook server at {urls.hooks}")
    program = os.environ.get("METACONTROLLER")
    metacontroller = plane.run(
        "metacontroller",
        *([program] if program else [sys.executable, "-m", "tests.cluster.standin"]),
        f"--kubeconfig={plane.kubeconfig if as_admin else own_account(plane, 'metacontroller', 'metacontroller')}",
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
    metrics_url = f"http://127.0.0.1:{metrics_port}/metrics"
    return Operator(hooks, urls, metacontroller, metrics_url, bool(program), _authorities(plane))


def replace(plane: ControlPlane, installed: Operator, root: Path) -> Operator:
    """Install another release over the one that runs, as docs/operate/upgrade.md does; its hook server takes over."""
    plane.run_release(root)
    for step in steps(root):
        # Of two checkouts of one release, the Jobs have one name, and may not be changed.
        plane.kubectl("delete", "job", "--namespace=aim-system", "--all", "--ignore-not-found")
        apply(plane, step, installed.urls)
    plane.wait_for("the certificates to be handed out", lambda: certified(plane), START_SECONDS)
    mounts.refresh(plane)
    installed.hooks.stop()
    return dataclasses.replace(installed, hooks=start_hooks(plane, installed.urls, root))


def start_hooks(plane: ControlPlane, urls: Urls, root: Path = ROOT) -> Process:
    """The hook server as its image runs it, with the shipped rights; again after it was stopped, too."""
    metrics = plane.folder / "metrics"
    metrics.mkdir(exist_ok=True)
    hooks = plane.run(
        "hooks",
        *(
            "env",
            f"--chdir={root}",  # where modules are looked for first
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "python:hooks.server.gunicorn_conf",
            "hooks.server.app:create_app()",
        ),
        PYTHONPATH=str(root),
        AIM_BIND=",".join(url.removeprefix("https://") for url in urls),
        AIM_TLS=str(mounts.folder(plane, mounts.TLS)),
        AIM_CALLERS=str(mounts.folder(plane, mounts.CALLERS)),
        AIM_ADMISSION_PORT=urls.admission.rpartition(":")[2],
        AIM_CONFIG=str(settings(plane)),
        AIM_OBSERVE=shipped_variable(root, "AIM_OBSERVE"),
        AIM_EVENTS="true",
        KUBECONFIG=str(own_account(plane, "aim-hooks", "aim-system")),
        PROMETHEUS_MULTIPROC_DIR=str(metrics),
    )
    hooks.wait_until(lambda: answers(f"{urls.hooks}/readyz", str(_authorities(plane))), START_SECONDS)
    return hooks


def shipped_variable(root: Path, name: str) -> str:
    """What a release's Deployment of the hook server sets: the former one knows fewer observers."""
    documents = yaml.safe_load_all((root / "manifests" / "base" / "deployment.yaml").read_text())
    deployment = next(one for one in documents if one["kind"] == "Deployment")
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return next(str(one["value"]) for one in variables if one["name"] == name)


def settings(plane: ControlPlane) -> Path:
    """The settings: the default ones, and hubs that get a token: that of the full example, and one on loopback."""
    place = plane.folder / "config.yaml"
    if not place.exists():
        hubs = ["https://huggingface.co", "https://hub.example.com", f"http://{HOST}:{free_ports(1)[0]}"]
        place.write_text(yaml.safe_dump({"tokenHubs": hubs}))
    return place


def token_hub_port(plane: ControlPlane) -> int:
    """The port of that hub."""
    return int(yaml.safe_load(settings(plane).read_text())["tokenHubs"][-1].rpartition(":")[2])


def apply(plane: ControlPlane, kustomization: Path, urls: Urls, *arguments: str, catalogue: bool = True) -> None:
    """`kubectl apply -k`, but for the address of the hook server; on the server's side unless `arguments` say else.

    Without `catalogue` the three hundred recipes and models, which are there, are left out: they take a minute.
    """
    rendered = addressed(plane.kubectl("kustomize", str(kustomization)), urls, mounts.token(plane))
    if not catalogue:
        documents = rendered.split(DOCUMENT_END)
        rendered = DOCUMENT_END.join(
            one for one in documents if not any(f"\nkind: {kind}\n" in one for kind in CATALOGUE)
        )
    plane.kubectl("apply", *(arguments or ("--server-side",)), "--filename=-", input=rendered)


def addressed(rendered: str, urls: Urls, token: str) -> str:
    """The objects with the hook server's address here, and a certificate that is for it.

    Of a webhook that is one text with its path and the token, where a cluster has a field for each: what has been
    handed out is repeated, so that applying it again is no quarrel about it.
    """
    documents = rendered.replace(IN_CLUSTER, f"{urls.hooks}/").split(DOCUMENT_END)
    return DOCUMENT_END.join(_addressed(one, urls, token) for one in documents)


def _addressed(document: str, urls: Urls, token: str) -> str:
    if not any(f"\nkind: {kind}\n" in document for kind in ("Job", "CronJob", *WEBHOOKS)):
        return document  # CRDs take seconds to parse
    found = yaml.safe_load(document)
    for webhook in found.get("webhooks", ()):
        webhook["clientConfig"] = {"url": f"{urls.admission}{webhook_path(webhook['name'], token)}"}
    if found["kind"] in {"Job", "CronJob"} and found["metadata"]["name"].startswith("aim-certificates"):
        spec = found["spec"].get("jobTemplate", found)["spec"]["template"]["spec"]
        spec["containers"][0].setdefault("args", []).append(f"--host={HOST}")
    return yaml.safe_dump(found)


WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


def certified(plane: ControlPlane) -> bool:
    """Whether the shipped Job has gone as far as the last of the controllers, and of the webhooks."""
    controllers = plane.get("compositecontrollers,decoratorcontrollers")["items"]
    configurations = plane.get(",".join(f"{kind.lower()}s" for kind in WEBHOOKS))["items"]
    webhooks = [webhook for one in configurations for webhook in one["webhooks"]]
    return all(
        "aim.engine.amd.com/caller-token" in one["metadata"].get("annotations", {}) for one in controllers
    ) and all("caBundle" in one["clientConfig"] for one in webhooks)


def _authorities(plane: ControlPlane) -> Path:
    return mounts.folder(plane, mounts.TLS) / "ca.crt"


def own_account(plane: ControlPlane, name: str, namespace: str) -> Path:
    """A kubeconfig with the token of a service account that the kustomizations make."""
    token = plane.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=48h")
    return plane.credentials.kubeconfig(name, plane.server, token.strip())


def _settled(plane: ControlPlane) -> bool:
    """Whether nodes and recipes are all known: what an endpoint gets no longer depends on when it asks."""
    if any(recipe["status"]["phase"] == "Pending" for recipe in plane.get("aimrecipes")["items"]):
        return False
    facts = plane.get("aimnodes")["items"]
    if len(facts) < len(plane.get("nodes")["items"]):
        return False
    usable = sum(node["spec"]["usable"] for node in facts)
    return plane.get("aiminventory", "cluster").get("status", {}).get("nodes") == usable
