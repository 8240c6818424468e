"""The writes that reached the API server, the reads of Secrets and those of the hook server, from its audit log."""

import json
from dataclasses import dataclass

from tests.cluster.plane import ControlPlane

READS = {"get", "list", "watch"}
HOOKS = "system:serviceaccount:aim-system:aim-hooks"
METACONTROLLER = "system:serviceaccount:metacontroller:metacontroller"


@dataclass(frozen=True)
class Request:
    """One create, update, patch or delete, or one get, list or watch that is recorded; refused ones included."""

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


def writes(plane: ControlPlane, *, since: int = 0, user: str | None = None) -> list[Request]:
    """The writes after `since`, in order; of one user if named."""
    return [one for one in _requests(plane, since) if one.verb not in READS and user in (None, one.user)]


def reads_of_secrets(plane: ControlPlane, *, since: int = 0) -> list[Request]:
    """Who has asked for Secrets after `since`, in order; a list or watch has no name."""
    return [one for one in _requests(plane, since) if one.verb in READS and one.resource == "secrets"]


def observations(plane: ControlPlane, *, since: int = 0) -> list[Request]:
    """What the hook server has asked for after `since`, in order, whatever it was."""
    return [one for one in _requests(plane, since) if one.user == HOOKS]


def _requests(plane: ControlPlane, since: int) -> list[Request]:
    with plane.audit_log.open("rb") as log:
        log.seek(since)
        # The last line may be half written.
        lines = [line for line in log.read().split(b"\n")[:-1] if line]
    return [_request(json.loads(line)) for line in lines]


def _request(event: dict) -> Request:
    target = event.get("objectRef", {})
    return Request(
        user=event["user"].get("username", ""),  # nobody's, where a token was refused
        verb=event["verb"],
        resource="/".join(filter(None, (target.get("resource"), target.get("subresource")))),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event["responseStatus"]["code"],
    )
