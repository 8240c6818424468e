"""Summarizes children and recipes as table rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from aimlib.api.meta import Raw
from aimlib.caching.weight_files import repositories_text
from aimlib.hardware.device_claims import claimed_text
from aimlib.selection.recipe_check import model_of
from hooks.cli.tables import Cell
from hooks.planning.numbers import counts

PLAN_HEAD = ("NAMESPACE", "KIND", "NAME", "DETAIL")
ENDPOINTS = "ENDPOINTS"
COLUMNS = {
    "NAME": "name",
    "MODEL": "model",
    "HARDWARE": "hardware",
    "PRECISION": "precision",
    "ENGINE": "backend",
    "GPUS": "gpuCounts",
    "PHASE": "phase",
    "CHECKPOINT": "checkpoint",
    "MESSAGE": "message",
    ENDPOINTS: "endpoints",
}
"""The columns of recipes, and the field that each shows."""
RECIPE_HEAD = ("NAME", "MODEL", "HARDWARE", "PRECISION", "ENGINE", "GPUS", "PHASE")
RECIPE_OMISSIBLE = ("MODEL", "ENGINE", "PRECISION", "HARDWARE")
"""Columns that a narrow terminal does without, since the names of recipes have it; `-o wide` has all."""
WIDE_RECIPE_HEAD = (*RECIPE_HEAD, "CHECKPOINT", "MESSAGE")


def plan_rows(children: Iterable[Raw]) -> Iterator[Sequence[Cell]]:
    """A row per child."""
    for child in children:
        metadata, kind = child["metadata"], child["kind"]
        yield metadata["namespace"], kind, metadata["name"], DETAILS.get(kind, lambda _: None)(child)


def _deployment(child: Raw) -> str:
    return f"{child['spec']['replicas']} x {_engine(child['spec']['template'])}"


def _engine(template: Raw) -> str:
    [container] = template["spec"]["containers"]
    requests = ", ".join(f"{name} {amount}" for name, amount in container["resources"]["requests"].items())
    named, at, digest = container["image"].partition("@sha256:")
    return f"{named}{at}{digest[:12]}: {requests}"


def _group(child: Raw) -> str:
    group = child["spec"]["leaderWorkerTemplate"]
    return f"{child['spec']['replicas']} x {group['size']} nodes, each {_engine(group['leaderTemplate'])}"


def _service(child: Raw) -> str:
    return f"{child['spec']['type']}, port {child['spec']['ports'][0]['port']}"


def _claim(child: Raw) -> str:
    return f"{child['spec']['resources']['requests']['storage']}, {', '.join(child['spec']['accessModes'])}"


def _autoscaler(child: Raw) -> str:
    return f"{child['spec']['minReplicas']} to {child['spec']['maxReplicas']} replicas"


def _scaled_object(child: Raw) -> str:
    names = ", ".join(trigger["name"] for trigger in child["spec"]["triggers"])
    return f"{child['spec']['minReplicaCount']} to {child['spec']['maxReplicaCount']} replicas by {names}"


def _route(child: Raw) -> str:
    gateways = ", ".join(f"Gateway {parent_ref['name']}" for parent_ref in child["spec"]["parentRefs"])
    hostnames = ", ".join(child["spec"].get("hostnames", ["any host name"]))
    return f"{gateways}: {hostnames}"


def _job(child: Raw) -> str:
    [container] = child["spec"]["template"]["spec"]["containers"]
    return " ".join(arg for arg in container["args"] if arg.startswith(("--model=", "--revision=")))


def _cronjob(child: Raw) -> str:
    return str(child["spec"]["schedule"])


DETAILS: Mapping[str, Callable[[Raw], str]] = {
    "Deployment": _deployment,
    "LeaderWorkerSet": _group,
    "ResourceClaimTemplate": lambda child: claimed_text(child["spec"]["spec"]),
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "HorizontalPodAutoscaler": _autoscaler,
    "HTTPRoute": _route,
    "ScaledObject": _scaled_object,
    "Job": _job,
    "CronJob": _cronjob,
}
"""The details of a child, by kind."""


def recipe_data(raw: Raw, used: Mapping[str, int] | None) -> Raw:
    """The facts of a recipe, valid or not; with the number of endpoints that it serves where that is known."""
    spec = raw.get("spec")
    found = spec if isinstance(spec, dict) else {}
    status = raw.get("status") or {}
    name = raw["metadata"]["name"]
    return {
        "name": name,
        "model": model_of(raw),
        **{key: found.get(key) for key in ("hardware", "precision", "backend")},
        "checkpoint": repositories_text(found),
        "gpuCounts": counts(status.get("gpuCounts")),
        **{key: status.get(key) for key in ("phase", "message")},
        **({"endpoints": used.get(name, 0)} if used is not None else {}),
    }


def recipe_row(data: Raw, head: Sequence[str]) -> list[Cell]:
    """The facts under a table's head."""
    cells = (data[COLUMNS[title]] for title in head)
    return [", ".join(map(str, cell)) if isinstance(cell, list) else cell for cell in cells]
