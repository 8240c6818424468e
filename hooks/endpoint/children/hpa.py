"""The HorizontalPodAutoscaler of an endpoint. It scales the endpoint, and the endpoint scales the Deployment."""

from collections.abc import Iterator

from aimlib.api.meta import Raw
from aimlib.api.scaling import Scaling
from aimlib.engines.gpu_exporters import exporters
from aimlib.telemetry.load_targets import LoadTarget, stated_targets
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.scaled_object import scaled_by_keda
from hooks.endpoint.children.triggers import load_targets, series_labels

DEFAULT_CPU_TARGET = 80
"""What the API server itself assumes for an autoscaler without metrics, spelled out."""


def autoscaler(owner: Owner) -> Raw | None:
    """A HorizontalPodAutoscaler where scaling.maxReplicas is above 1 and KEDA does not scale, or not any more."""
    scaling = owner.spec.scaling
    if scaling is None or not owner.autoscaled or owner.spec.suspend or "ScaledObject" in owner.scalers.observed:
        return None
    metrics = list(_metrics(owner, scaling))
    if not metrics or scaled_by_keda(owner):
        return None
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": owner.metadata(owner.child),
        "spec": {
            "scaleTargetRef": owner.scale_target,
            "minReplicas": owner.scalers.least(scaling),
            "maxReplicas": scaling.max_replicas,
            "metrics": metrics,
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": scaling.scale_up_delay},
                "scaleDown": {"stabilizationWindowSeconds": scaling.scale_down_delay},
            },
        },
    }


def follows_requests(owner: Owner) -> bool:
    """Whether the number of replicas follows what pods request of CPU or memory."""
    scaling = owner.spec.scaling
    if scaling is None or not scaling.requested:
        return False
    if scaled_by_keda(owner):
        return bool(scaling.target_cpu_utilization or scaling.target_memory_utilization)
    return any(metric["type"] == "Resource" for metric in _metrics(owner, scaling))


def _metrics(owner: Owner, scaling: Scaling) -> Iterator[Raw]:
    """The targets; on CPU where none is stated, and nothing where those that are stated are on load and not served."""
    targets = {"cpu": scaling.target_cpu_utilization, "memory": scaling.target_memory_utilization}
    exporter = exporters().get(owner.resolved.vendor)
    gpu = scaling.target_gpu_utilization if exporter else None
    on_load = list(stated_targets(scaling))
    if not any((*targets.values(), gpu, on_load)):
        targets["cpu"] = DEFAULT_CPU_TARGET
    if owner.config.external_load_metrics and owner.spec.monitoring.scraped:
        served = dict(load_targets(owner))
        yield from (_external(owner, target, served[target]) for target, _ in on_load)
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


def _external(owner: Owner, target: LoadTarget, value: float) -> Raw:
    """A recorded series, as a metrics adapter serves it: in its own unit, with the labels of the endpoint."""
    key = "averageValue" if target.per_replica else "value"
    return {
        "type": "External",
        "external": {
            "metric": {"name": target.series, "selector": {"matchLabels": series_labels(owner)}},
            "target": {"type": target.metric_type, key: _quantity(value / 100 if target.percent else value)},
        },
    }


def _quantity(value: float) -> str:
    """A number as the API server stores it."""
    return str(int(value)) if value.is_integer() else f"{round(value * 1000)}m"
