"""The Deployment of a gateway: Envoy, and the agent that writes its files.

Nothing in the pod template depends on the table: a changed table restarts no pod.
"""

from aimlib.api.meta import Raw
from aimlib.gateway.routed import METRICS_PORT
from hooks.gateway.children.owner import TRAFFIC_PORT, GatewayOwner
from hooks.objects.container import literal_container
from hooks.objects.job_pod import USER, job_security
from hooks.objects.shared_volume import HOST
from hooks.objects.topology_spread import spread_over

FILES = "/run/envoy"
STREAM_SECONDS = 600
"""How long streams may go on once a pod is to end: the agent waits for them, and Envoy ends after it."""
MEMORY_LIMIT = "2Gi"
"""Of Envoy, which refuses requests before it has so much (aimlib/gateway/overload.py)."""
AGENT = ("python", "-m", "hooks.gateway_agent")
LOCKED: Raw = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def gateway_deployment(owner: GatewayOwner) -> Raw:
    """The Deployment; a new pod is ready before an old one ends."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": owner.metadata(owner.child),
        "spec": {
            "replicas": owner.spec.replicas,
            "selector": {"matchLabels": owner.selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": owner.labels},
                "spec": {
                    "serviceAccountName": owner.child,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": STREAM_SECONDS,
                    "securityContext": job_security(fsGroup=USER),
                    "topologySpreadConstraints": [spread_over(HOST, owner.selector)],
                    "initContainers": [_files(owner), _envoy(owner)],
                    "containers": [_agent(owner)],
                    "volumes": _volumes(owner),
                },
            },
        },
    }


def _envoy(owner: GatewayOwner) -> Raw:
    """A sidecar, which ends after the agent: Envoy ends at once when it is told to."""
    return literal_container(
        {
            "name": "envoy",
            "restartPolicy": "Always",
            "image": owner.config.pulled(owner.config.gateway_image),
            "imagePullPolicy": "IfNotPresent",
            "command": ["envoy"],
            "args": ["-c", f"{FILES}/bootstrap.json"],
            "ports": [{"name": "http", "containerPort": TRAFFIC_PORT, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}, "limits": {"memory": MEMORY_LIMIT}},
            "securityContext": LOCKED,
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [{"name": "files", "mountPath": FILES, "readOnly": True}, *_tls_mounts(owner)],
        }
    )


def _files(owner: GatewayOwner) -> Raw:
    """Writes Envoy's files before Envoy starts."""
    return literal_container({**_program(owner, "files"), "command": list(AGENT), "args": ["--once"]})


def _agent(owner: GatewayOwner) -> Raw:
    probe = {"port": METRICS_PORT, "scheme": "HTTP"}
    return literal_container(
        {
            **_program(owner, "agent"),
            "command": list(AGENT),
            "args": [f"--drain-seconds={STREAM_SECONDS - 10}"],
            "ports": [{"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}],
            "livenessProbe": {"httpGet": {"path": "/healthz", **probe}, "timeoutSeconds": 5},
            "readinessProbe": {"httpGet": {"path": "/ready", **probe}, "timeoutSeconds": 5, "periodSeconds": 5},
        }
    )


def _program(owner: GatewayOwner, name: str) -> Raw:
    """What both containers of the agent's program have."""
    return {
        "name": name,
        "image": owner.config.pulled(owner.config.gateway_agent_image),
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": LOCKED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "files", "mountPath": FILES},
            {"name": "table", "mountPath": "/etc/gateway/table", "readOnly": True},
            *_client_mounts(owner),
            *_tls_mounts(owner),
        ],
    }


def _client_mounts(owner: GatewayOwner) -> list[Raw]:
    return _mounts("clients") if owner.spec.clients.secret_name else []


def _tls_mounts(owner: GatewayOwner) -> list[Raw]:
    return _mounts("tls") if owner.spec.tls else []


def _mounts(name: str) -> list[Raw]:
    return [{"name": name, "mountPath": f"/etc/gateway/{name}", "readOnly": True}]


def _volumes(owner: GatewayOwner) -> list[Raw]:
    """A Secret that is not there yet keeps no pod from starting: what is in it comes once it is."""
    secrets = {"clients": owner.spec.clients.secret_name, "tls": owner.spec.tls and owner.spec.tls.secret_name}
    return [
        {"name": "files", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "table", "configMap": {"name": owner.routes}},
        *(
            {"name": name, "secret": {"secretName": secret, "optional": True, "defaultMode": 0o440}}
            for name, secret in secrets.items()
            if secret
        ),
    ]
