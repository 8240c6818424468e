"""Names that are like the one that an endpoint requests, where there is nothing of that name."""

from typing import NamedTuple

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import Selection
from aimlib.api.meta import Raw
from aimlib.protocol.observations import CatalogueNames
from aimlib.selection.near_names import suggestion
from aimlib.selection.select import Decision


class Asker(NamedTuple):
    """Who asks for a model that nothing may have."""

    namespace: str
    catalogue: CatalogueNames | None = None
    """What there is instead; None where it was not observed."""
    groups: bool = True
    """Whether the cluster has what runs a replica on several nodes."""


def with_suggestion(decision: Decision, spec: EndpointSpec, before: Raw, asker: Asker) -> Decision:
    """The decision with names that are like the requested one, where there is nothing of that name.

    What a status has of them stays while nobody observes the catalogue, so that no two servers write in turns.
    """
    selection, known = decision.selection, asker.catalogue
    if selection.considered:
        return decision
    found = suggestion(spec, known, asker.namespace) if known else _former_suggestion(selection, before)
    message = "; ".join(filter(None, (selection.message, found)))[:4096]
    return decision._replace(selection=selection.model_copy(update={"message": message}))


def _former_suggestion(selection: Selection, before: Raw) -> str:
    written = before.get("selection")
    former = str(written.get("message")) if isinstance(written, dict) else ""
    start = f"{selection.message}; "
    return former.removeprefix(start) if former.startswith(f"{start}did you mean ") else ""
