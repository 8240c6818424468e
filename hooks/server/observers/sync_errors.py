"""The observer of errors of syncs: lists the Events SyncError of one parent while children of it are given up.

Metacontroller tells neither a hook nor a status what the API server answered where it could not write a child: these
Events alone have it. They are no related objects, since those of all parents would be watched and kept.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from aimlib.api.meta import Raw
from aimlib.diagnosis.refusals import EVENT_READ_LENGTH, SyncError
from aimlib.kube.timestamp import parse_time
from aimlib.memo import Memo
from aimlib.protocol.metacontroller import Request
from hooks.server.observers.answered import answered
from hooks.server.observers.listed_events import EVENTS_REUSED_FOR, MAX_PARENTS, EventLister


class SyncErrorObserver:
    """Lists Events at the API server, at most once per sync."""

    def __init__(self, matters: Callable[[Request], bool]) -> None:
        """`matters` tells of a request whether children are given up."""
        self._matters = matters
        self._lister = EventLister()
        self._recent: Memo[tuple[datetime, list[SyncError] | None]] = Memo(MAX_PARENTS)

    def __call__(self, request: Request) -> list[SyncError] | None:
        """What Metacontroller told of the parent, the newest first; None where it does not matter, or on no answer."""
        metadata = request.parent["metadata"]
        namespace, uid = metadata.get("namespace"), metadata.get("uid")
        if not (namespace and uid and self._matters(request)):
            return None
        listed_at, found = self._recent.stored(uid) or (None, None)
        if listed_at is not None and timedelta(0) <= request.now - listed_at < EVENTS_REUSED_FOR:
            return found
        named = {"namespace": namespace, "name": metadata["name"]}
        found = answered("events", "events cannot be listed", partial(self._list, namespace, uid), **named)
        self._recent.store(uid, (request.now, found))
        return found

    def _list(self, namespace: str, uid: str) -> list[SyncError]:
        events = self._lister.warnings(namespace, uid, "reason=SyncError")
        return sorted(filter(None, map(_sync_error, events)), key=lambda one: one.at, reverse=True)


def _sync_error(event: Raw) -> SyncError | None:
    """One Event; None where it has no time, or no message."""
    at, message = parse_time(event.get("lastTimestamp") or event.get("eventTime")), event.get("message")
    return SyncError(message[:EVENT_READ_LENGTH], at) if at and isinstance(message, str) else None
