"""What a cluster has stored of an endpoint, which another release may have written."""

from pydantic import ValidationError

from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.meta import Raw


def read_status(endpoint: Raw) -> EndpointStatus | None:
    """The status of an endpoint; None where it cannot be read."""
    try:
        return EndpointStatus.model_validate(endpoint.get("status") or {})
    except ValidationError:
        return None
