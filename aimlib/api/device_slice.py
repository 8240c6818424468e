"""What is read of a ResourceSlice (resource.k8s.io/v1): the devices of one node that a DRA driver gives out."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import Model, Name

AttributeText = Annotated[str, Field(max_length=64)]
"""A text of an attribute, as long as the API server allows (DeviceAttributeMaxValueLength)."""


class AttributeValue(Model):
    """One value of a device's attribute; of other types there is none."""

    string: AttributeText | None = None
    version: AttributeText | None = None
    bool_value: Annotated[bool | None, Field(alias="bool")] = None
    int_value: Annotated[int | None, Field(alias="int")] = None


class RequestPolicy(Model):
    """How much of a capacity a claim takes."""

    default: Annotated[str, Field(max_length=64)] | None = None
    """What a claim takes that states nothing."""


class DeviceCapacity(Model):
    """One capacity of a device."""

    value: Annotated[str, Field(max_length=64)]
    request_policy: RequestPolicy | None = None


class CounterConsumption(Model):
    """That a device is made out of what others are made of, too."""

    counter_set: Name


class DeviceTaint(Model):
    """A taint of a device, which keeps away claims that do not tolerate it."""

    key: Name
    effect: Literal["None", "NoSchedule", "NoExecute"] = "NoSchedule"


class Device(Model):
    """A device as its driver describes it."""

    name: Name
    attributes: Annotated[dict[str, AttributeValue], Field(max_length=64)] = Field(default_factory=dict)
    """By name; one without a domain is of the driver's."""
    capacity: Annotated[dict[str, DeviceCapacity], Field(max_length=64)] = Field(default_factory=dict)
    taints: Annotated[tuple[DeviceTaint, ...], Field(max_length=32)] = ()
    consumes_counters: Annotated[tuple[CounterConsumption, ...], Field(max_length=32)] = ()
    allow_multiple_allocations: bool = False


class SlicePool(Model):
    """The pool of devices that the slice is a part of."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    generation: Annotated[int, Field(ge=0)]
    resource_slice_count: Annotated[int, Field(ge=1)]


class ResourceSliceSpec(Model):
    """The devices of a slice, of which there are up to 128."""

    driver: Name
    pool: SlicePool
    node_name: Name | None = None
    """The node; none where devices belong to several."""
    devices: Annotated[tuple[Device, ...], Field(max_length=1024)] = ()
