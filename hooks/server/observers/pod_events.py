"""The observer of Events of Pods: lists those of one Pod while it has a node and is not prepared for containers.

They are no related objects, since those of all Pods would be watched and kept.
"""

from datetime import datetime, timedelta
from functools import partial

from aimlib.api.meta import Raw
from aimlib.diagnosis.engine_errors import READ_LENGTH
from aimlib.diagnosis.preparation import NotPrepared, PodEvent, not_prepared, preparing_pod
from aimlib.kube.timestamp import parse_time
from aimlib.memo import Memo
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import PODS
from hooks.server.observers.answered import answered
from hooks.server.observers.listed_events import EVENTS_REUSED_FOR, MAX_PARENTS, EventLister


class PodEventObserver:
    """Lists the Events of one Pod per sync at most."""

    def __init__(self) -> None:
        self._lister = EventLister()
        self._recent: Memo[tuple[datetime, list[PodEvent]]] = Memo(MAX_PARENTS)

    def __call__(self, request: Request) -> NotPrepared | None:
        """Why the Pod that is prepared the longest gets no containers; None where none is, or nothing is told."""
        pods = request.observations.get(PODS)
        pod = preparing_pod(pods or (), request.now)
        uid = pod and pod["metadata"].get("uid")
        if not (pod and uid):
            return None
        listed_at, events = self._recent.stored(uid) or (None, [])
        if listed_at is None or not timedelta(0) <= request.now - listed_at < EVENTS_REUSED_FOR:
            place = {"namespace": pod["metadata"]["namespace"], "name": pod["metadata"]["name"]}
            ask = partial(self._list, place["namespace"], uid)
            events = answered("events", "events of a pod cannot be listed", ask, **place) or []
            self._recent.store(uid, (request.now, events))
        return not_prepared(pod, events, request.now)

    def _list(self, namespace: str, uid: str) -> list[PodEvent]:
        return [*filter(None, map(_pod_event, self._lister.warnings(namespace, uid)))]


def _pod_event(event: Raw) -> PodEvent | None:
    """One Event; None where it has no time, no reason or no message."""
    series = event.get("series") or {}
    at = parse_time(event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime"))
    reason, message = event.get("reason"), event.get("message")
    return (
        PodEvent(reason, message[:READ_LENGTH], at)
        if at and isinstance(reason, str) and isinstance(message, str)
        else None
    )
