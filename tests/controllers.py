"""What the controllers of metacontroller/ declare: the kinds of the children that a hook's request has."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.files import read_all
from tests.kustomize import ROOT
from tests.schema import definitions, plural

KUBERNETES = (
    "Deployment.apps/v1",
    "Service.v1",
    "PersistentVolumeClaim.v1",
    "ServiceAccount.v1",
    "ConfigMap.v1",
    "HorizontalPodAutoscaler.autoscaling/v2",
    "PodDisruptionBudget.policy/v1",
    "Job.batch/v1",
    "CronJob.batch/v1",
    "Role.rbac.authorization.k8s.io/v1",
    "NetworkPolicy.networking.k8s.io/v1",
    "RoleBinding.rbac.authorization.k8s.io/v1",
    "ResourceClaimTemplate.resource.k8s.io/v1",
)
"""Kinds of Kubernetes itself that children have, as the keys of a request; those of CRDs are read from the CRDs."""


@cache
def _kinds() -> dict[tuple[str, str], str]:
    """Keys by apiVersion and resource, which is how a controller names a kind."""
    ours = {(one.partition(".")[2], plural(one.partition(".")[0])): one for one in KUBERNETES}
    return ours | {
        (f"{crd['group']}/{version['name']}", crd["names"]["plural"]): f"{kind}.{crd['group']}/{version['name']}"
        for (_, kind), crd in definitions().items()
        for version in crd["versions"]
    }


def _places(name: str) -> tuple[Path, ...]:
    """Where a controller may be: a component has that of an API that may be missing."""
    return ROOT / "metacontroller" / f"{name}.yaml", *(ROOT / "manifests" / "components").glob(f"*/{name}.yaml")


@cache
def declared(name: str) -> tuple[str, ...]:
    """The kinds that a controller declares as children or attachments, in its order."""
    [spec] = (
        one["spec"]
        for one in read_all(next(place for place in _places(name) if place.exists()))
        if one["kind"] in {"CompositeController", "DecoratorController"}
    )
    listed = [*spec.get("childResources", ()), *spec.get("attachments", ())]
    return tuple(_kinds()[one["apiVersion"], one["resource"]] for one in listed)


def groups(
    name: str, offers: Iterable[str] = (), present: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """The children of a request: every kind that is declared or that a component offers is a key, with objects or not.

    Objects of other kinds, which Metacontroller does not watch, are left out.
    """
    return {key: (present or {}).get(key, {}) for key in (*declared(name), *offers)}
