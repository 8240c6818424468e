"""The VerticalPodAutoscaler of an endpoint: requests for CPU and memory follow what its engine uses."""

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.api.vertical import VERTICAL_POD_AUTOSCALER, Bounds
from aimlib.naming import ENGINE_CONTAINER
from hooks.endpoint.children.hpa import follows_requests
from hooks.endpoint.children.owner import Owner


def wants_vertical(spec: EndpointSpec) -> bool:
    """Whether requests are to follow what is used."""
    return spec.scaling is not None and spec.scaling.vertical.mode != "Off"


def vertical_autoscaler(owner: Owner) -> Raw | None:
    """A VerticalPodAutoscaler where scaling.vertical.mode asks for one.

    Its target is the endpoint, since it insists on the topmost owner that can be scaled. There is none beside an
    autoscaler of replicas that follows requests for CPU or memory: what one changes would move the other. Nor is there
    one of replicas on several nodes: a pod that is changed restarts all of its replica.
    """
    scaling = owner.spec.scaling
    if scaling is None or not wants_vertical(owner.spec) or follows_requests(owner) or owner.resolved.nodes:
        return None
    bounds = {"cpu": scaling.vertical.cpu, "memory": scaling.vertical.memory}
    kind, _, version = VERTICAL_POD_AUTOSCALER.partition(".")
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": owner.metadata(owner.child),
        "spec": {
            "targetRef": owner.scale_target,
            # Else the program leaves an endpoint of one replica as it is.
            "updatePolicy": {"updateMode": scaling.vertical.mode, "minReplicas": 1},
            "resourcePolicy": {
                "containerPolicies": [
                    {
                        "containerName": ENGINE_CONTAINER,
                        "controlledResources": sorted(bounds),
                        "controlledValues": "RequestsOnly",
                        "minAllowed": _stated("min", bounds),
                        "maxAllowed": _stated("max", bounds),
                    },
                    {"containerName": "*", "mode": "Off"},
                ]
            },
        },
    }


def _stated(which: str, bounds: dict[str, Bounds]) -> Raw:
    return {name: value for name, one in bounds.items() if (value := getattr(one, which)) is not None}
