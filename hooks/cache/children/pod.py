"""The pod that works on a cache's volume: one container, without privileges, with a read-only root file system."""

from aimlib.api.meta import Raw
from aimlib.hardware.labels import AMD_ID, NVIDIA_PRODUCT
from hooks.cache.children.owner import CacheOwner
from hooks.objects.container import literal_container
from hooks.objects.shared_volume import ONE_NODE, same_node

USER = 65532
SCRATCH = "/tmp"  # noqa: S108 - the only writable folder besides the volume


def cache_pod(owner: CacheOwner, component: str, args: list[str], env: list[Raw]) -> Raw:
    """The template of a pod that runs `aim cache` with these arguments."""
    return {
        "metadata": {"labels": {**owner.labels, "app.kubernetes.io/component": component}},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": owner.reporter,
            "automountServiceAccountToken": True,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "imagePullSecrets": [{"name": name} for name in owner.spec.download.pull_secrets],
            "nodeSelector": owner.spec.download.node_selector,
            "affinity": _affinity(owner),
            "tolerations": [
                {"key": key, "operator": "Exists", "effect": "NoSchedule"}
                for keys in owner.config.tolerated_taints.values()
                for key in keys
            ],
            "containers": [literal_container(_container(owner, component, args, env))],
            "volumes": [
                {"name": "models", "persistentVolumeClaim": {"claimName": owner.claim, "readOnly": _read_only(owner)}},
                {"name": "scratch", "emptyDir": {}},
            ],
        },
    }


def _container(owner: CacheOwner, component: str, args: list[str], env: list[Raw]) -> Raw:
    return {
        "name": component,
        "image": owner.config.downloader_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["aim", "cache"],
        "args": args,
        "env": [
            {
                "name": "POD_NAMESPACE",
                "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
            },
            {"name": "AIM_TERMINATION_LOG", "value": "/dev/termination-log"},
            {"name": "HOME", "value": SCRATCH},
            *env,
        ],
        "resources": {"requests": {"cpu": "1", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "models", "mountPath": owner.mount_path, "readOnly": _read_only(owner)},
            {"name": "scratch", "mountPath": SCRATCH},
        ],
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
