"""The Service that gateways route to: its name has the addresses of the pods that are ready.

A gateway relates it by its label, and never the endpoint, whose status changes with each of its pods.
"""

from aimlib.api.meta import Raw
from aimlib.api.scaling import USUAL_IDLE_SECONDS
from aimlib.gateway.routed import RoutingRecord, pods_service, routed_metadata
from hooks.endpoint.children.owner import Owner
from hooks.objects.service import service_object


def routed_service(owner: Owner, *, stable: bool = True) -> Raw | None:
    """The headless Service of the owner's track, unless spec.routing.enabled is false.

    A version that is tried is not stable: the one that serves answers while it has no ready pod.
    """
    if not owner.spec.routing.enabled:
        return None
    names, weight = owner.served_names, owner.spec.routing.weight
    record = RoutingRecord(
        track=owner.track,
        names=names,
        weight=weight,
        share=owner.share,
        mirror=owner.mirror,
        stable=stable,
        idle_seconds=owner.spec.scaling.idle_seconds if owner.spec.scaling else USUAL_IDLE_SECONDS,
    )
    metadata = routed_metadata(owner.metadata(pods_service(owner.name, owner.track)), record)
    port = owner.serving_port
    ports = [{"name": "http", "port": port, "protocol": "TCP", "targetPort": port}]
    return service_object(
        metadata, {"type": "ClusterIP", "clusterIP": "None", "selector": owner.selector | owner.leaders, "ports": ports}
    )
