"""The autoscaler of an endpoint. It scales the endpoint, and the endpoint scales the Deployment."""

from collections.abc import Iterator

from aimlib.api import API_VERSION
from aimlib.api.endpoint_parts import Scaling
from aimlib.api.meta import Raw
from aimlib.engines.gpu_exporters import exporters
from hooks.endpoint.children.owner import Owner

DEFAULT_CPU_TARGET = 80
"""What the API server itself assumes for an autoscaler without metrics, spelled out."""


def autoscaler(owner: Owner) -> Raw | None:
    """A HorizontalPodAutoscaler where scaling.maxReplicas is above 1."""
    scaling = owner.spec.scaling
    if scaling is None or not owner.autoscaled:
        return None
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": owner.metadata(owner.child),
        "spec": {
            "scaleTargetRef": {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "name": owner.name},
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": list(_metrics(scaling, owner.resolved.vendor)),
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": scaling.scale_up_delay},
                "scaleDown": {"stabilizationWindowSeconds": scaling.scale_down_delay},
            },
        },
    }


def _metrics(scaling: Scaling, vendor: str) -> Iterator[Raw]:
    targets = {"cpu": scaling.target_cpu_utilization, "memory": scaling.target_memory_utilization}
    exporter = exporters().get(vendor)
    gpu = scaling.target_gpu_utilization if exporter else None
    if not any((*targets.values(), gpu)):
        targets["cpu"] = DEFAULT_CPU_TARGET
    for name, percent in targets.items():
        if percent:
            yield {
                "type": "Resource",
                "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": percent}},
            }
    if gpu and exporter:
        yield {
            "type": "Pods",
            "pods": {
                "metric": {"name": exporter.utilization},
                "target": {"type": "AverageValue", "averageValue": str(gpu)},
            },
        }
