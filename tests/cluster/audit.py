"""The writes that reached the API server, read from its audit log."""

import json
from dataclasses import dataclass

from tests.cluster.plane import ControlPlane

METACONTROLLER = "system:serviceaccount:metacontroller:metacontroller"


@dataclass(frozen=True)
class Write:
    """One create, update, patch or delete, refused ones included."""

    user: str
    verb: str
    resource: str
    """Plural, with the subresource if there is one: `aimendpoints/status`."""
    namespace: str
    name: str
    code: int
    """The HTTP status of the answer."""


def position(plane: ControlPlane) -> int:
    """Where the log ends now, for `writes(since=…)`."""
    return plane.audit_log.stat().st_size


def writes(plane: ControlPlane, *, since: int = 0, user: str | None = None) -> list[Write]:
    """The writes after `since`, in order; of one user if named."""
    with plane.audit_log.open("rb") as log:
        log.seek(since)
        # The last line may be half written.
        lines = [line for line in log.read().split(b"\n")[:-1] if line]
    found = [_write(json.loads(line)) for line in lines]
    return [write for write in found if user in (None, write.user)]


def _write(event: dict) -> Write:
    target = event.get("objectRef", {})
    return Write(
        user=event["user"]["username"],
        verb=event["verb"],
        resource="/".join(filter(None, (target.get("resource"), target.get("subresource")))),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event["responseStatus"]["code"],
    )
