"""The vendors' exporters of GPU metrics, and their names of the GPU utilization."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated

from pydantic import ConfigDict, Field

from aimlib.api.base import Model
from aimlib.data import load_data


class Exporter(Model):
    """One vendor's exporter of device metrics."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1)]
    utilization: Annotated[str, Field(min_length=1)]
    """Name of the gauge of GPU utilization, in percent."""


@cache
def exporters() -> Mapping[str, Exporter]:
    """The exporter of each vendor (amd, nvidia) that has one."""
    return {vendor: Exporter.model_validate(facts) for vendor, facts in load_data("exporters").items()}
