"""What of the cluster's hardware was full or free when a configuration was selected, as a status keeps it."""

from typing import Annotated

from pydantic import Field

from aimlib.api.base import MessageText, Model, Name, Text, Timestamp

MOST_FREE_KINDS = 32
"""Most kinds of devices that are listed; of others nothing is known."""
MOST_FREE_COUNTS = 1024
"""Most different numbers of free devices that are listed of one kind, which is more than a node has devices."""
MOST_FULL = 64
"""Most products that are kept as full, which is more than a cluster has."""
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]


class FullHardware(Model):
    """Hardware on which the scheduler found no room for a replica."""

    product: Name
    """The GPU product."""
    partition: Text | None = None
    """The partition mode or MIG profile of the devices, if they are partitions."""
    resource: Name | None = None
    """By what pods ask for them: a resource, or the DeviceClass of a ResourceClaim; an earlier release left it out."""
    gpu_count: Annotated[int, Field(ge=1, le=64)]
    """GPUs per replica for which there was no room."""
    since: Timestamp
    """When the scheduler first found none."""
    message: MessageText
    """What the scheduler reported of the nodes."""

    def covers(self, product: str, partition: str | None, resource: str) -> bool:
        """Whether these devices are among them: all of the product, where nothing else is known."""
        alike = self.resource is None or (self.partition, self.resource) == (partition, resource)
        return self.product == product and alike


class FreeNodes(Model):
    """Nodes that have equally many free devices."""

    free: Count
    """Free devices on each of them."""
    nodes: Count
    """Number of these nodes."""


class FreeHardware(Model):
    """Devices of one kind that no pod requested at the selection, on nodes that the endpoint's pods may run on."""

    product: Name
    """The GPU product."""
    partition: Annotated[str, Field(max_length=64)] | None = None
    """The partition, where they are parts of GPUs."""
    resource: Name
    """The resource by which pods request them."""
    nodes: Annotated[tuple[FreeNodes, ...], Field(max_length=MOST_FREE_COUNTS)] = ()
    """Nodes with free devices, those with most first; empty where all devices are requested."""


class FreeCapacity(Model):
    """What was free when a configuration was selected."""

    replicas: Count
    """Replicas that the spec stated then."""
    hardware: Annotated[tuple[FreeHardware, ...], Field(max_length=MOST_FREE_KINDS)] = ()
    """Free devices by kind."""
