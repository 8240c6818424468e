"""What scales an endpoint, to how many replicas and why; and what of the spec's scaling has no effect."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from aimlib.api.meta import Raw
from aimlib.api.scaling import Anticipated, Scaling, ScalingStatus, ScalingTrigger
from aimlib.errors import InvalidInputError
from aimlib.kube.quantity import parse_quantity
from aimlib.kube.timestamp import is_time
from aimlib.printable import printable
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.last_applied import last_applied
from aimlib.protocol.observed import ChildState, condition_of
from aimlib.telemetry.load_targets import LOAD_TARGETS, stated_targets
from aimlib.telemetry.prometheus_query import LARGEST_VALUE
from hooks.endpoint.build import Built
from hooks.endpoint.children.hpa import follows_requests
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.scaled_object import keda_autoscaler, scaled_by_keda
from hooks.endpoint.children.triggers import MOST_GATEWAYS, triggers
from hooks.endpoint.children.vpa import wants_vertical
from hooks.endpoint.schedule import scheduled_status
from hooks.endpoint.world import World

SCALING_TOLERANCE = 0.1
"""How far from its target a measured value may be before the autoscaler acts, as a part of it."""
WITHOUT_ROOM = frozenset({"Unschedulable", "WaitingForNode"})
"""Reasons of Available while there is no room for a replica."""
SOME_TRIGGERS = "PartialTriggerError"
"""KEDA's reason of a ScaledObject of whose triggers some fail; its status is Unknown."""
PAUSES = tuple(
    f"autoscaling.keda.sh/{name}" for name in ("paused", "paused-replicas", "paused-scale-in", "paused-scale-out")
)
"""Annotations of KEDA (apis/keda/v1alpha1/scaledobject_types.go)."""
LONGEST_MESSAGE = 512
DIGITS = 3
"""Of measured values: each change is a write."""
MOST_WANTED = 10**6
"""Replicas. What is measured is what a model server or whoever answers for a gateway says."""


class AutoscalerTarget(NamedTuple):
    """One target of an autoscaler, as it is found in its status."""

    name: str
    type: str
    """Of the metric in the status of the autoscaler."""
    metric: str
    """The name of the metric; of KEDA's the beginning."""
    value: float
    factor: float = 1
    """From the unit of the metric to that of the target."""


def scaling_status(world: World, built: Built, available: Verdict) -> ScalingStatus | None:
    """What scales the endpoint; None where nothing does."""
    owner = built.owner
    scaling, keda = owner.spec.scaling, scaled_by_keda(owner)
    own = built.state("HorizontalPodAutoscaler")
    if scaling is None or not (keda or own):
        return None
    found = next(iter(world.autoscalers), None) if keda else own.observed if own else None
    status: Raw = (found or {}).get("status") or {}
    scaled_object = built.state("ScaledObject")
    reports = (scaled_object.observed or {}).get("status") or {} if scaled_object else {}
    targets = _keda_targets(owner) if keda else _targets(own.desired if own else {})
    reason, message = _paused(scaled_object) or _objection(status, reports)
    last = status.get("lastScaleTime")
    return ScalingStatus(
        by="KEDA" if keda else "HorizontalPodAutoscaler",
        autoscaler=keda_autoscaler(owner.name) if keda else owner.child,
        min_replicas=owner.scalers.least(scaling),
        max_replicas=scaling.most,
        desired=status.get("desiredReplicas"),
        bounded_by=_bound(owner, status, available),
        triggers=tuple(_trigger(target, status) for target in targets),
        headroom=owner.scalers.headroom,
        anticipated=_anticipated(owner, scaling) if keda else None,
        scheduled=scheduled_status(owner.scalers.times, world.now),
        last_scaled=last if is_time(last) else None,
        reason=reason,
        message=message,
    )


def _anticipated(owner: Owner, scaling: Scaling) -> Anticipated | None:
    if scaling.anticipate is None or not owner.spec.monitoring.scraped:
        return None
    return Anticipated(period=scaling.anticipate.period, startup_seconds=owner.scalers.startup_seconds)


def _keda_targets(owner: Owner) -> Iterator[AutoscalerTarget]:
    for number, trigger in enumerate(triggers(owner)):
        value = next(
            trigger["metadata"][key] for key in ("threshold", "targetValue", "value") if key in trigger["metadata"]
        )
        resource = trigger["type"] in {"cpu", "memory"}
        kind, metric = ("Resource", trigger["type"]) if resource else ("External", f"s{number}-")
        yield AutoscalerTarget(trigger["name"], kind, metric, float(value))


def _targets(autoscaler: Raw) -> Iterator[AutoscalerTarget]:
    """The targets of a HorizontalPodAutoscaler of ours."""
    recorded = {target.series: target for target in LOAD_TARGETS}
    for metric in (autoscaler.get("spec") or {}).get("metrics") or ():
        part = metric[metric["type"].lower()]
        wanted = part["target"]
        value = wanted.get("averageUtilization") or wanted.get("averageValue") or wanted.get("value")
        if metric["type"] == "Resource":
            yield AutoscalerTarget(part["name"], "Resource", part["name"], float(value))
        elif metric["type"] == "External":
            target = recorded[part["metric"]["name"]]
            factor = 100 if target.percent else 1
            yield AutoscalerTarget(target.name, "External", target.series, _number(value) * factor, factor)
        else:
            yield AutoscalerTarget("gpu", "Pods", part["metric"]["name"], float(value))


def _trigger(target: AutoscalerTarget, status: Raw) -> ScalingTrigger:
    """What one target makes of what the autoscaler last measured."""
    measured = next(filter(None, (_measured(target, one) for one in status.get("currentMetrics") or ())), None)
    if measured is None:
        return ScalingTrigger(name=target.name, target=target.value)
    ratio, current = measured[0] / target.value, status.get("currentReplicas") or 0
    wants = current if abs(ratio - 1) <= SCALING_TOLERANCE else min(math.ceil(ratio * current), MOST_WANTED)
    return ScalingTrigger(name=target.name, measured=measured[0], target=target.value, replicas=wants)


def _measured(target: AutoscalerTarget, metric: Raw) -> tuple[float] | None:
    """What a metric in the status of an autoscaler says of a target; None for one of another target."""
    part: Raw = metric.get(str(metric.get("type")).lower()) or {}
    name = str(part.get("name") or (part.get("metric") or {}).get("name"))
    if metric.get("type") != target.type or not name.startswith(target.metric):
        return None
    now: Raw = part.get("current") or {}
    found = next(
        (now[key] for key in ("averageUtilization", "averageValue", "value") if now.get(key) is not None), None
    )
    value = math.nan if found is None else _number(found) * target.factor
    return (float(f"{value:.{DIGITS}g}"),) if value <= LARGEST_VALUE else None


def _number(text: Any) -> float:  # noqa: ANN401 - what a status has
    try:
        return float(parse_quantity(str(text)))
    except (InvalidInputError, ValueError, OverflowError):
        return math.nan


def _bound(owner: Owner, status: Raw, available: Verdict) -> Any:  # noqa: ANN401 - one of the literals
    """What keeps the endpoint from as many replicas as its targets want: the first row that applies.

    What limits an autoscaler itself is the reason of its condition ScalingLimited.
    """
    limited = condition_of(status, "ScalingLimited")
    least = "Schedule" if owner.scalers.scheduled else "Minimum"
    limits = {"TooFewReplicas": least, "TooManyReplicas": "Maximum"}
    table = (
        (owner.spec.suspend, "Suspended"),
        (owner.scalers.loading, "Loading"),
        (available.reason in WITHOUT_ROOM, "Hardware"),
        (limited.get("status") == "True", limits.get(str(limited.get("reason")))),
    )
    return next((bound for applies, bound in table if applies), None)


def _paused(scaled_object: ChildState | None) -> tuple[str, str] | None:
    """That somebody has paused KEDA by annotations, after which the ScaledObject's condition may stay."""
    if scaled_object is None or scaled_object.observed is None:
        return None
    stated = (scaled_object.desired, last_applied(scaled_object.observed) or {})
    own = {key for one in stated for key in (one.get("metadata") or {}).get("annotations") or ()}
    found = scaled_object.observed["metadata"].get("annotations") or {}
    added = [key for key in PAUSES if key not in own and str(found.get(key, "false")) != "false"]
    words = f"annotations of the ScaledObject that are not the operator's hold KEDA back: {', '.join(added)}"
    return ("ScaledObjectPaused", words) if added else None


def _objection(status: Raw, reports: Raw) -> tuple[str | None, str | None]:
    """Why the autoscaler does not scale: the first row that applies. At zero it is switched off, as it should be."""
    ready, fallback = condition_of(reports, "Ready"), condition_of(reports, "Fallback")
    able, active = condition_of(status, "AbleToScale"), condition_of(status, "ScalingActive")
    table = (
        (ready, ready.get("status") == "False" or ready.get("reason") == SOME_TRIGGERS),
        (fallback, fallback.get("status") == "True"),
        (able, able.get("status") == "False"),
        (active, active.get("status") == "False" and active.get("reason") != "ScalingDisabled"),
    )
    for condition, applies in table:
        if applies:
            reason, message = (str(condition.get(key) or "") for key in ("reason", "message"))
            return printable(reason, LONGEST_MESSAGE) or "Unknown", printable(message, LONGEST_MESSAGE)
    return None, None


def scaling_warnings(owner: Owner) -> Iterator[str]:
    """What of the spec's scaling has no effect on this cluster, or says little of the load."""
    scaling = owner.spec.scaling
    if scaling is None:
        return
    if scaling.to_zero and owner.scalers.keda and not owner.scalers.gateways:
        yield (
            "scaling.minReplicas 0 has no effect: no AIMGateway routes requests to this endpoint, and nothing else "
            "would start it again; at least 1 replica runs"
        )
    if owner.scalers.reaches_zero(scaling) and (left := owner.scalers.gateways[MOST_GATEWAYS:]):
        yield (
            f"KEDA asks {MOST_GATEWAYS} AIMGateways for the demand of this endpoint, those of its namespace first; "
            f"requests at others, such as {left[0].namespace}/{left[0].name}, do not start it"
        )
    if owner.autoscaled:
        yield from _on_load(owner, scaling)
        yield from _on_resources(owner, scaling)
    if wants_vertical(owner.spec) and follows_requests(owner):
        yield (
            "scaling.vertical has no effect while the number of replicas follows the CPU or memory that pods request; "
            "one replica, or targets on load or GPUs alone, leave requests free"
        )


def _on_load(owner: Owner, scaling: Scaling) -> Iterator[str]:
    stated = [target.spelled for target, _ in stated_targets(scaling)]
    served = owner.scalers.keda or owner.config.external_load_metrics
    if stated and owner.spec.monitoring.scraped and not served:
        named = f"scaling.{', '.join(stated)} {'has' if len(stated) == 1 else 'have'} no effect"
        left = " but its schedule" if scaling.schedule else ""
        nothing = "" if scaling.on_resources else f", and nothing{left} scales this endpoint"
        yield f"{named}{nothing}: {HOW_TO_SCALE_ON_LOAD}"
    if scaling.anticipate and owner.spec.monitoring.scraped and not owner.scalers.keda:
        yield "scaling.anticipate has no effect: it needs KEDA and the kustomize component keda"


HOW_TO_SCALE_ON_LOAD = (
    "targets on load need KEDA and the kustomize component keda, or a metrics adapter that serves the recorded series "
    "(externalLoadMetrics of the settings)"
)


NEEDS_GPU_ADAPTER = (
    "scaling.targetGPUUtilization needs a metrics adapter that serves the device exporter's metric for pods"
)


def _on_resources(owner: Owner, scaling: Scaling) -> Iterator[str]:
    """About targets on CPU, memory and GPUs, and the one on CPU where none is stated."""
    gpus, keda, gpu_target = owner.resolved.gpu_count, scaled_by_keda(owner), scaling.target_gpu_utilization
    if not (keda or scaling.on_resources or any(stated_targets(scaling))):
        yield (
            "scaling states no target: the autoscaler follows 80 % of the CPU request, which says little of an "
            f"engine's load; targetRequests states one, and {HOW_TO_SCALE_ON_LOAD}, and monitoring.enabled"
        )
    elif gpus and scaling.target_cpu_utilization and not keda:
        yield "scaling.targetCPUUtilization says little of the load of a server on GPUs; targetRequests states it"
    if gpu_target and gpus:
        yield ("scaling.targetGPUUtilization has no effect beside targets on load" if keda else NEEDS_GPU_ADAPTER)
