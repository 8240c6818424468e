"""Lists the warnings among the Events of one object, as the observers of Events ask for them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kubernetes.client import CoreV1Api

from aimlib.api.meta import Raw
from hooks.kube_client import api_client
from hooks.server.observers.bodies import json_within

MAX_EVENTS = 100
"""Most Events of a list. They come by name, the oldest first, and client-go writes ten of an object in ten minutes."""
EVENT_LIST_TIMEOUT_SECONDS = 1.0
MAX_EVENT_BYTES = 4 * 2**20
"""Most bytes of a list; an Event has one or two KiB, and a SyncError with all children of an endpoint some ten."""
EVENTS_REUSED_FOR = timedelta(seconds=5)
"""How long a result is reused by syncs of the same parent: less than until its next sync, if nothing happens."""
MAX_PARENTS = 512
"""Most parents whose results are kept."""


class EventLister:
    """Asks the API server, with a client that is made for the first question."""

    def __init__(self) -> None:
        self._client: Any = None

    def warnings(self, namespace: str, uid: str, *selectors: str) -> Iterator[Raw]:
        """The warnings about the object with that uid, which more field selectors may narrow.

        Raises what the client does where the API server does not answer, and what `json_within` does.
        """
        self._client = self._client or api_client()
        response: Any = CoreV1Api(self._client).list_namespaced_event(
            namespace,
            field_selector=",".join((f"involvedObject.uid={uid}", *selectors, "type=Warning")),
            limit=MAX_EVENTS,
            _request_timeout=EVENT_LIST_TIMEOUT_SECONDS,
            _preload_content=False,
        )
        found = json_within(response, MAX_EVENT_BYTES, EVENT_LIST_TIMEOUT_SECONDS, "its Events")
        return (one for one in found.get("items") or () if isinstance(one, dict))
