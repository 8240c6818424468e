"""Whether the Service of an endpoint has the address of its load balancer, which the cluster assigns."""

from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.protocol.conditions import Verdict
from hooks.endpoint.world import World


class LoadBalancerUse(NamedTuple):
    """How an endpoint is exposed by a load balancer."""

    conditions: tuple[Verdict, ...] = ()
    """AddressReady; none where no load balancer is requested."""

    @property
    def objections(self) -> tuple[Verdict, ...]:
        """The same while Ready has to wait for it."""
        return tuple(verdict for verdict in self.conditions if not verdict.met)


def use_load_balancer(world: World, service: Raw | None) -> LoadBalancerUse:
    """The load balancer of an endpoint's Service: a cluster without a controller for them never assigns an address."""
    if world.spec.service.type != "LoadBalancer":
        return LoadBalancerUse()
    address = balancer_address(service)
    if address is None:
        message = "the load balancer has no address yet; the endpoint can be reached inside the cluster only"
        return LoadBalancerUse((Verdict("AddressReady", False, "AddressPending", message),))
    return LoadBalancerUse((Verdict("AddressReady", True, "Assigned", f"the load balancer has the address {address}"),))


def balancer_address(service: Raw | None) -> str | None:
    """The host name or IP address that the cluster assigned to a Service."""
    status = (service or {}).get("status") or {}
    ingress: Raw = next(iter((status.get("loadBalancer") or {}).get("ingress") or ()), {})
    return ingress.get("hostname") or ingress.get("ip")
