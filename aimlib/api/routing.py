"""How an AIMEndpoint is reached through AIMGateways."""

from typing import Annotated

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import Model

MOST_ROUTED_NAMES = 8
RoutedName = Annotated[str, formats.MODEL_ID.field]
"""A name by which requests ask for a model."""
Weight = Annotated[int, Field(ge=0, le=100)]


class Routing(Model):
    """Which AIMGateways route requests here, and by which names. Whatever is stated here restarts no gateway."""

    enabled: bool = True
    """Whether gateways route requests here."""
    names: Annotated[tuple[RoutedName, ...], Field(max_length=MOST_ROUTED_NAMES)] = ()
    """Further names of the model. The engine is started with them, so a change of them replaces the pods."""
    weight: Weight | None = None
    """Its part of the requests where several endpoints of the namespace have one name: each of them must state it, else
    the oldest has the name alone. 0 for none."""
