"""What the pods of Jobs have in common: the downloader's image, no privileges, a read-only root file system."""

from collections.abc import Sequence

from aimlib.api.meta import Raw
from aimlib.config import Config
from hooks.objects.authorities import ca_mounts, ca_variables, ca_volumes
from hooks.objects.container import literal_container
from hooks.objects.source_access import SOURCE_FOLDER

USER = 65532
SCRATCH = "/tmp"  # noqa: S108 - the only writable folder besides volumes


def job_security(**more: object) -> Raw:
    """The security context of the pod; `more` stands before its seccomp profile."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        **more,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def job_tolerations(config: Config) -> list[Raw]:
    """The taints of nodes with GPUs, which endpoints tolerate, too: a volume may be on such a node alone."""
    keys = (key for several in config.tolerated_taints.values() for key in several)
    return [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys]


SOURCE_VOLUME = "source"
"""The volume that files come from, where a source is a claim."""


def source_mount() -> Raw:
    """Where the claim of a source is mounted."""
    return {"name": SOURCE_VOLUME, "mountPath": SOURCE_FOLDER, "readOnly": True}


def source_volume(claim: str) -> Raw:
    """The claim of a source, which nobody writes to."""
    return {"name": SOURCE_VOLUME, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}


def job_volumes(config: Config) -> list[Raw]:
    """The volumes of what `job_container` mounts by itself."""
    # Where the namespace has no such ConfigMap, the Job fails and tells it, instead of waiting unseen.
    return [{"name": "scratch", "emptyDir": {}}, *ca_volumes(config.ca_bundle, optional=True)]


def job_container(  # noqa: PLR0913 - all that differs
    name: str,
    config: Config,
    command: Sequence[str],
    *,
    args: Sequence[str],
    env: Sequence[Raw],
    requests: Raw,
    mounts: Sequence[Raw] = (),
) -> Raw:
    """The one container; `env` comes after what every Job has, and `mounts` before the writable folder."""
    return literal_container(
        {
            "name": name,
            "image": config.pulled(config.downloader_image),
            "imagePullPolicy": "IfNotPresent",
            "command": list(command),
            "args": list(args),
            "env": [
                {
                    "name": "POD_NAMESPACE",
                    "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
                },
                {"name": "AIM_TERMINATION_LOG", "value": "/dev/termination-log"},
                {"name": "HOME", "value": SCRATCH},
                *ca_variables(config.ca_bundle),
                *env,
            ],
            "resources": {"requests": requests, "limits": {"memory": "1Gi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [*mounts, {"name": "scratch", "mountPath": SCRATCH}, *ca_mounts(config.ca_bundle)],
        }
    )
