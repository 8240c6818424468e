"""Requests for CPU and memory that follow what a model server uses, by a VerticalPodAutoscaler."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, Quantity, Ruled
from aimlib.kube.quantity import parse_quantity

VERTICAL_POD_AUTOSCALER = "VerticalPodAutoscaler.autoscaling.k8s.io/v1"


def _ordered(raw: Mapping[str, Any]) -> bool:
    return "min" not in raw or "max" not in raw or parse_quantity(raw["min"]) <= parse_quantity(raw["max"])


class Bounds(Ruled):
    """The least and the most of one resource."""

    rules = (
        FieldRule(
            "!has(self.min) || !has(self.max) || quantity(self.min).compareTo(quantity(self.max)) <= 0",
            "min must not exceed max",
            _ordered,
        ),
    )

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
