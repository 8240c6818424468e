"""The ScaledObject by which KEDA scales an endpoint. KEDA scales the endpoint, and the endpoint its Deployment."""

from aimlib.api.meta import Raw
from aimlib.api.scaling import Scaling
from aimlib.naming import child_name
from aimlib.telemetry.load_targets import stated_targets
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.triggers import triggers

SCALED_OBJECT = "ScaledObject.keda.sh/v1alpha1"
PAUSED = "autoscaling.keda.sh/paused-replicas"
"""KEDA writes so many replicas and then nothing, and deletes its HorizontalPodAutoscaler."""
NO_SCALING_IN = "autoscaling.keda.sh/paused-scale-in"
POLLING_SECONDS = 10
"""How often KEDA asks whether an endpoint is to start or to stop; the rest is its HorizontalPodAutoscaler's."""
COOLDOWN_ANSWERS = 3
"""From the last sign of demand to a stop: 30 s, usually. The agents of gateways tell of demand for idleSeconds after a
request; a few answers of theirs may be lost."""
FAILURES = 3
"""Queries in a row that fail before the number of replicas is what is known to be enough."""
SCALE_UP = {
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
"""The API server's defaults: KEDA compares what it wants with what is stored."""
SCALE_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def keda_autoscaler(endpoint: str) -> str:
    """The name of the HorizontalPodAutoscaler that KEDA makes, as KEDA names it where that is short enough."""
    return child_name(f"keda-hpa-{child_name(endpoint)}")


def scaled_by_keda(owner: Owner) -> bool:
    """Whether KEDA scales the endpoint: where it is installed, unless targets on CPU or memory alone are stated."""
    scaling, scalers = owner.spec.scaling, owner.scalers
    if scaling is None or not scalers.keda or not owner.autoscaled:
        return False
    stated = any(stated_targets(scaling)) or scaling.anticipate
    on_load = stated or not scaling.on_resources or scalers.reaches_zero(scaling)
    return bool(on_load and triggers(owner))


def scaled_object(owner: Owner) -> Raw | None:
    """A ScaledObject where KEDA scales the endpoint, once no HorizontalPodAutoscaler of the endpoint is left."""
    scaling = owner.spec.scaling
    if scaling is None or not scaled_by_keda(owner) or "HorizontalPodAutoscaler" in owner.scalers.observed:
        return None
    least, to_zero = owner.scalers.least(scaling), owner.scalers.reaches_zero(scaling)
    stated = owner.config.keda_polling_seconds
    polling = stated or POLLING_SECONDS
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {**owner.metadata(owner.child), "annotations": _annotations(owner, least)},
        "spec": {
            "scaleTargetRef": owner.scale_target,
            "pollingInterval": polling if stated or to_zero else None,
            "cooldownPeriod": COOLDOWN_ANSWERS * polling if to_zero else None,
            "initialCooldownPeriod": scaling.idle_seconds if to_zero else None,
            "minReplicaCount": least,
            "maxReplicaCount": scaling.most,
            "fallback": {
                "failureThreshold": FAILURES,
                "replicas": max(1, least),
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "name": keda_autoscaler(owner.name),
                    "behavior": _behavior(scaling),
                }
            },
            "triggers": triggers(owner),
        },
    }


def _annotations(owner: Owner, least: int) -> dict[str, str]:
    """What holds KEDA back. While the endpoint is suspended KEDA writes the least, so that it goes on from there.

    An endpoint that may not be scaled to zero would else stay stopped: by hand, as far as anybody can see.
    """
    if owner.spec.suspend:
        return {PAUSED: str(least)}
    return {NO_SCALING_IN: "true"} if owner.scalers.loading else {}


def _behavior(scaling: Scaling) -> Raw | None:
    """The stabilization windows, with the rest of what the API server would add."""
    up, down = scaling.scale_up_delay, scaling.scale_down_delay
    return {
        "scaleUp": None if up is None else {"stabilizationWindowSeconds": up, **SCALE_UP},
        "scaleDown": None if down is None else {"stabilizationWindowSeconds": down, **SCALE_DOWN},
    }
