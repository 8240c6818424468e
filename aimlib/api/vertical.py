"""Requests for CPU and memory that follow what a model server uses, by a VerticalPodAutoscaler."""

from typing import Literal

from pydantic import Field

from aimlib.api.base import Quantity, Ruled, not_above

VERTICAL_POD_AUTOSCALER = "VerticalPodAutoscaler.autoscaling.k8s.io/v1"


class Bounds(Ruled):
    """The least and the most of one resource."""

    rules = (not_above("min", "max"),)

    min: Quantity | None = None
    """Never a smaller request."""
    max: Quantity | None = None
    """Never a larger request, so that the pod still fits on the nodes."""


class Vertical(Ruled):
    """Requests that follow what is used. GPUs stay as they are, limits too, and no pod is evicted."""

    mode: Literal["Off", "Initial", "InPlace"] = "Off"
    """Off: requests are as stated. Initial: pods that are made anew get the recommended ones. InPlace: pods that run,
    too, without a restart; the VerticalPodAutoscaler needs its feature gate InPlace. Needs the component vpa."""
    cpu: Bounds = Field(default_factory=Bounds)
    """Bounds of the CPU request, in cores."""
    memory: Bounds = Field(default_factory=Bounds)
    """Bounds of the memory request."""
