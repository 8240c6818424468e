"""The pod that works on a cache's volume: one container, without privileges, with a read-only root file system."""

from aimlib.api.meta import Raw
from aimlib.hardware.labels import AMD_ID, NVIDIA_PRODUCT
from hooks.cache.children.owner import CacheOwner
from hooks.objects.job_pod import (
    USER,
    job_container,
    job_security,
    job_tolerations,
    job_volumes,
    source_mount,
    source_volume,
)
from hooks.objects.shared_volume import ONE_NODE, same_node


def cache_pod(  # noqa: PLR0913 - one parameter a difference between Jobs
    owner: CacheOwner,
    component: str,
    args: list[str],
    env: list[Raw],
    claim: str | None = None,
    *,
    on_volume: bool = True,
) -> Raw:
    """The template of a pod that runs `aim cache` with these arguments; `claim` is one that files come from."""
    own = {"name": "models", "persistentVolumeClaim": {"claimName": owner.claim, "readOnly": _read_only(owner)}}
    container = job_container(
        component,
        owner.config,
        ("aim", "cache"),
        args=args,
        env=env,
        requests={"cpu": "1", "memory": "512Mi"},
        mounts=[{"name": "models", "mountPath": owner.mount_path, "readOnly": _read_only(owner)}] if on_volume else [],
    )
    if claim:
        container["volumeMounts"].append(source_mount())
    return {
        "metadata": {"labels": {**owner.labels, "app.kubernetes.io/component": component}},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": owner.reporter,
            "automountServiceAccountToken": True,
            "enableServiceLinks": False,
            "securityContext": job_security(fsGroup=USER, fsGroupChangePolicy="OnRootMismatch"),
            "imagePullSecrets": [{"name": name} for name in owner.spec.download.pull_secrets],
            "nodeSelector": owner.spec.download.node_selector,
            "affinity": _affinity(owner) if on_volume else None,
            "tolerations": job_tolerations(owner.config),
            "containers": [container],
            "volumes": [
                *([own] if on_volume else []),
                *job_volumes(owner.config),
                *([source_volume(claim)] if claim else []),
            ],
        },
    }


def _read_only(owner: CacheOwner) -> bool | None:
    return owner.spec.storage.access_mode == "ReadOnlyMany" or None


def _affinity(owner: CacheOwner) -> Raw | None:
    """On the node of other pods with the volume, else preferably on one with GPUs: some volumes cannot move."""
    if owner.spec.storage.access_mode not in ONE_NODE:
        return None
    return {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 100, "preference": {"matchExpressions": [{"key": key, "operator": "Exists"}]}}
                for key in (AMD_ID, NVIDIA_PRODUCT)
            ]
        },
        "podAffinity": same_node(owner.name),
    }
